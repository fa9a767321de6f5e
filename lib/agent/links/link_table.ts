/**
 * The open links, at most one to each member.
 * @module
 */

import type { Channel } from "../../channel/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";

/** A channel with the member at its other end, and who dialled it. */
export interface Link {
  readonly nodeId: NodeId;
  readonly channel: Channel;
  readonly dialler: "us" | "them";
}

/** Keeps links while they are open, and decides when two of them lead to the same member. */
export class LinkTable {
  readonly #self: NodeId;
  readonly #links = new Map<NodeId, Link>();

  /** @param self this node's id */
  constructor(self: NodeId) {
    this.#self = self;
  }

  get(nodeId: NodeId): Link | undefined {
    return this.#links.get(nodeId);
  }

  all(): Link[] {
    return [...this.#links.values()];
  }

  /**
   * Keeps `link` until it closes, unless another one to the same member is preferred; the loser is closed.
   * @returns whether it was kept
   */
  add(link: Link): boolean {
    const current = this.#links.get(link.nodeId);
    if (current !== undefined && preferredLink(this.#self, current, link) === current) {
      link.channel.close("another link is open");
      return false;
    }
    this.#links.set(link.nodeId, link);
    current?.channel.close("replaced by another link");
    link.channel.closed.then(() => {
      if (this.#links.get(link.nodeId) === link) this.#links.delete(link.nodeId);
    });
    return true;
  }

  /** Closes the link to a member; harmless when there is none. */
  close(nodeId: NodeId, reason: string): void {
    this.#links.get(nodeId)?.channel.close(reason);
  }

  /** Closes all. @returns when they are closed */
  async closeAll(reason: string): Promise<void> {
    const links = this.all();
    for (const { channel } of links) channel.close(reason);
    await Promise.all(links.map(({ channel }) => channel.closed));
  }
}

/**
 * Decides between two links to the same member, so that both ends keep the same one: the dial of the smaller node
 * id wins; of two dials in one direction the newer one, since the older is what a restart left half-open.
 *
 * @param self this node's id
 * @returns the link to keep
 */
export function preferredLink(self: NodeId, current: Link, candidate: Link): Link {
  if (current.dialler === candidate.dialler) return candidate;
  const winner = self < candidate.nodeId ? "us" : "them";
  return candidate.dialler === winner ? candidate : current;
}
