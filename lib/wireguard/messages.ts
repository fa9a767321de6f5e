/**
 * The four messages of the WireGuard protocol as bytes (WireGuard paper §5.4). All integers are little-endian.
 *
 * ```
 * initiation    1 0 0 0 | sender | noise message 1 (108)          | mac1 | mac2     148 bytes
 * response      2 0 0 0 | sender | receiver | noise message 2 (48)| mac1 | mac2      92 bytes
 * cookie reply  3 0 0 0 | receiver | nonce (24) | cookie (16 + 16)                   64 bytes
 * transport     4 0 0 0 | receiver | counter (8) | packet (n) + 16                   32 + n bytes
 * ```
 * @module
 */

import { TAG_BYTES } from "../crypto/mod.ts";

/** Message types, the first byte. */
export const TYPE_INITIATION = 1;
/** Answers an initiation. */
export const TYPE_RESPONSE = 2;
/** Answers a handshake message under load. */
export const TYPE_COOKIE_REPLY = 3;
/** Carries a packet. */
export const TYPE_TRANSPORT = 4;

/** The length of MAC1 and of MAC2, which end both handshake messages. */
export const MAC_BYTES = 16;

/** The length of an initiation, and where its noise message stands. */
export const INITIATION_BYTES = 148;
/** Behind the type and one index. */
export const INITIATION_NOISE_AT = 8;
/** An ephemeral key, a sealed static key, a sealed timestamp. */
export const INITIATION_NOISE_BYTES = 108;

/** The length of a response, and where its noise message stands. */
export const RESPONSE_BYTES = 92;
/** Behind the type and two indices. */
export const RESPONSE_NOISE_AT = 12;
/** An ephemeral key and the tag of nothing. */
export const RESPONSE_NOISE_BYTES = 48;

/** The length of a cookie reply, and where its parts stand. */
export const COOKIE_REPLY_BYTES = 64;
/** Behind the type and one index. */
export const COOKIE_NONCE_AT = 8;
/** Behind the nonce, to the end. */
export const COOKIE_SEALED_AT = 32;

/** The type, an index and the counter. */
export const TRANSPORT_HEADER_BYTES = 16;
/** A keepalive: the header and the tag of no bytes. */
export const MIN_TRANSPORT_BYTES: number = TRANSPORT_HEADER_BYTES + TAG_BYTES;
/** No UDP datagram is longer (RFC 768). */
export const MAX_DATAGRAM_BYTES = 65_535;

/**
 * @returns the type when the first four bytes and the length fit a message, else 0
 */
export function messageType(datagram: Uint8Array): 0 | 1 | 2 | 3 | 4 {
  // The three reserved bytes are zero (paper §5.4.2).
  if (datagram.length < MIN_TRANSPORT_BYTES || datagram[1] !== 0 || datagram[2] !== 0 || datagram[3] !== 0) {
    return 0;
  }
  switch (datagram[0]) {
    case TYPE_TRANSPORT:
      return datagram.length <= MAX_DATAGRAM_BYTES ? TYPE_TRANSPORT : 0;
    case TYPE_INITIATION:
      return datagram.length === INITIATION_BYTES ? TYPE_INITIATION : 0;
    case TYPE_RESPONSE:
      return datagram.length === RESPONSE_BYTES ? TYPE_RESPONSE : 0;
    case TYPE_COOKIE_REPLY:
      return datagram.length === COOKIE_REPLY_BYTES ? TYPE_COOKIE_REPLY : 0;
    default:
      return 0;
  }
}

/** @returns whether what lies at `at` has the type and the length of a handshake message or a cookie reply */
export function isHandshake(memory: Uint8Array, at: number, lengthBytes: number): boolean {
  return lengthBytes === INITIATION_BYTES && memory[at] === TYPE_INITIATION ||
    lengthBytes === RESPONSE_BYTES && memory[at] === TYPE_RESPONSE ||
    lengthBytes === COOKIE_REPLY_BYTES && memory[at] === TYPE_COOKIE_REPLY;
}

/** Reads the index at `at`: who sends at 4, or who shall receive at 4 or 8. */
export function readIndex(datagram: Uint8Array, at: number): number {
  return ((datagram[at] ?? 0) | ((datagram[at + 1] ?? 0) << 8) | ((datagram[at + 2] ?? 0) << 16) |
    ((datagram[at + 3] ?? 0) << 24)) >>> 0;
}

/** Writes an index at `at`. */
export function writeIndex(out: Uint8Array, at: number, index: number): void {
  out[at] = index & 255;
  out[at + 1] = (index >>> 8) & 255;
  out[at + 2] = (index >>> 16) & 255;
  out[at + 3] = index >>> 24;
}

/** @returns the counter of a transport message, or -1 when it is beyond every counter that is accepted */
export function readCounter(datagram: Uint8Array): number {
  const high = readIndex(datagram, 12);
  // 2^21: the part of a safe integer above its low 32 bits.
  return high < 0x20_0000 ? high * 0x1_0000_0000 + readIndex(datagram, 8) : -1;
}

/** Writes the header of a transport message at the start of `out`. */
export function writeTransportHeader(out: Uint8Array, receiver: number, counter: number): void {
  out[0] = TYPE_TRANSPORT;
  out[1] = 0;
  out[2] = 0;
  out[3] = 0;
  writeIndex(out, 4, receiver);
  writeCounter(out, 8, counter);
}

/** Writes a counter, 8 bytes at `at`. */
export function writeCounter(out: Uint8Array, at: number, counter: number): void {
  const low = counter % 0x1_0000_0000;
  writeIndex(out, at, low);
  writeIndex(out, at + 4, (counter - low) / 0x1_0000_0000);
}
