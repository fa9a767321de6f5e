/**
 * Frames on a byte stream.
 *
 * ```
 *    0        2
 *   +--------+------------------------+
 *   | length | Noise message or record |      length: big-endian, of what follows
 *   +--------+------------------------+
 * ```
 *
 * A frame of length zero says "refused" and occurs only in place of the second handshake message.
 * @module
 */

import type { ByteStream } from "../../base/mod.ts";

/** Length of a frame's header in bytes. */
export const FRAME_HEADER_BYTES = 2;

/** The longest message or record in bytes (Noise specification §3). */
export const MAX_FRAME_BYTES = 65_535;

const FIRST_BUFFER_BYTES = 2_048;
const READ_AHEAD_BYTES = 256 << 10;

/**
 * Adds the header.
 * @param body at most 65,535 bytes
 * @throws RangeError when `body` is longer
 */
export function encodeFrame(body: Uint8Array): Uint8Array {
  if (body.length > MAX_FRAME_BYTES) {
    throw new RangeError(`Cannot frame ${body.length} bytes: a frame holds ${MAX_FRAME_BYTES}`);
  }
  const out = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  new DataView(out.buffer).setUint16(0, body.length);
  out.set(body, FRAME_HEADER_BYTES);
  return out;
}

/**
 * Cuts a stream into frames. It holds at most one frame of the longest kind, or several after `readAhead`, and no more
 * than twice what has arrived: a header that announces much costs nothing.
 */
export class FrameReader {
  readonly #stream: ByteStream;
  #buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  #maxBufferBytes = FRAME_HEADER_BYTES + MAX_FRAME_BYTES;
  #start = 0;
  #end = 0;
  #isReleaseDue = false;
  readonly #onRead = (length: number | undefined) => {
    this.#end += length ?? 0;
    return length !== undefined;
  };

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** From now on several frames may be read at once. */
  readAhead(): void {
    this.#maxBufferBytes = READ_AHEAD_BYTES;
  }

  /** Gives memory back as soon as nothing is in it. */
  release(): void {
    this.#isReleaseDue = true;
  }

  /** How many bytes have arrived and were not taken, headers included. */
  get waitingBytes(): number {
    return this.#end - this.#start;
  }

  /** @returns the body of the next frame, valid until the next call; or undefined when the stream has ended */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const frame = this.take();
      if (frame !== undefined) return frame;
      if (!await this.fill()) return undefined;
    }
  }

  /**
   * Looks at the frames that have arrived in full, and takes none.
   * @param most how many at most
   * @param mostBytes how long they may be together, headers included
   * @returns how many there are, how long they are together without headers, and how long the longest is
   */
  survey(most: number, mostBytes: number): { frames: number; bytes: number; longestBytes: number } {
    const end = Math.min(this.#end, this.#start + mostBytes);
    let [frames, bytes, longestBytes] = [0, 0, 0];
    for (let at = this.#start; frames < most && at + FRAME_HEADER_BYTES <= end; frames++) {
      const bodyBytes = this.#bodyBytes(at);
      at += FRAME_HEADER_BYTES + bodyBytes;
      if (at > end) break;
      bytes += bodyBytes;
      if (bodyBytes > longestBytes) longestBytes = bodyBytes;
    }
    return { frames, bytes, longestBytes };
  }

  /** @returns the next frames as they came, which `survey` has seen, headers and all; valid until the next `fill` */
  takeSeveral(frames: number): Uint8Array {
    const start = this.#start;
    let end = start;
    for (let i = 0; i < frames; i++) end += FRAME_HEADER_BYTES + this.#bodyBytes(end);
    this.#start = end;
    return this.#buffer.subarray(start, end);
  }

  /** @returns the body of a frame that has arrived in full, valid until the next `fill`; undefined without one */
  take(): Uint8Array | undefined {
    const waiting = this.#end - this.#start;
    if (waiting < FRAME_HEADER_BYTES) return undefined;
    const bodyBytes = this.#bodyBytes(this.#start);
    if (waiting < FRAME_HEADER_BYTES + bodyBytes) return undefined;
    const at = this.#start + FRAME_HEADER_BYTES;
    this.#start = at + bodyBytes;
    return this.#buffer.subarray(at, this.#start);
  }

  /** Reads once, when `take` has nothing more. @returns false when the stream has ended */
  fill(): Promise<boolean> {
    this.#makeRoom();
    const room = this.#end === 0 ? this.#buffer : this.#buffer.subarray(this.#end);
    return this.#stream.read(room).then(this.#onRead);
  }

  #bodyBytes(at: number): number {
    return (this.#buffer[at] as number) << 8 | (this.#buffer[at + 1] as number);
  }

  /** Makes room for at least one byte, and for more when the last read filled the buffer. */
  #makeRoom(): void {
    const waiting = this.#end - this.#start;
    if (this.#isReleaseDue && waiting === 0) {
      this.#isReleaseDue = false;
      if (this.#buffer.length > FIRST_BUFFER_BYTES) this.#buffer = new Uint8Array(FIRST_BUFFER_BYTES);
    } else if (this.#end === this.#buffer.length && this.#buffer.length < this.#maxBufferBytes) {
      const larger = new Uint8Array(Math.min(this.#buffer.length * 2, this.#maxBufferBytes));
      larger.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = larger;
    } else if (this.#start > 0 && waiting > 0) {
      // What waits is less than a whole frame, so that it never fills the buffer.
      this.#buffer.copyWithin(0, this.#start, this.#end);
    }
    this.#start = 0;
    this.#end = waiting;
  }
}
