/**
 * Telling a thread that is blocked in system calls what to do: messages through shared memory, one writer, one reader.
 * @module
 */

/** Room for messages; a longer backlog makes the writer wait for the reader. */
const RING_BYTES = 1 << 20;
/** A message that is longer than this could never be passed on. */
export const MAX_COMMAND_BYTES: number = RING_BYTES >> 1;
const HEADER_BYTES = 16;
const LENGTH_BYTES = 4;
// In the header, as 32-bit words: how many bytes were written and read, modulo 2^32; whether nobody reads any more.
const WRITTEN = 0;
const READ = 1;
const CLOSED = 2;

/** @returns the memory that both ends share */
export function commandMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + RING_BYTES);
}

class Ring {
  protected readonly words: Int32Array;
  protected readonly bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, HEADER_BYTES / 4);
    this.bytes = new Uint8Array(memory, HEADER_BYTES);
  }

  /** Bytes that were written and not read. */
  protected get waiting(): number {
    return (Atomics.load(this.words, WRITTEN) - Atomics.load(this.words, READ)) >>> 0;
  }
}

/** The writer's end. */
export class CommandWriter extends Ring {
  /** How much room a message takes beyond its bytes. */
  static readonly overheadBytes: number = LENGTH_BYTES;

  /** How much room there is at least. */
  get roomBytes(): number {
    return RING_BYTES - this.waiting;
  }

  /** Whether the reader is gone: there will never be room again. */
  get isClosed(): boolean {
    return Atomics.load(this.words, CLOSED) !== 0;
  }

  /**
   * @returns false when there is no room: the reader has to read first
   * @throws RangeError when the message is longer than `MAX_COMMAND_BYTES`
   */
  tryWrite(message: Uint8Array): boolean {
    if (message.length > MAX_COMMAND_BYTES) {
      throw new RangeError(`Cannot pass on ${message.length} bytes: a command has ${MAX_COMMAND_BYTES}`);
    }
    const needed = LENGTH_BYTES + message.length;
    if (this.roomBytes < needed) return false;
    const at = Atomics.load(this.words, WRITTEN) >>> 0;
    const length = new Uint8Array(Uint32Array.of(message.length).buffer);
    this.#copy(length, at);
    this.#copy(message, at + LENGTH_BYTES);
    Atomics.store(this.words, WRITTEN, (at + needed) | 0);
    return true;
  }

  /** Blocks until the reader has read something or is gone, or `timeoutMs` have passed. */
  waitForRoom(timeoutMs: number): void {
    Atomics.wait(this.words, READ, Atomics.load(this.words, READ), timeoutMs);
  }

  #copy(source: Uint8Array, position: number): void {
    const start = position % RING_BYTES;
    const first = Math.min(source.length, RING_BYTES - start);
    this.bytes.set(source.subarray(0, first), start);
    this.bytes.set(source.subarray(first), 0);
  }
}

/** The reader's end. */
export class CommandReader extends Ring {
  /** @returns the oldest message, which is gone from the memory because it may hold a key; undefined when there is none */
  read(): Uint8Array | undefined {
    if (this.waiting === 0) return undefined;
    const at = Atomics.load(this.words, READ) >>> 0;
    const length = new DataView(this.#take(at, LENGTH_BYTES).buffer).getUint32(0, true);
    const message = this.#take(at + LENGTH_BYTES, length);
    Atomics.store(this.words, READ, (at + LENGTH_BYTES + length) | 0);
    Atomics.notify(this.words, READ);
    return message;
  }

  /** Says that nothing will be read any more. */
  close(): void {
    Atomics.store(this.words, CLOSED, 1);
    Atomics.notify(this.words, READ);
  }

  #take(position: number, lengthBytes: number): Uint8Array {
    const out = new Uint8Array(lengthBytes);
    const start = position % RING_BYTES;
    const first = Math.min(lengthBytes, RING_BYTES - start);
    for (const [from, bytes, to] of [[start, first, 0], [0, lengthBytes - first, first]] as const) {
      const part = this.bytes.subarray(from, from + bytes);
      out.set(part, to);
      part.fill(0);
    }
    return out;
  }
}
