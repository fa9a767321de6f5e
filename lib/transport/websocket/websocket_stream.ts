/**
 * A stream of bytes in the binary messages of a WebSocket. Where messages begin and end means nothing.
 * @module
 */

import type { ByteStream } from "../../base/mod.ts";
import { CloseCode, encodeFrame, FrameDecoder, MAX_CONTROL_BYTES, Opcode } from "./frame_decoder.ts";

/** As much goes into one frame; less waits for the end of a write, and the copy stays small. */
const MAX_PIECE_BYTES: number = 64 << 10;
const READ_BYTES: number = 64 << 10;
/** How long the last word may take to go out. */
const CLOSE_MS = 500;

/** One end of a WebSocket whose opening handshake is over; it owns the stream below. */
export class WebSocketStream implements ByteStream {
  readonly remoteAddress: string;
  readonly #inner: ByteStream;
  readonly #isClient: boolean;
  readonly #decoder: FrameDecoder;
  readonly #block = new Uint8Array(READ_BYTES);
  #rest: Uint8Array | undefined;
  #isClosed = false;
  // Control frames go between those of a write.
  #isWriting = false;
  #control: Promise<unknown> | undefined;
  #pong: Uint8Array | undefined;

  /**
   * @param role of this end; a client masks what it sends
   * @param early what came behind the handshake
   */
  constructor(inner: ByteStream, role: "client" | "server", early: Uint8Array = new Uint8Array(0)) {
    this.#inner = inner;
    this.remoteAddress = inner.remoteAddress;
    this.#isClient = role === "client";
    this.#decoder = new FrameDecoder(!this.#isClient);
    this.#decoder.push(early.slice());
  }

  async read(out: Uint8Array): Promise<number | undefined> {
    while (!this.#isClosed) {
      if (this.#rest !== undefined) {
        const taken = this.#rest.subarray(0, out.length);
        out.set(taken);
        this.#rest = taken.length < this.#rest.length ? this.#rest.subarray(taken.length) : undefined;
        return taken.length;
      }
      const part = this.#decoder.next();
      if (part === undefined) {
        const length = await this.#inner.read(this.#block);
        if (length === undefined) break;
        this.#decoder.push(this.#block.subarray(0, length));
      } else if (part.kind === "data") {
        this.#rest = part.bytes;
      } else if (part.kind === "ping") {
        // Only the last one needs an answer (RFC 6455 §5.5.3).
        this.#pong = part.payload;
        this.#sendPong();
      } else if (part.kind === "violation") {
        this.#end(closePayload(part.code));
      } else if (part.kind === "close") {
        // What the other end gave as its reason is repeated (RFC 6455 §5.5.1).
        this.#end(part.payload.subarray(0, 2));
      }
    }
    this.#end(new Uint8Array(0));
    return undefined;
  }

  async write(bytes: Uint8Array): Promise<boolean> {
    while (this.#control !== undefined) await this.#control;
    this.#isWriting = true;
    try {
      for (let at = 0; at < bytes.length; at += MAX_PIECE_BYTES) {
        const piece = bytes.subarray(at, at + MAX_PIECE_BYTES);
        if (this.#isClosed || !await this.#inner.write(this.#frame(Opcode.binary, piece))) return false;
        if (this.#pong !== undefined && !await this.#inner.write(this.#takePong())) return false;
      }
      return !this.#isClosed;
    } finally {
      this.#isWriting = false;
      this.#sendPong();
    }
  }

  close(): void {
    this.#end(closePayload(CloseCode.normal));
  }

  /** Says the last word when nothing is on its way, and closes. */
  #end(payload: Uint8Array): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#rest = undefined;
    if (this.#isWriting || this.#control !== undefined) return this.#inner.close();
    const timer = setTimeout(() => this.#inner.close(), CLOSE_MS);
    void this.#inner.write(this.#frame(Opcode.close, payload)).finally(() => {
      clearTimeout(timer);
      this.#inner.close();
    });
  }

  #sendPong(): void {
    if (this.#pong === undefined || this.#isWriting || this.#control !== undefined || this.#isClosed) return;
    this.#control = this.#inner.write(this.#takePong()).finally(() => {
      this.#control = undefined;
      this.#sendPong();
    });
  }

  #takePong(): Uint8Array {
    const payload = this.#pong ?? new Uint8Array(0);
    this.#pong = undefined;
    return this.#frame(Opcode.pong, payload.subarray(0, MAX_CONTROL_BYTES));
  }

  #frame(opcode: number, payload: Uint8Array): Uint8Array {
    // Unpredictable, so that nobody makes this end write what a proxy takes for a request (RFC 6455 §10.3).
    const mask = this.#isClient ? crypto.getRandomValues(new Uint8Array(4)) : undefined;
    return encodeFrame(opcode, payload, mask);
  }
}

function closePayload(code: number): Uint8Array {
  return Uint8Array.of(code >> 8, code & 0xff);
}
