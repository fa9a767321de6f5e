/**
 * Looking for a leader on the networks that this host is in, and in the DHT.
 * @module
 */

import type { Logger } from "../../base/mod.ts";
import type { AgentOptions } from "../../config/mod.ts";
import type { JoinToken, NodeIdentity } from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import { DhtDiscovery } from "./dht_discovery.ts";
import { LanDiscovery } from "./lan_discovery.ts";

/** More answers than this are not tried: the network has few leaders, so most of them would be lies. */
const MAX_FOUND = 8;
/** Anybody may be there, so that more of them are worth a dial. */
const MAX_PLACES = 32;
/** A leader that has just been started needs a moment; one that is away is not waited for. */
const LAN_TIMEOUT_MS = 6_000;
/** A walk through the public DHT takes up to ten seconds, and a leader announces itself as soon as it can. */
const DHT_TIMEOUT_MS = 30_000;

/** Seeks from its first `seek` until `close`. */
export class LeaderSearch {
  readonly #found: Endpoint[] = [];
  readonly #parts: SearchParts;
  readonly #places: Endpoint[] = [];
  #lan: Promise<LanDiscovery | undefined> | undefined;
  #dht: DhtDiscovery | undefined;

  constructor(parts: SearchParts) {
    this.#parts = parts;
  }

  /** Whether it may call out at all. */
  get isAllowed(): boolean {
    const { discovery, discoveryDht } = this.#parts.options;
    return discovery || discoveryDht;
  }

  /** How long looking is worth it, in milliseconds. */
  get patienceMs(): number {
    return this.#parts.options.discoveryDht ? DHT_TIMEOUT_MS : LAN_TIMEOUT_MS;
  }

  /** Calls out for leaders of the token's network. Harmless when repeated. */
  async seek(): Promise<void> {
    const { token, identity, options, log } = this.#parts;
    this.#dht ??= DhtDiscovery.start({
      networkId: token.networkId,
      options,
      log,
      overlay: [token.cidr],
      isLooking: () => true,
      observer: (place) => {
        if (this.#places.length < MAX_PLACES) keep(this.#places, place);
      },
    });
    await (this.#lan ??= LanDiscovery.start({
      networkId: token.networkId,
      nodeId: identity.id,
      role: { kind: "seeker" },
      options,
      log,
      overlay: [token.cidr],
      observer: ({ kind, endpoint }) => {
        if (kind === "found" && this.#found.length < MAX_FOUND) keep(this.#found, endpoint);
      },
    }));
  }

  /** @returns where leaders have answered so far; none of it is proved */
  found(): readonly Endpoint[] {
    return [...this.#found];
  }

  /** @returns where somebody of the network is said to listen, who may be a leader, or anybody */
  places(): readonly Endpoint[] {
    return [...this.#places];
  }

  /** Calls no more. */
  async close(): Promise<void> {
    await Promise.all([this.#dht?.close(), this.#lan?.then((lan) => lan?.close())]);
  }
}

function keep(endpoints: Endpoint[], endpoint: Endpoint): void {
  if (!endpoints.some((known) => known.equals(endpoint))) endpoints.push(endpoint);
}

/** What a search works with. */
export interface SearchParts {
  readonly token: JoinToken;
  readonly identity: NodeIdentity;
  readonly options: AgentOptions;
  readonly log: Logger;
}
