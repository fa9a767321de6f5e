/**
 * What `Device` makes of a datagram.
 * @module
 */

import type { PublicKey } from "../crypto/mod.ts";
import { DROP_REASONS, type DropReason } from "./drop_reason.ts";

/** What became of a datagram. The object is used again by the next call. */
export type DatagramOutcome =
  /** An IP packet of `peer` for this host, valid until the next call. */
  | { readonly kind: "packet"; readonly packet: Uint8Array; readonly peer: PublicKey }
  /** It was a handshake, a cookie or a keepalive. */
  | { readonly kind: "handled" }
  | { readonly kind: "dropped"; readonly reason: DropReason };

/** There is nothing to do about it. */
export const HANDLED: DatagramOutcome = Object.freeze({ kind: "handled" });
/** One object for each reason. */
export const DROPPED: Readonly<Record<DropReason, DatagramOutcome>> = Object.freeze(Object.fromEntries(
  DROP_REASONS.map((reason) => [reason, Object.freeze({ kind: "dropped", reason })]),
)) as Record<DropReason, DatagramOutcome>;
