/**
 * Searching for a leader on the networks that this host is in, and in the DHT.
 * @module
 */

import type { Environment } from "../../base/mod.ts";
import type { AgentOptions } from "../../config/mod.ts";
import type { JoinToken, NodeIdentity } from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import { DhtDiscovery } from "./dht_discovery.ts";
import { LanDiscovery } from "./lan_discovery.ts";

/** More answers than this are not tried: the network has few leaders, so most of them would be forged. */
const MAX_LAN_ENDPOINTS = 8;
/** Anybody may be there, so that more of them are worth a dial. */
const MAX_DHT_ENDPOINTS = 32;
/** A leader that has just been started needs a moment; one that is away is not waited for. */
const LAN_TIMEOUT_MS = 6_000;
/** A walk through the public DHT takes up to ten seconds, and a leader announces itself as soon as it can. */
const DHT_TIMEOUT_MS = 30_000;

interface LeaderSearchParts extends Environment {
  readonly token: JoinToken;
  readonly identity: NodeIdentity;
  readonly options: AgentOptions;
}

/** Seeks from its first `seek` until `close`. */
export class LeaderSearch {
  readonly #parts: LeaderSearchParts;
  readonly #lanEndpoints: Endpoint[] = [];
  readonly #dhtEndpoints: Endpoint[] = [];
  #lan: Promise<LanDiscovery | undefined> | undefined;
  #dht: DhtDiscovery | undefined;

  constructor(parts: LeaderSearchParts) {
    this.#parts = parts;
  }

  /** Whether it may search at all. */
  get isAllowed(): boolean {
    const { discovery, discoveryDht } = this.#parts.options;
    return discovery || discoveryDht;
  }

  /** How long searching is worth it, in milliseconds. */
  get timeoutMs(): number {
    return this.#parts.options.discoveryDht ? DHT_TIMEOUT_MS : LAN_TIMEOUT_MS;
  }

  /** Begins to search for leaders of the token's network. Harmless when repeated. */
  async seek(): Promise<void> {
    const { token: { networkId, cidr }, identity } = this.#parts;
    const parts = { ...this.#parts, networkId, overlay: [cidr] };
    this.#dht ??= DhtDiscovery.start({
      ...parts,
      isLooking: () => true,
      observer: (endpoint) => keep(this.#dhtEndpoints, endpoint, MAX_DHT_ENDPOINTS),
    });
    await (this.#lan ??= LanDiscovery.start({
      ...parts,
      nodeId: identity.id,
      role: { kind: "seeker" },
      observer: ({ kind, endpoint }) => {
        if (kind === "found") keep(this.#lanEndpoints, endpoint, MAX_LAN_ENDPOINTS);
      },
    }));
  }

  /** @returns from where leaders have answered so far; none of it is proved */
  lanEndpoints(): readonly Endpoint[] {
    return [...this.#lanEndpoints];
  }

  /** @returns what the DHT holds of the network so far; a leader may be there, another member, or anybody */
  dhtEndpoints(): readonly Endpoint[] {
    return [...this.#dhtEndpoints];
  }

  async close(): Promise<void> {
    await Promise.all([this.#dht?.close(), this.#lan?.then((lan) => lan?.close())]);
  }
}

function keep(endpoints: Endpoint[], endpoint: Endpoint, atMost: number): void {
  if (endpoints.length >= atMost || endpoints.some((known) => known.equals(endpoint))) return;
  endpoints.push(endpoint);
}
