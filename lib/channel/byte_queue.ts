/**
 * Bytes that have arrived and wait for their reader.
 * @module
 */

// Pieces that are smaller share a buffer of this size, so that many small ones cost little more than their bytes.
const SHARED_BYTES = 4_096;

interface Part {
  readonly bytes: Uint8Array;
  filled: number;
}

/** First in, first out; what goes in is copied. */
export class ByteQueue {
  #parts: Part[] = [];
  #length = 0;

  /** How many bytes wait. */
  get length(): number {
    return this.#length;
  }

  /** Adds a copy of `bytes`. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    let rest = bytes;
    const last = this.#parts.at(-1);
    if (last !== undefined) {
      const first = rest.subarray(0, last.bytes.length - last.filled);
      last.bytes.set(first, last.filled);
      last.filled += first.length;
      rest = rest.subarray(first.length);
      if (rest.length === 0) return;
    }
    // The first piece is likely to be taken before another comes.
    const isShared = last !== undefined && rest.length < SHARED_BYTES;
    const part = isShared ? new Uint8Array(SHARED_BYTES) : rest.slice();
    if (isShared) part.set(rest);
    this.#parts.push({ bytes: part, filled: rest.length });
  }

  /** @returns the oldest bytes, as many as lie together; they are the caller's. Undefined when there are none */
  shift(): Uint8Array | undefined {
    const part = this.#parts.shift();
    if (part === undefined) return undefined;
    this.#length -= part.filled;
    return part.bytes.subarray(0, part.filled);
  }

  /** Drops everything. */
  clear(): void {
    this.#parts = [];
    this.#length = 0;
  }
}
