/**
 * Two ends of a stream that never leaves the process.
 * @module
 */

import type { ByteStream } from "../../base/mod.ts";

/** What a pair of streams is like. */
export interface MemoryStreamOptions {
  /** How many bytes fit between writer and reader in each direction; 65,536 when absent. */
  readonly capacityBytes?: number;
  /** What each end calls the other; `memory:b` and `memory:a` when absent. */
  readonly remoteAddresses?: readonly [string, string];
}

/**
 * Makes two connected ends. A writer waits while the other end does not read.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { memoryStreamPair } from "./memory_stream.ts";
 * const [a, b] = memoryStreamPair();
 * await a.write(Uint8Array.of(1, 2));
 * a.close();
 * const out = new Uint8Array(8);
 * assert.equal(await b.read(out), 2);
 * assert.equal(await b.read(out), undefined);
 * b.close();
 * ```
 *
 * @throws RangeError when the capacity is not a positive integer
 */
export function memoryStreamPair(options: MemoryStreamOptions = {}): [ByteStream, ByteStream] {
  const { capacityBytes = 65_536, remoteAddresses = ["memory:b", "memory:a"] } = options;
  if (!Number.isInteger(capacityBytes) || capacityBytes < 1) {
    throw new RangeError(
      `Cannot make a stream for ${capacityBytes} bytes: the capacity is a positive integer`,
    );
  }
  const there = new Pipe(capacityBytes);
  const back = new Pipe(capacityBytes);
  return [
    new MemoryStream(back, there, remoteAddresses[0]),
    new MemoryStream(there, back, remoteAddresses[1]),
  ];
}

class MemoryStream implements ByteStream {
  readonly remoteAddress: string;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;

  constructor(incoming: Pipe, outgoing: Pipe, remoteAddress: string) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.remoteAddress = remoteAddress;
  }

  read(out: Uint8Array): Promise<number | undefined> {
    return this.#incoming.read(out);
  }

  write(bytes: Uint8Array): Promise<boolean> {
    return this.#outgoing.write(bytes);
  }

  close(): void {
    this.#incoming.abandon();
    this.#outgoing.end();
  }
}

/** One direction: a ring of bytes with at most one reader and one writer. */
class Pipe {
  readonly #ring: Uint8Array;
  #head = 0;
  #size = 0;
  #isEnded = false;
  #isAbandoned = false;
  /** Settled, and replaced, whenever anything above changes. */
  #changed = Promise.withResolvers<void>();

  constructor(capacityBytes: number) {
    this.#ring = new Uint8Array(capacityBytes);
  }

  async read(out: Uint8Array): Promise<number | undefined> {
    while (this.#size === 0 && !this.#isEnded && !this.#isAbandoned) await this.#changed.promise;
    if (this.#isAbandoned || this.#size === 0) return undefined;
    const length = Math.min(out.length, this.#size);
    const first = this.#ring.subarray(this.#head, this.#head + length);
    out.set(first);
    out.set(this.#ring.subarray(0, length - first.length), first.length);
    this.#head = (this.#head + length) % this.#ring.length;
    this.#size -= length;
    this.#notify();
    return length;
  }

  async write(bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length;) {
      const isFull = this.#size === this.#ring.length;
      if (isFull && !this.#isEnded && !this.#isAbandoned) await this.#changed.promise;
      if (this.#isEnded || this.#isAbandoned) return false;
      at += this.#take(bytes.subarray(at));
    }
    return !this.#isEnded && !this.#isAbandoned;
  }

  /** The writer has closed: what is under way can still be read. */
  end(): void {
    this.#isEnded = true;
    this.#notify();
  }

  /** The reader has closed: nothing can be read or written any more. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#size = 0;
    this.#notify();
  }

  /** Takes as many of `bytes` as fit. @returns how many */
  #take(bytes: Uint8Array): number {
    const tail = (this.#head + this.#size) % this.#ring.length;
    const length = Math.min(bytes.length, this.#ring.length - this.#size);
    const first = bytes.subarray(0, Math.min(length, this.#ring.length - tail));
    this.#ring.set(first, tail);
    this.#ring.set(bytes.subarray(first.length, length), 0);
    this.#size += length;
    if (length > 0) this.#notify();
    return length;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
