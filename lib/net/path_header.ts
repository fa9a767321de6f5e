/**
 * How datagrams of the path protocol begin, and how long they are. They share the socket of WireGuard, whose messages begin
 * with 1 to 4 as a 32-bit number (WireGuard paper §5.4).
 *
 * ```text
 *   0      1      2      4           12
 *   | 0x77 | kind | zero | id (8)    | by kind
 * ```
 * @module
 */

/** The first byte of all of them. */
export const PATH_MAGIC = 0x77;

/** The second byte. */
export const PATH_KIND = {
  /** A question between two members whether a path works. */
  ASK: 1,
  /** Its answer. */
  ANSWER: 2,
  /** A member says to a relay where it is. */
  BIND: 3,
  /** Its answer. */
  BOUND: 4,
} as const;

/** Where the id stands that says for whom one is. */
export const PATH_ID_AT = 4;
/** Length of that id in bytes. */
export const PATH_ID_BYTES = 8;
/** What follows the header begins here. */
export const PATH_BODY_AT: number = PATH_ID_AT + PATH_ID_BYTES;
/** Length of an answer, and of the shortest ask, in bytes. */
export const LEAST_ASK_BYTES = 56;
/** Length of a bound, and of the shortest bind, in bytes. */
export const LEAST_BIND_BYTES = 48;
/** Of all kinds the least length in bytes. */
export const LEAST_PATH_BYTES: number = Math.min(LEAST_ASK_BYTES, LEAST_BIND_BYTES);
/** Of all kinds the greatest length in bytes: what an Ethernet carries, and a little more than fits. */
export const MOST_PATH_BYTES = 1500;

/** @returns whether a datagram at `at` is of the path protocol, as far as its first byte and its length tell */
export function isPathDatagram(memory: Uint8Array, at: number, lengthBytes: number): boolean {
  return memory[at] === PATH_MAGIC && lengthBytes >= LEAST_PATH_BYTES && lengthBytes <= MOST_PATH_BYTES;
}

/** @returns one of `PATH_KIND` when all of the header is right and the length may be of that kind, and 0 otherwise */
export function pathKindAt(memory: Uint8Array, at: number, lengthBytes: number): number {
  if (!isPathDatagram(memory, at, lengthBytes) || memory[at + 2] !== 0 || memory[at + 3] !== 0) return 0;
  switch (memory[at + 1]) {
    case PATH_KIND.ASK:
      return lengthBytes >= LEAST_ASK_BYTES ? PATH_KIND.ASK : 0;
    case PATH_KIND.ANSWER:
      return lengthBytes === LEAST_ASK_BYTES ? PATH_KIND.ANSWER : 0;
    case PATH_KIND.BIND:
      return PATH_KIND.BIND;
    case PATH_KIND.BOUND:
      return lengthBytes === LEAST_BIND_BYTES ? PATH_KIND.BOUND : 0;
    default:
      return 0;
  }
}
