/**
 * What a device says: what became of a datagram, why one was dropped, and what has happened to sessions.
 * @module
 */

import type { PublicKey } from "../crypto/mod.ts";
import type { Endpoint } from "../net/mod.ts";

/** Every reason, so that readers of the counters see the zeros too. */
export const DROP_REASONS = [
  // Datagrams from the network
  "malformed-datagram",
  "wrong-mac1",
  "too-many-handshakes",
  "under-load",
  "rate-limited",
  "wrong-handshake",
  "unknown-peer",
  "replayed-handshake",
  "handshake-flood",
  "unknown-session",
  "wrong-cookie",
  "expired-session",
  "replayed-datagram",
  "wrong-tag",
  "malformed-inner-packet",
  "source-not-allowed",
  "hop-limit-exceeded",
  // Packets from this host
  "malformed-packet",
  "packet-too-long",
  "no-peer-for-destination",
  "no-endpoint",
  "handshake-queue-full",
  "handshake-failed",
  "transmit-queue-full",
] as const;

/** One of `DROP_REASONS`. */
export type DropReason = typeof DROP_REASONS[number];

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

/** One happening; `peer` is whose. */
export type DeviceEvent =
  /** A packet for it came while there was no session, nor perhaps an endpoint; told once in 5 s. */
  | { readonly kind: "session-wanted"; readonly peer: PublicKey }
  /** A first initiation was sent while no handshake was under way that this device had begun. */
  | { readonly kind: "handshake-begun"; readonly peer: PublicKey }
  /** An initiation was answered: there is a session once the peer has confirmed it. */
  | { readonly kind: "handshake-answered"; readonly peer: PublicKey }
  /** A session is ready in both directions. */
  | {
    readonly kind: "handshake-completed";
    readonly peer: PublicKey;
    readonly role: "initiator" | "responder";
  }
  /** No answer for 5 s; attempt number `attempt` has been sent. */
  | { readonly kind: "handshake-retry"; readonly peer: PublicKey; readonly attempt: number }
  /** No answer for 90 s; the next packet begins anew. */
  | { readonly kind: "handshake-failed"; readonly peer: PublicKey }
  /** What this device had begun is not gone on with: a key has changed, or the peer or the interface is gone. */
  | { readonly kind: "handshake-cancelled"; readonly peer: PublicKey }
  /** The peer has been heard from somewhere else. */
  | { readonly kind: "endpoint-changed"; readonly peer: PublicKey; readonly endpoint: Endpoint }
  /** All keys are forgotten. */
  | { readonly kind: "session-expired"; readonly peer: PublicKey };
