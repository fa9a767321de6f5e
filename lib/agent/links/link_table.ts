/**
 * The open links, at most one to each member on which something is sent.
 * @module
 */

import type { Clock } from "../../base/mod.ts";
import type { Channel } from "../../channel/mod.ts";
import type { AgreedVersions, NodeId } from "../../mesh/mod.ts";
import type { Endpoint, WebAddress } from "../../net/mod.ts";

/**
 * How a link goes: straight to an address, by the packet plane, by WebSocket, or through another member, who can't read
 * it. A WebSocket that was accepted has the address of the proxy before this node, if there is one.
 */
export type LinkWay =
  | { readonly kind: "direct" | "tunnel"; readonly endpoint: Endpoint }
  | { readonly kind: "web"; readonly at: Endpoint | WebAddress }
  | { readonly kind: "relay"; readonly via: NodeId };

/** A channel with the member at its other end, who dialled it, and how it goes. */
export interface Link {
  readonly nodeId: NodeId;
  readonly channel: Channel;
  readonly dialler: "us" | "them";
  /** What both ends speak. */
  readonly versions?: AgreedVersions;
  readonly way: LinkWay;
}

/** Takes over a link on which nothing more is sent: the other end may have said something on it. */
export interface LinkDrain {
  /** Closes the link when both ends have read what was sent on it, or at once when there are too many. */
  drain(link: Link, reason: string): void;
}

/** So many links to one member may be closing while another one is used; the oldest gives way. */
const MAX_DRAINING = 3;

/**
 * Nobody dials a member to which it has a link; two dials that cross are over sooner. Whoever dials later has lost it.
 */
const CROSSING_MS = 10_000;

const CLOSE_AT_ONCE: LinkDrain = { drain: ({ channel }, reason) => channel.close(reason) };

/** Keeps links while they are open, and decides when two of them lead to the same member. */
export class LinkTable {
  readonly #self: NodeId;
  readonly #drain: LinkDrain;
  readonly #links = new Map<NodeId, Link>();
  readonly #draining = new Map<NodeId, Link[]>();
  readonly #ends = new WeakMap<Link, PromiseWithResolvers<void>>();
  readonly #clock: Pick<Clock, "now"> | undefined;
  readonly #addedAt = new WeakMap<Link, number>();

  /**
   * @param self this node's id
   * @param options.drain takes over links that others are preferred to; they are closed at once without one
   * @param options.clock tells which links are old; none is without one
   */
  constructor(
    self: NodeId,
    { drain = CLOSE_AT_ONCE, clock }: { readonly drain?: LinkDrain; readonly clock?: Pick<Clock, "now"> } =
      {},
  ) {
    this.#clock = clock;
    this.#self = self;
    this.#drain = drain;
  }

  get(nodeId: NodeId): Link | undefined {
    return this.#links.get(nodeId);
  }

  all(): Link[] {
    return [...this.#links.values()];
  }

  /** @returns a promise that resolves when the link is not the member's any more: it was closed, or replaced */
  ended(link: Link): Promise<void> {
    return this.#ends.get(link)?.promise ?? Promise.resolve();
  }

  /**
   * Keeps `link` until it closes, unless another one to the same member is preferred; the loser is drained.
   * @returns whether it was kept
   */
  add(link: Link): boolean {
    const current = this.#links.get(link.nodeId);
    if (current !== undefined && this.#preferred(current, link) === current) {
      this.#retire(link, "another link is open");
      return false;
    }
    const end = Promise.withResolvers<void>();
    this.#ends.set(link, end);
    this.#links.set(link.nodeId, link);
    this.#addedAt.set(link, this.#clock?.now() ?? 0);
    if (current !== undefined) {
      this.#ends.get(current)?.resolve();
      this.#retire(current, "replaced by another link");
    }
    link.channel.closed.then(() => {
      if (this.#links.get(link.nodeId) === link) this.#links.delete(link.nodeId);
      end.resolve();
    });
    return true;
  }

  /** Takes a link away that does not answer, and closes it; the member has none from now on. */
  abandon(link: Link, reason: string): void {
    if (this.#links.get(link.nodeId) === link) this.#links.delete(link.nodeId);
    link.channel.close(reason);
    this.#ends.get(link)?.resolve();
  }

  /** Closes the links to a member; harmless when there is none. */
  close(nodeId: NodeId, reason: string): void {
    this.#links.get(nodeId)?.channel.close(reason);
    for (const { channel } of this.#draining.get(nodeId) ?? []) channel.close(reason);
  }

  /** Closes all. @returns when they are closed */
  async closeAll(reason: string): Promise<void> {
    const links = [...this.all(), ...[...this.#draining.values()].flat()];
    for (const { channel } of links) channel.close(reason);
    await Promise.all(links.map(({ channel }) => channel.closed));
  }

  /** @returns the members with links, those that are drained too */
  members(): NodeId[] {
    return [...new Set([...this.#links.keys(), ...this.#draining.keys()])];
  }

  #preferred(current: Link, candidate: Link): Link {
    const ageMs = (this.#clock?.now() ?? 0) - (this.#addedAt.get(current) ?? 0);
    const hasLostIt = candidate.dialler === "them" && ageMs >= CROSSING_MS &&
      isDetour(current.way) === isDetour(candidate.way);
    return hasLostIt ? candidate : preferredLink(this.#self, current, candidate);
  }

  #retire(link: Link, reason: string): void {
    const { nodeId, channel } = link;
    const draining = this.#draining.get(nodeId) ?? [];
    this.#draining.set(nodeId, draining);
    draining.push(link);
    if (draining.length > MAX_DRAINING) draining[0]?.channel.close("too many links");
    channel.closed.then(() => {
      draining.splice(draining.indexOf(link), 1);
      if (draining.length === 0 && this.#draining.get(nodeId) === draining) this.#draining.delete(nodeId);
    });
    this.#drain.drain(link, reason);
  }
}

/** A way of a greater rank is better: nobody's programs are between. Both ends see the same of a link. */
const RANKS: Readonly<Record<LinkWay["kind"], number>> = { relay: 0, web: 1, tunnel: 2, direct: 2 };

/** @returns whether a better way is worth looking for */
export function isDetour({ kind }: LinkWay): boolean {
  return RANKS[kind] < RANKS.direct;
}

/**
 * Decides between two links to the same member, so that both ends keep the same one: the better way wins; else the dial of the smaller node id; of two dials in one direction the newer one, since the older is what a
 * restart left half-open.
 *
 * @param self this node's id
 * @returns the link to keep
 */
export function preferredLink(self: NodeId, current: Link, candidate: Link): Link {
  const better = RANKS[candidate.way.kind] - RANKS[current.way.kind];
  if (better !== 0) return better > 0 ? candidate : current;
  if (current.dialler === candidate.dialler) return candidate;
  const winner = self < candidate.nodeId ? "us" : "them";
  return candidate.dialler === winner ? candidate : current;
}
