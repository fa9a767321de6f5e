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

/** A text that is to be cut, and what is to be between the pieces. */
export interface CutText {
  readonly text: Uint8Array;
  /** How long each piece is; only the last may be shorter. */
  readonly pieceBytes: number;
  /** What is left free before each sealed piece. */
  readonly gapBytes: number;
}

/** One thread's cipher. Every call is synchronous, and leaves no key behind. */
export class MultiBufferCipher {
  /** How many messages are worked on at a time. */
  readonly lanes = 8;
  /** How many bytes fit into a batch, and how many messages; each takes `MESSAGE_OVERHEAD_BYTES` more than its text. */
  readonly roomBytes: number = ROOM_PAGES * PAGE_BYTES;
  readonly maxMessages: number = MAX_BATCH;
  readonly #native: NativeCipher;
  readonly #bytes: Uint8Array;
  readonly #at: Int32Array;
  readonly #lengthBytes: Int32Array;
  readonly #counters: Float64Array;
  readonly #plaintextBytes: Int32Array;
  readonly #unload: () => void;
  #end = CIPHER_BYTES;
  #added = 0;
  #isClosed = false;

  /**
   * @param native makes the machine code's cipher over the memory, which stays where it is
   * @param unload gives the machine code back
   */
  constructor(native: (memory: Uint8Array<ArrayBuffer>) => NativeCipher, unload: () => void) {
    // Not shared: to copy to and from memory that is costs more.
    const memory = new Uint8Array((1 + ROOM_PAGES) * PAGE_BYTES);
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
    const messageBytes = pieceBytes + MESSAGE_OVERHEAD_BYTES;
    const count = Math.ceil(text.length / pieceBytes);
    const lastBytes = text.length - (count - 1) * pieceBytes + MESSAGE_OVERHEAD_BYTES;
    if (!(count > 0 && count <= MAX_BATCH && (count - 1) * messageBytes + lastBytes <= this.roomBytes)) {
      throw new RangeError(`Cannot seal ${text.length} bytes in pieces of ${pieceBytes}`);
    }
    for (let i = 0; i < count; i++) {
      const piece = text.subarray(i * pieceBytes, (i + 1) * pieceBytes);
      this.#bytes.set(piece, CIPHER_BYTES + i * messageBytes + HEADER_BYTES);
    }
    const job = { at: CIPHER_BYTES, messageBytes, lastBytes, count, counter };
    // What is not sealed may not leave.
    if (this.#open().seal(counterKey(key), job) !== count) {
      throw new RangeError(`Cannot seal ${count} messages: they leave the memory`);
    }
    let end = at;
    for (let i = 0; i < count; i++) {
      const from = CIPHER_BYTES + i * messageBytes + HEADER_BYTES;
      const bytes = (i === count - 1 ? lastBytes : messageBytes) - HEADER_BYTES;
      end += gapBytes;
      out.set(this.#bytes.subarray(from, from + bytes), end);
      end += bytes;
    }
    return end;
  }

  /**
   * Takes a sealed message in, which is to be opened with others.
   * @param sealed with its tag
   * @returns false when there is no room
   */
  add(sealed: Uint8Array): boolean {
    const bytes = HEADER_BYTES + sealed.length;
    if (this.#added === MAX_BATCH || this.#end + bytes > CIPHER_BYTES + this.roomBytes) return false;
    this.#at[this.#added] = this.#end;
    this.#lengthBytes[this.#added] = bytes;
    this.#bytes.set(sealed, this.#end + HEADER_BYTES);
    this.#added++;
    this.#end += bytes;
    return true;
  }

  /**
   * Opens what was added, up to the first message that is not authentic, and writes the texts one behind the other.
   * @param counter of the first message; those of the others follow
   * @param out has room for all texts
   * @returns how many were authentic, and how many bytes were written
   * @throws TypeError when the key is no `CounterKey`, or the cipher is closed
   */
  openAdded(key: AeadKey, counter: number, out: Uint8Array): { messages: number; bytes: number } {
    const count = this.#added;
    this.#added = 0;
    this.#end = CIPHER_BYTES;
    for (let i = 0; i < count; i++) this.#counters[i] = counter + i;
    const isOpened = this.#open().open(counterKey(key), count);
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      const length = isOpened ? this.#plaintextBytes[i] as number : -1;
      if (length < 0) return { messages: i, bytes };
      const from = this.#at[i] as number + HEADER_BYTES;
      out.set(this.#bytes.subarray(from, from + length), bytes);
      bytes += length;
    }
    return { messages: count, bytes };
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
