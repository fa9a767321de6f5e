/**
 * Looking for a leader on the networks that this host is in.
 * @module
 */

import type { Logger } from "../base/mod.ts";
import type { AgentOptions } from "../config/mod.ts";
import type { JoinToken, NodeIdentity } from "../mesh/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { LanDiscovery } from "./lan_discovery.ts";

/** More answers than this are not tried: the network has few leaders, so most of them would be lies. */
const MAX_FOUND = 8;

/** Seeks from its first `seek` until `close`. */
export class LeaderSearch {
  readonly #found: Endpoint[] = [];
  readonly #parts: SearchParts;
  #lan: Promise<LanDiscovery | undefined> | undefined;

  constructor(parts: SearchParts) {
    this.#parts = parts;
  }

  /** Whether it may call out at all. */
  get isAllowed(): boolean {
    return this.#parts.options.discovery;
  }

  /** Calls out for leaders of the token's network. Harmless when repeated. */
  async seek(): Promise<void> {
    const { token, identity, options, log } = this.#parts;
    await (this.#lan ??= LanDiscovery.start({
      networkId: token.networkId,
      nodeId: identity.id,
      role: { kind: "seeker" },
      options,
      log,
      overlay: [token.cidr],
      observer: ({ kind, endpoint }) => {
        if (kind !== "found" || this.#found.length >= MAX_FOUND) return;
        if (!this.#found.some((known) => known.equals(endpoint))) this.#found.push(endpoint);
      },
    }));
  }

  /** @returns where leaders have answered so far; none of it is proved */
  found(): readonly Endpoint[] {
    return [...this.#found];
  }

  /** Calls no more. */
  async close(): Promise<void> {
    await (await this.#lan)?.close();
  }
}

/** What a search works with. */
export interface SearchParts {
  readonly token: JoinToken;
  readonly identity: NodeIdentity;
  readonly options: AgentOptions;
  readonly log: Logger;
}
