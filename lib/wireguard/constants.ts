/**
 * The numbers of the WireGuard protocol (WireGuard paper §6.1 and Linux's `drivers/net/wireguard/messages.h`).
 * @module
 */

/** Datagrams are padded to a multiple of this many bytes (paper §5.4.6). */
export const PADDING_BYTES = 16;

/** How many packets wait for a handshake; further ones push out the oldest (as the reference). */
export const STAGED_PACKETS = 128;

// DEVIATION: the paper rekeys after 2^60 messages and rejects after 2^64-2^13-1. Our counters are safe integers and end
// a factor of 2^11 earlier; at ten million packets a second that is 28 years, and sessions live three minutes.
/** After so many messages an initiator begins a new handshake. */
export const REKEY_AFTER_MESSAGES: number = 2 ** 52;
/** A session that has sent so many messages carries no more. */
export const REJECT_AFTER_MESSAGES: number = Number.MAX_SAFE_INTEGER - 2 ** 13;

/** Every interval of the protocol, in milliseconds. Peers need not agree on them, but should. */
export interface ProtocolTimers {
  /** An initiator begins a new handshake when it sends on a session of this age. */
  readonly rekeyAfterTimeMs: number;
  /** A session of this age carries nothing. */
  readonly rejectAfterTimeMs: number;
  /** Attempts at a handshake end after this time. */
  readonly rekeyAttemptTimeMs: number;
  /** The time between two attempts, to which jitter is added. */
  readonly rekeyTimeoutMs: number;
  /** The bound of that jitter. */
  readonly rekeyJitterMs: number;
  /** Whoever has received and has had nothing to send for so long sends a keepalive. */
  readonly keepaliveTimeoutMs: number;
  /** How long a cookie is good for. */
  readonly cookieRefreshTimeMs: number;
  /** Initiations of one peer that come closer together are a flood. */
  readonly initiationIntervalMs: number;
}

/** The values of paper §6.1. */
export const PROTOCOL_TIMERS: ProtocolTimers = Object.freeze({
  rekeyAfterTimeMs: 120_000,
  rejectAfterTimeMs: 180_000,
  rekeyAttemptTimeMs: 90_000,
  rekeyTimeoutMs: 5_000,
  rekeyJitterMs: 333,
  keepaliveTimeoutMs: 10_000,
  cookieRefreshTimeMs: 120_000,
  initiationIntervalMs: 50,
});
