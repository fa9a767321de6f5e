/**
 * Why a packet or datagram went no further.
 * @module
 */

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
