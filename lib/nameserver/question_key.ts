/**
 * What of a query decides its answer, read where it lies: a query without anything unusual, and no byte of it copied but
 * into the key.
 *
 * ```text
 *   flags | EDNS | size | name in lower case | type | class
 *   2     | 1    | 2    | 1 to 255           | 2    | 2
 * ```
 * @module
 */

import { EDNS_PAYLOAD_BYTES, FLAG, HEADER_BYTES, MIN_PAYLOAD_BYTES, RECORD_TYPE } from "../dns/mod.ts";

/** Flags, EDNS and size come before the name. */
const PREFIX_BYTES = 5;
/** The longest key in bytes. */
export const MAX_KEY_BYTES: number = PREFIX_BYTES + 255 + 4;
/** OPT without options. */
const OPT_BYTES = 11;
// FNV-1a
const HASH_START = 0x811c9dc5 | 0;
const HASH_PRIME = 0x01000193;

/** Reads one query after the other; what it holds is of the last that was read. */
export class QuestionKey {
  /** The key is its first `length` bytes. */
  readonly bytes: Uint8Array = new Uint8Array(MAX_KEY_BYTES);
  length = 0;
  /** A hash of the key. */
  hash = 0;
  /** How long the name is on the wire. */
  nameBytes = 0;

  /**
   * Two queries with the same key have the same answer, but for the id and the case of the name.
   * @param memory what the query lies in, from `at` on
   * @returns false when the query has anything that a plain one has not; it may be good or bad then
   */
  read(memory: Uint8Array, at: number, lengthBytes: number): boolean {
    const end = at + lengthBytes;
    if (lengthBytes < HEADER_BYTES + 5) return false;
    const flagsHigh = memory[at + 2] ?? 0;
    // QR, operation, AA and TC are all 0 in a plain query.
    if ((flagsHigh & ~(FLAG.RD >> 8)) !== 0) return false;
    const additional = memory[at + 11] ?? 0;
    if (
      memory[at + 4] !== 0 || memory[at + 5] !== 1 || memory[at + 6] !== 0 || memory[at + 7] !== 0 ||
      memory[at + 8] !== 0 || memory[at + 9] !== 0 || memory[at + 10] !== 0 || additional > 1
    ) return false;
    const nameEnd = this.#readName(memory, at + HEADER_BYTES, end);
    if (nameEnd < 0 || nameEnd + 4 > end) return false;
    const { bytes } = this;
    bytes[0] = flagsHigh;
    bytes[1] = memory[at + 3] ?? 0;
    let keyAt = PREFIX_BYTES + this.nameBytes;
    for (let i = 0; i < 4; i++) bytes[keyAt++] = memory[nameEnd + i] ?? 0;
    this.length = keyAt;
    if (!this.#readEdns(memory, nameEnd + 4, end, additional === 1)) return false;
    let hash = HASH_START;
    for (let i = 0; i < keyAt; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), HASH_PRIME);
    this.hash = hash;
    return true;
  }

  /** @returns where the name ends, or -1 when it is compressed, too long, or cut */
  #readName(memory: Uint8Array, start: number, end: number): number {
    const { bytes } = this;
    let at = start;
    let keyAt = PREFIX_BYTES;
    for (;;) {
      const size = memory[at] ?? 0;
      if (size > 63 || at + 1 + size >= end || at + 1 + size - start > 255) return -1;
      bytes[keyAt++] = size;
      for (let i = at + 1; i <= at + size; i++) {
        const byte = memory[i] ?? 0;
        bytes[keyAt++] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
      }
      at += 1 + size;
      if (size === 0) break;
    }
    this.nameBytes = at - start;
    return at;
  }

  /** Options change no answer, but must be well-formed. */
  #readEdns(memory: Uint8Array, at: number, end: number, isThere: boolean): boolean {
    const { bytes } = this;
    bytes[2] = bytes[3] = bytes[4] = 0;
    if (!isThere) return at === end;
    if (
      at + OPT_BYTES > end || memory[at] !== 0 || memory[at + 1] !== 0 || memory[at + 2] !== RECORD_TYPE.OPT
    ) {
      return false;
    }
    // A response code or a later version is not plain.
    if (memory[at + 5] !== 0 || memory[at + 6] !== 0) return false;
    const optionsEnd = at + OPT_BYTES + (((memory[at + 9] ?? 0) << 8) | (memory[at + 10] ?? 0));
    if (optionsEnd !== end) return false;
    let option = at + OPT_BYTES;
    while (option + 4 <= end) option += 4 + (((memory[option + 2] ?? 0) << 8) | (memory[option + 3] ?? 0));
    if (option !== end) return false;
    const asked = ((memory[at + 3] ?? 0) << 8) | (memory[at + 4] ?? 0);
    const size = asked < MIN_PAYLOAD_BYTES ? MIN_PAYLOAD_BYTES : asked;
    const sent = size > EDNS_PAYLOAD_BYTES ? EDNS_PAYLOAD_BYTES : size;
    bytes[2] = ((memory[at + 7] ?? 0) & 0x80) === 0 ? 1 : 2;
    bytes[3] = sent >> 8;
    bytes[4] = sent & 255;
    return true;
  }
}
