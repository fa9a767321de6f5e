/**
 * The machine code of transport messages for anything else that is sealed by counters without associated data: several
 * texts of one key side by side, which are copied into its memory and back.
 *
 *     64 KiB   header, unused | text | tag | header, unused | text | tag | ...
 *
 * A long text that is cut into a message a lane is sealed two to three times as fast as in one piece.
 *
 * @module
 */

import { type AeadKey, CounterKey, TAG_BYTES } from "../aead.ts";
import { CIPHER_BYTES, CIPHER_LAYOUT, MAX_BATCH, MESSAGE_OVERHEAD_BYTES } from "../wasm_module.ts";
import type { NativeCipher } from "./native_cipher.ts";

const PAGE_BYTES = 0x1_0000;
const ROOM_PAGES = 2;
const HEADER_BYTES = MESSAGE_OVERHEAD_BYTES - TAG_BYTES;
const FIRST_TEXT = CIPHER_BYTES + HEADER_BYTES;

/** A text that is to be cut, and what is to be between the pieces. */
export interface CutText {
  readonly text: Uint8Array;
  /** How long each piece is; only the last may be shorter. */
  readonly pieceBytes: number;
  /** What is left free before each sealed piece, 16 bytes at most; what is in it has no meaning. */
  readonly gapBytes: number;
}

/** One thread's cipher. Every call is synchronous, and leaves no key behind. */
export class MultiBufferCipher {
  /** How many bytes fit into a batch; each sealed piece takes `MESSAGE_OVERHEAD_BYTES` more than its text. */
  readonly roomBytes: number = ROOM_PAGES * PAGE_BYTES;
  readonly #native: NativeCipher;
  readonly #bytes: Uint8Array;
  readonly #at: Int32Array;
  readonly #lengthBytes: Int32Array;
  readonly #counters: Float64Array;
  readonly #plaintextBytes: Int32Array;
  readonly #unload: () => void;
  #placed = 0;
  #isClosed = false;

  /**
   * @param native makes the machine code's cipher over the memory, which stays where it is
   * @param unload gives the machine code back
   */
  constructor(native: (memory: Uint8Array<ArrayBuffer>) => NativeCipher, unload: () => void) {
    // Not shared: to copy to and from memory that is costs more.
    const memory = new Uint8Array((1 + ROOM_PAGES) * PAGE_BYTES + HEADER_BYTES);
    const { buffer } = memory;
    this.#native = native(memory);
    this.#unload = unload;
    this.#bytes = memory;
    this.#at = new Int32Array(buffer, CIPHER_LAYOUT.TABLE_AT, MAX_BATCH);
    this.#lengthBytes = new Int32Array(buffer, CIPHER_LAYOUT.TABLE_LENGTH, MAX_BATCH);
    this.#counters = new Float64Array(buffer, CIPHER_LAYOUT.TABLE_COUNTER, MAX_BATCH);
    this.#plaintextBytes = new Int32Array(buffer, CIPHER_LAYOUT.TABLE_RESULT, MAX_BATCH);
  }

  /** Whether the machine code was given back: whoever has messages seals and opens them one by one from then on. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Whether a batch is opened faster than its messages one by one: all lanes take as long as the longest.
   * @param totalBytes of all messages
   * @param longestBytes of the longest
   */
  isFaster(totalBytes: number, longestBytes: number): boolean {
    return totalBytes >= this.#native.leastCount * longestBytes;
  }

  /**
   * Cuts a text and seals the pieces; they are written one behind the other, each with its tag and behind its gap.
   * @param counter of the first piece; those of the others follow
   * @returns where they end in `out`
   * @throws RangeError when the pieces don't fit into a batch or into `out`
   * @throws TypeError when the key was wiped or is no `CounterKey`, or the cipher is closed
   */
  seal(key: AeadKey, counter: number, cut: CutText, out: Uint8Array, at: number): number {
    const { text, pieceBytes, gapBytes } = cut;
    const bytes = this.#bytes;
    const messageBytes = pieceBytes + MESSAGE_OVERHEAD_BYTES;
    const count = Math.ceil(text.length / pieceBytes);
    const lastBytes = text.length - (count - 1) * pieceBytes + MESSAGE_OVERHEAD_BYTES;
    const isFit = count > 0 && count <= MAX_BATCH &&
      (count - 1) * messageBytes + lastBytes <= this.roomBytes &&
      gapBytes <= HEADER_BYTES;
    if (!isFit) throw new RangeError(`Cannot seal ${text.length} bytes in pieces of ${pieceBytes}`);
    // Copied as a whole and pulled apart from the end on: a view for each piece would cost more, and be garbage.
    bytes.set(text, FIRST_TEXT);
    for (let i = count - 1; i > 0; i--) {
      const from = FIRST_TEXT + i * pieceBytes;
      bytes.copyWithin(FIRST_TEXT + i * messageBytes, from, from + pieceBytes);
    }
    const job = { at: CIPHER_BYTES, messageBytes, lastBytes, count, counter };
    // What is not sealed may not leave.
    if (this.#open().seal(counterKey(key), job) !== count) {
      throw new RangeError(`Cannot seal ${count} messages: they leave the memory`);
    }
    const stride = pieceBytes + TAG_BYTES + gapBytes;
    for (let i = 1; i < count; i++) {
      const from = FIRST_TEXT + i * messageBytes;
      bytes.copyWithin(FIRST_TEXT + i * stride, from, from + pieceBytes + TAG_BYTES);
    }
    const sealedBytes = text.length + count * (TAG_BYTES + gapBytes);
    out.set(bytes.subarray(FIRST_TEXT - gapBytes, FIRST_TEXT - gapBytes + sealedBytes), at);
    return at + sealedBytes;
  }

  /**
   * Takes bytes in, among which sealed messages are that are to be opened together; `place` says where.
   * @throws RangeError when they are longer than `roomBytes`
   */
  load(bytes: Uint8Array): void {
    if (bytes.length > this.roomBytes) throw new RangeError(`Cannot open ${bytes.length} bytes at once`);
    this.#bytes.set(bytes, FIRST_TEXT);
    this.#placed = 0;
  }

  /**
   * Says where the next message is; they are named in the order of their counters, and of their places.
   * @param at in the bytes that were loaded
   * @param sealedBytes with its tag
   * @throws RangeError when there are too many
   */
  place(at: number, sealedBytes: number): void {
    if (this.#placed === MAX_BATCH) {
      throw new RangeError(`Cannot open more than ${MAX_BATCH} messages at once`);
    }
    // Nobody reads or writes the header: it may be what stands before.
    this.#at[this.#placed] = CIPHER_BYTES + at;
    this.#lengthBytes[this.#placed] = HEADER_BYTES + sealedBytes;
    this.#placed++;
  }

  /**
   * Opens what was placed, up to the first message that is not authentic, and writes the texts one behind the other.
   * @param counter of the first message; those of the others follow
   * @param out has room for all texts
   * @returns how many were authentic, and how many bytes were written
   * @throws TypeError when the key is no `CounterKey`, or the cipher is closed
   */
  openPlaced(key: AeadKey, counter: number, out: Uint8Array): { messages: number; bytes: number } {
    const count = this.#placed;
    this.#placed = 0;
    for (let i = 0; i < count; i++) this.#counters[i] = counter + i;
    if (!this.#open().open(counterKey(key), count)) return { messages: 0, bytes: 0 };
    const bytes = this.#bytes;
    let messages = 0, end = FIRST_TEXT;
    for (; messages < count; messages++) {
      const length = this.#plaintextBytes[messages] as number;
      if (length < 0) break;
      const from = this.#at[messages] as number + HEADER_BYTES;
      bytes.copyWithin(end, from, from + length);
      end += length;
    }
    if (end > FIRST_TEXT) out.set(bytes.subarray(FIRST_TEXT, end));
    return { messages, bytes: end - FIRST_TEXT };
  }

  /** Gives the machine code back. Harmless when repeated. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unload();
  }

  #open(): NativeCipher {
    if (this.#isClosed) throw new TypeError("Cannot use a cipher that is closed");
    return this.#native;
  }
}

function counterKey(key: AeadKey): CounterKey {
  if (!(key instanceof CounterKey)) throw new TypeError("Cannot use a key that can't be lent");
  return key;
}
