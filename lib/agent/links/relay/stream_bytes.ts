/**
 * A stream of a channel as a stream of bytes, so that another channel can go over it.
 * @module
 */

import type { ByteStream } from "../../../base/mod.ts";
import type { ChannelStream } from "../../../channel/mod.ts";

/** No one's code: this end has closed. */
const CLOSED = 0;

/**
 * Bytes over a `ChannelStream`, which it owns. To close it resets the stream: a channel says that it closes, and waits
 * for the other end, before it closes what it goes over.
 */
export class StreamBytes implements ByteStream {
  readonly remoteAddress: string;
  readonly #stream: ChannelStream;
  #rest: Uint8Array | undefined;

  /** @param remoteAddress where the other end is, for people */
  constructor(stream: ChannelStream, remoteAddress: string) {
    this.#stream = stream;
    this.remoteAddress = remoteAddress;
  }

  /** The code with which the stream was reset; undefined while it was not. */
  get resetCode(): number | undefined {
    return this.#stream.resetCode;
  }

  async read(out: Uint8Array): Promise<number | undefined> {
    const bytes = this.#rest ?? await this.#stream.read();
    this.#rest = undefined;
    if (bytes === undefined || this.#stream.resetCode !== undefined) return undefined;
    const length = Math.min(bytes.length, out.length);
    out.set(bytes.subarray(0, length));
    if (length < bytes.length) this.#rest = bytes.subarray(length);
    return length;
  }

  write(bytes: Uint8Array): Promise<boolean> {
    return this.#stream.write(bytes);
  }

  close(): void {
    this.#rest = undefined;
    this.#stream.reset(CLOSED);
  }
}
