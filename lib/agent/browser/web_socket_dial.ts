/**
 * Dialling from a page: its WebSocket as a stream of bytes (WHATWG WebSockets), for want of any other socket.
 * @module
 */

import { BoundedQueue, type ByteStream } from "../../base/mod.ts";
import { WebAddress } from "../../net/mod.ts";
import { WEBSOCKET_PATH } from "../../transport/mod.ts";
import type { DialStream, DialTarget } from "../links/mod.ts";

/** What is used of a browser's WebSocket. */
export type PageSocket = Pick<
  WebSocket,
  "binaryType" | "bufferedAmount" | "readyState" | "addEventListener" | "send" | "close"
>;

/** Makes a WebSocket that begins to connect. @throws what the browser has against the URL */
export type OpenSocket = (url: string) => PageSocket;

/** As long as a dial by TCP. */
const DIAL_TIMEOUT_MS = 4_000;
/** A page can't tell a WebSocket to wait: a link on which so much lies unread is given up. */
const MAX_UNREAD_BYTES = 16 << 20;
const MAX_UNREAD_MESSAGES = 65_536;
/** More than that is not handed to a WebSocket before it has sent some. */
const MAX_UNSENT_BYTES = 1 << 20;
/** A WebSocket does not say when it has sent. */
const UNSENT_PAUSE_MS = 10;
/** `WebSocket.OPEN`. */
const OPEN = 1;

/** @returns what dials by WebSocket: a URL as it is, an endpoint at the path of the message plane; it never rejects */
export function webSocketDial(open: OpenSocket): DialStream {
  return async (target, signal) => {
    let socket: PageSocket;
    try {
      socket = open(urlOf(target));
    } catch {
      // A page with TLS may not open one without.
      return undefined;
    }
    socket.binaryType = "arraybuffer";
    const stream = new PageSocketStream(socket, target.toString());
    const late = AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]);
    const isOpen = new Promise<boolean>((resolve) => {
      socket.addEventListener("open", () => resolve(true));
      socket.addEventListener("close", () => resolve(false));
      late.addEventListener("abort", () => resolve(false));
    });
    if (!late.aborted && await isOpen) return stream;
    stream.close();
    return undefined;
  };
}

/** @returns the URL of a message plane: the port that takes links takes a WebSocket too */
function urlOf(target: DialTarget): string {
  return target instanceof WebAddress ? target.toString() : `ws://${target}${WEBSOCKET_PATH}`;
}

/** Of binary messages the bytes, without their bounds. */
class PageSocketStream implements ByteStream {
  readonly remoteAddress: string;
  readonly #socket: PageSocket;
  readonly #unread = new BoundedQueue<Uint8Array>(MAX_UNREAD_MESSAGES);
  #unreadBytes = 0;
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(socket: PageSocket, remoteAddress: string) {
    this.#socket = socket;
    this.remoteAddress = remoteAddress;
    socket.addEventListener("message", ({ data }) => this.#take(data));
    socket.addEventListener("close", () => this.#end());
    socket.addEventListener("error", () => this.#end());
  }

  async read(out: Uint8Array): Promise<number | undefined> {
    for (;;) {
      const first = this.#rest ?? this.#unread.shift();
      if (first !== undefined) {
        const taken = first.subarray(0, out.length);
        out.set(taken);
        this.#rest = taken.length < first.length ? first.subarray(taken.length) : undefined;
        this.#unreadBytes -= taken.length;
        return taken.length;
      }
      if (this.#isClosed) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  #rest: Uint8Array | undefined;

  async write(bytes: Uint8Array): Promise<boolean> {
    if (this.#isClosed || this.#socket.readyState !== OPEN) return false;
    this.#socket.send(bytes.slice());
    while (!this.#isClosed && this.#socket.bufferedAmount > MAX_UNSENT_BYTES) {
      await new Promise<void>((resolve) => setTimeout(resolve, UNSENT_PAUSE_MS));
    }
    return !this.#isClosed;
  }

  close(): void {
    this.#end();
    this.#socket.close();
  }

  #take(data: unknown): void {
    if (this.#isClosed) return;
    // The message plane has no text.
    if (!(data instanceof ArrayBuffer)) return this.close();
    if (data.byteLength === 0) return;
    this.#unreadBytes += data.byteLength;
    if (this.#unreadBytes > MAX_UNREAD_BYTES || this.#unread.size >= MAX_UNREAD_MESSAGES) {
      return this.close();
    }
    this.#unread.push(new Uint8Array(data));
    this.#wake();
  }

  #end(): void {
    this.#isClosed = true;
    this.#wake();
  }
}
