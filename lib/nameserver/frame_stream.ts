/**
 * Messages over a stream: each behind its length of 16 bits (RFC 1035 §4.2.2).
 * @module
 */

import { type ByteStream, concatBytes } from "../base/mod.ts";

const LENGTH_BYTES = 2;
/** The longest message with its length; nothing beyond is ever held. */
const MAX_FRAME_BYTES = LENGTH_BYTES + 65_535;
const FIRST_BUFFER_BYTES = 1024;

/** Reads and writes whole messages; one read and one write are under way at a time. */
export class FrameStream {
  readonly #stream: ByteStream;
  #buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  #start = 0;
  #end = 0;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** @returns the next message, which is the caller's own; undefined when the stream ends, also within a message */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const message = this.#take();
      if (message !== undefined) return message;
      this.#makeRoom();
      const length = await this.#stream.read(this.#buffer.subarray(this.#end));
      if (length === undefined) return undefined;
      this.#end += length;
    }
  }

  /** Writes a message of at most 65,535 bytes. @returns false when the stream is broken */
  write(message: Uint8Array): Promise<boolean> {
    // RFC 7766 §8: the length and the message in one write.
    const length = Uint8Array.of(message.length >> 8, message.length & 255);

    return this.#stream.write(concatBytes(length, message));
  }

  #take(): Uint8Array | undefined {
    const held = this.#end - this.#start;
    if (held < LENGTH_BYTES) return undefined;
    const first = this.#start + LENGTH_BYTES;
    const length = ((this.#buffer[this.#start] ?? 0) << 8) | (this.#buffer[this.#start + 1] ?? 0);
    if (held < LENGTH_BYTES + length) return undefined;
    this.#start = first + length;
    return this.#buffer.slice(first, first + length);
  }

  /** Grows as bytes come, never by what a length says. */
  #makeRoom(): void {
    const held = this.#end - this.#start;
    const isFull = held === this.#buffer.length;
    const target = isFull ? new Uint8Array(Math.min(MAX_FRAME_BYTES, 2 * this.#buffer.length)) : this.#buffer;
    if (this.#start > 0 || isFull) {
      target.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = target;
      this.#start = 0;
      this.#end = held;
    }
  }
}
