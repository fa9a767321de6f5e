/**
 * How messages of STUN's Binding begin: RFC 8489 §5. They share the socket of WireGuard, whose messages begin with a byte of
 * 1 to 4 and three zeros (WireGuard paper §5.4); an answer of STUN begins with 1, and then 1 or 17, so that no datagram is
 * both.
 *
 * ```text
 *   0      2        4              8                20
 *   | type | length | magic cookie | transaction id | attributes
 * ```
 * @module
 */

/** Length of the header in bytes. */
export const STUN_HEADER_BYTES = 20;
/** Where the transaction's id of 12 bytes stands. */
export const STUN_ID_AT = 8;
/** RFC 8489 §6.1: what fits every path of IPv6. */
export const MOST_STUN_BYTES = 1280;

/** @returns whether a datagram at `at` begins as an answer to a Binding request, or the error of one, does */
export function isStunAnswer(memory: Uint8Array, at: number, lengthBytes: number): boolean {
  // The first two bytes say it of all that is WireGuard's.
  if (memory[at] !== 0x01) return false;
  const second = memory[at + 1];
  return (second === 0x01 || second === 0x11) && hasStunForm(memory, at, lengthBytes);
}

/** @returns whether a datagram is a Binding request, as far as its header tells */
export function isStunRequest(datagram: Uint8Array): boolean {
  return datagram[0] === 0x00 && datagram[1] === 0x01 && hasStunForm(datagram, 0, datagram.length);
}

/** §5: the cookie, and a length that is a multiple of four and counts all that follows the header. */
function hasStunForm(memory: Uint8Array, at: number, lengthBytes: number): boolean {
  if (lengthBytes < STUN_HEADER_BYTES || lengthBytes > MOST_STUN_BYTES || (lengthBytes & 3) !== 0) {
    return false;
  }
  return memory[at + 4] === 0x21 && memory[at + 5] === 0x12 && memory[at + 6] === 0xa4 &&
    memory[at + 7] === 0x42 &&
    ((memory[at + 2] ?? 0) << 8 | (memory[at + 3] ?? 0)) === lengthBytes - STUN_HEADER_BYTES;
}
