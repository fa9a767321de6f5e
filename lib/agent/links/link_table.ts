/**
 * The open links, at most one to each member.
 * @module
 */

import type { NodeId } from "../../mesh/mod.ts";
import { type Link, preferredLink } from "./link.ts";

/** Keeps links while they are open, and decides when two of them lead to the same member. */
export class LinkTable {
  readonly #self: NodeId;
  readonly #links = new Map<NodeId, Link>();

  /** @param self this node's id */
  constructor(self: NodeId) {
    this.#self = self;
  }

  get size(): number {
    return this.#links.size;
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
