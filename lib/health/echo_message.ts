/**
 * The probe that travels through the tunnel: a datagram that comes back as it was, but for its kind.
 *
 * ```
 *   0         4      5       8               16
 *   +---------+------+-------+---------------+
 *   | "weft"  | kind | zeros | nonce         |
 *   +---------+------+-------+---------------+
 *   kind: 1 asks, 2 answers
 * ```
 *
 * @module
 */

/** Length of either message in bytes, so that an answer is never longer than its question. */
export const ECHO_BYTES = 16;
/** Length of a nonce in bytes. */
export const ECHO_NONCE_BYTES = 8;

const MAGIC = [0x77, 0x65, 0x66, 0x74];
const KIND_AT = 4;
const NONCE_AT = 8;
const KINDS = ["ask", "answer"] as const;

/** A question or its answer. */
export interface EchoMessage {
  readonly kind: "ask" | "answer";
  /** 8 bytes that only who was asked can know. */
  readonly nonce: Uint8Array;
}

/** @returns the 16 bytes @throws RangeError when the nonce has not 8 bytes */
export function encodeEcho({ kind, nonce }: EchoMessage): Uint8Array {
  if (nonce.length !== ECHO_NONCE_BYTES) throw new RangeError("Cannot probe: a nonce has 8 bytes");
  const out = new Uint8Array(ECHO_BYTES);
  out.set(MAGIC);
  out[KIND_AT] = KINDS.indexOf(kind) + 1;
  out.set(nonce, NONCE_AT);
  return out;
}

/** @returns the message with a nonce of its own, or undefined when the bytes are none */
export function decodeEcho(bytes: Uint8Array): EchoMessage | undefined {
  if (bytes.length !== ECHO_BYTES || !MAGIC.every((byte, i) => bytes[i] === byte)) return undefined;
  const kind = KINDS[(bytes[KIND_AT] ?? 0) - 1];
  if (kind === undefined || bytes.subarray(KIND_AT + 1, NONCE_AT).some((byte) => byte !== 0)) {
    return undefined;
  }
  return { kind, nonce: bytes.slice(NONCE_AT) };
}
