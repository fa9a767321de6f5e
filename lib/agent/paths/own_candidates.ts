/**
 * Where this node may be reached: the endpoints that it states, and those at which members, and servers of STUN that were
 * asked, have seen its datagrams.
 * @module
 */

import { MAX_INTRODUCED_ENDPOINTS, type NodeId } from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { EndpointSelector } from "../endpoint_selector.ts";

/** So many members' words are kept; one member alone can name one endpoint of each family. */
const MAX_OBSERVERS = 64;
/** So many of what they say are told to others. */
const MAX_SEEN = 6;

/** What others see of this node. */
export class OwnCandidates {
  readonly #endpoints: Pick<EndpointSelector, "own">;
  readonly #isMember: (nodeId: NodeId) => boolean;
  /** The newest last. */
  readonly #seen = new Map<string, { readonly by: NodeId; readonly at: Endpoint }>();

  /** What servers of STUN say, one endpoint of each. */
  #mapped: readonly Endpoint[] = [];

  constructor(endpoints: Pick<EndpointSelector, "own">, isMember: (nodeId: NodeId) => boolean) {
    this.#endpoints = endpoints;
    this.#isMember = isMember;
  }

  /** A member has seen this node's datagrams come from `at`. */
  note(by: NodeId, at: Endpoint): void {
    const key = `${by} ${at.address.family}`;
    this.#seen.delete(key);
    this.#seen.set(key, { by, at });
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MAX_OBSERVERS && oldest !== undefined) this.#seen.delete(oldest);
  }

  /** Servers of STUN see this node's datagrams come from there, and nowhere else any more; each says one. */
  setMapped(endpoints: readonly Endpoint[]): void {
    this.#mapped = endpoints;
  }

  /** @returns where others see this node, each once, what most of them say first */
  seen(): readonly Endpoint[] {
    const counts = new Map<string, { readonly at: Endpoint; count: number }>();
    const ofMembers = [...this.#seen.values()].filter(({ by }) => this.#isMember(by));
    for (const at of [...ofMembers.map((each) => each.at), ...this.#mapped]) {
      const known = counts.get(at.toString());
      if (known === undefined) counts.set(at.toString(), { at, count: 1 });
      else known.count++;
    }
    return [...counts.values()].toSorted((a, b) => b.count - a.count).slice(0, MAX_SEEN).map(({ at }) => at);
  }

  /** @returns what others are to try, as seen first: an address behind a NAT means nothing elsewhere */
  all(): readonly Endpoint[] {
    const seen = this.seen();
    const stated = this.#endpoints.own().endpoints
      .filter((endpoint) => !endpoint.address.isLoopback && !seen.some((other) => other.equals(endpoint)));
    return [...seen, ...stated].slice(0, MAX_INTRODUCED_ENDPOINTS);
  }

  /** Whether others see this node at different ports, so that its NAT maps each destination to another one (RFC 4787 §4.1). */
  get variesByDestination(): boolean | undefined {
    const ports = new Map<string, Set<number>>();
    const all = [...[...this.#seen.values()].map(({ at }) => at), ...this.#mapped];
    for (const at of all) {
      const host = at.address.toString();
      const known = ports.get(host) ?? new Set();
      ports.set(host, known.add(at.port));
    }
    if (all.length < 2) return undefined;
    return [...ports.values()].some((each) => each.size > 1);
  }

  /** What was seen counts no more: this host is somewhere else. */
  forget(): void {
    this.#seen.clear();
    this.#mapped = [];
  }
}
