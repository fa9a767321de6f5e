/**
 * A TCP connection as the runtime's HTTP parser is to see it: one request at a time. The parser makes requests of all that
 * has come, before anybody can say no: 10 MB of small ones took 1.3 GB and 9 s of the event loop.
 * @module
 */

import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** RFC 9112 §2.1. */
const HEAD_END = "\r\n\r\n";

/**
 * Passes on what comes and goes. A connection ends when a further request comes before the former was answered, which
 * nobody has to take (RFC 9112 §9.3.2).
 */
export class CheckedStream extends Duplex {
  readonly #socket: Socket;
  /** Whether a request is under way; the caller keeps it. */
  isBusy = false;
  /** Whether its answer goes on until the reader goes; the caller keeps it. */
  isEndless = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Of what has come the last bytes, which may be the beginning of a head's end. */
  #tail: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("end", () => this.push(null));
    socket.on("error", () => this.destroy());
    socket.on("close", () => this.destroy());
  }

  /** Ends the connection after so many milliseconds, whatever was said before. */
  endAfter(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.destroyed) this.#timer = setTimeout(() => this.destroy(), ms);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
    done(error);
  }

  #take(chunk: Buffer): void {
    const text = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    const first = text.indexOf(HEAD_END);
    const behind = first < 0 ? text : text.subarray(first + HEAD_END.length);
    // A form has no empty lines.
    const isNext = first >= 0 && (this.isBusy || behind.includes(HEAD_END));
    this.#tail = Buffer.from(behind.subarray(-(HEAD_END.length - 1)));
    if (isNext || this.destroyed) this.destroy();
    else if (!this.push(chunk)) this.#socket.pause();
  }
}
