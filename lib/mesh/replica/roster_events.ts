/**
 * What has changed in a roster since somebody looked.
 * @module
 */

import type { PublicKey } from "../../crypto/mod.ts";
import type { NodeId } from "../identity/mod.ts";

/** What happened to one member. */
export interface RosterEvent {
  readonly kind: "member-added" | "member-updated" | "member-removed" | "endpoints-changed";
  readonly nodeId: NodeId;
  /** The roster does not have it any more when the member was removed. */
  readonly publicKey: PublicKey;
}

/**
 * Holds at most one event for each member, so that it is bounded by the roster and loses nothing: a later event is
 * folded into the one that waits.
 */
export class RosterEvents {
  readonly #waiting = new Map<NodeId, RosterEvent>();

  push(event: RosterEvent): void {
    const waiting = this.#waiting.get(event.nodeId)?.kind;
    // Whoever reads "added" or "updated" reads the endpoints too.
    const isCovered = waiting !== undefined && waiting !== "member-removed" &&
      (event.kind === "endpoints-changed" || (event.kind === "member-updated" && waiting === "member-added"));
    if (isCovered) return;
    this.#waiting.delete(event.nodeId);
    this.#waiting.set(event.nodeId, event);
  }

  /** @returns the oldest event, or undefined when nothing has changed */
  poll(): RosterEvent | undefined {
    for (const [nodeId, event] of this.#waiting) {
      this.#waiting.delete(nodeId);
      return event;
    }
    return undefined;
  }
}
