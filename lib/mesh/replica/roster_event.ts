/**
 * What a roster tells of its members.
 * @module
 */

import type { PublicKey } from "../../crypto/mod.ts";
import type { NodeId } from "../identity/mod.ts";

/** What happened to one member. */
export interface RosterEvent {
  readonly kind: "member-added" | "member-updated" | "member-removed" | "endpoints-changed" | "stated-again";
  readonly nodeId: NodeId;
  /** The roster does not have it any more when the member was removed. */
  readonly publicKey: PublicKey;
}

/** Whether a member has said something of itself, and the network nothing of it. */
export function isAboutStatement({ kind }: Pick<RosterEvent, "kind">): boolean {
  return kind === "endpoints-changed" || kind === "stated-again";
}
