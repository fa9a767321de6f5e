/**
 * How far a TCP connection is, as somebody sees it who stands between both ends (RFC 9293 §3.3.2, RFC 5382 §5, RFC 7857 §2).
 *
 *     OPENING ── both ends have sent SYN, and one an ACK of it ──▶ OPEN ── FIN of one ──▶ CLOSING ── FIN of both ──▶ CLOSED
 *        └───────────────────────── RST that stands where the connection does ─────────────────────────────────────────▲
 *
 * @module
 */

import { sequenceLength, TCP_FLAGS, uint32At } from "../../net/mod.ts";

/** Bits of a state; direction 0 is that of whoever began, 1 the other. */
const SYN_OF = [1, 2] as const;
const FIN_OF = [4, 8] as const;
const OPEN = 16;
const RESET_OF = [32, 64] as const;

/** 12 minutes without a segment; RFC 5382 §5 wants two hours of a NAT, which forgets an address with it; here only a question is asked again. */
export const TCP_OPEN_MS: number = 12 * 60_000;
/** Until both ends have answered; RFC 5382 §5 allows 4 minutes. */
export const TCP_OPENING_MS = 60_000;
/** One end has ended its direction. */
export const TCP_CLOSING_MS: number = 4 * 60_000;
/** Both have; what is late still passes. */
export const TCP_CLOSED_MS = 30_000;

/** What a segment that was picked up in the middle begins with. */
export const PICKED_UP: number = OPEN | SYN_OF[0] | SYN_OF[1];

/**
 * @param flags of the segment
 * @param reverse 1 when it is from who did not begin
 * @param isResetPlausible whether its sequence number is where the connection is
 * @returns the state behind it
 */
export function nextTcpState(
  state: number,
  flags: number,
  reverse: number,
  isResetPlausible: boolean,
): number {
  if ((flags & TCP_FLAGS.RST) !== 0) return isResetPlausible ? state | (RESET_OF[reverse] ?? 0) : state;
  // A new connection of the same ports begins anew where the former one is over.
  if ((flags & (TCP_FLAGS.SYN | TCP_FLAGS.ACK)) === TCP_FLAGS.SYN && reverse === 0 && isClosed(state)) {
    return SYN_OF[0];
  }
  // Who has reset a connection says nothing more of it: the reset was somebody else's.
  let next = state & ~(RESET_OF[reverse] ?? 0);
  if ((flags & TCP_FLAGS.SYN) !== 0) next |= SYN_OF[reverse] ?? 0;
  if ((flags & TCP_FLAGS.FIN) !== 0) next |= FIN_OF[reverse] ?? 0;
  const hasBoth = (next & (SYN_OF[0] | SYN_OF[1])) === (SYN_OF[0] | SYN_OF[1]);
  if (hasBoth && (flags & TCP_FLAGS.ACK) !== 0) next |= OPEN;
  return next;
}

/** Whether nothing more is expected. */
export function isClosed(state: number): boolean {
  return (state & (RESET_OF[0] | RESET_OF[1])) !== 0 ||
    (state & (FIN_OF[0] | FIN_OF[1])) === (FIN_OF[0] | FIN_OF[1]);
}

/** Whether both ends have said so much that neither opens it any more. */
export function isEstablished(state: number): boolean {
  return (state & OPEN) !== 0 || isClosed(state);
}

/** @returns how long a connection in that state may be silent, in milliseconds */
export function tcpTimeoutMs(state: number): number {
  if (isClosed(state)) return TCP_CLOSED_MS;
  if ((state & (FIN_OF[0] | FIN_OF[1])) !== 0) return TCP_CLOSING_MS;
  return (state & OPEN) !== 0 ? TCP_OPEN_MS : TCP_OPENING_MS;
}

/** How far a reset may be from where the connection is: as much as a window can be without being scaled far. */
const RESET_WINDOW = 1 << 20;

/** @returns the sequence number behind a segment, of 32 bits */
export function sequenceEnd(bytes: Uint8Array, at: number, end: number): number {
  return (uint32At(bytes, at + 4) + sequenceLength(bytes, at, end)) | 0;
}

/**
 * Whether a reset stands where the connection is, so that nobody ends a flow blindly (RFC 5961 §3.2 asks more of the end
 * itself, which decides about the connection).
 * @param at where the segment begins
 * @param sequences where the numbers behind both directions' last segments are
 * @param reverse whose direction it is
 */
export function isPlausibleReset(
  bytes: Uint8Array,
  at: number,
  numbers: Int32Array,
  sequences: number,
  reverse: number,
): boolean {
  const own = numbers[sequences + reverse] ?? 0;
  const other = numbers[sequences + 1 - reverse] ?? 0;
  const acknowledged = uint32At(bytes, at + 8) | 0;
  const flags = bytes[at + 13] ?? 0;
  // Who has said nothing yet refuses by acknowledging what was said to it.
  if (own === 0) return (flags & TCP_FLAGS.ACK) !== 0 && isNear(acknowledged, other);
  return isNear(uint32At(bytes, at + 4) | 0, own);
}

function isNear(a: number, b: number): boolean {
  return Math.abs((a - b) | 0) <= RESET_WINDOW;
}
