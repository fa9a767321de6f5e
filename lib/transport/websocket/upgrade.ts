/**
 * The opening handshake of WebSocket at both ends (RFC 6455 §4).
 * @module
 */

import { type ByteStream, utf8Bytes } from "../../base/mod.ts";
import { hasItem, type HttpHead, onlyValue, readHead } from "./http_head.ts";
import { WebSocketStream } from "./websocket_stream.ts";

/** Where the message plane is, on a node and behind a proxy that passes it on. */
export const WEBSOCKET_PATH = "/weft";

/** RFC 6455 §1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY_BYTES = 16;
/** How a request begins that can be an opening handshake. */
const GET: Uint8Array = utf8Bytes("GET ");

/** What a client is to send, and to whom. */
export interface UpgradeRequest {
  /** As in the URL: a name or address, with the port unless it is that of the scheme. */
  readonly host: string;
  readonly path: string;
}

/**
 * Asks for a WebSocket over a stream that was just dialled; the stream is closed when that fails.
 * @returns undefined when the other end does not agree
 */
export async function requestUpgrade(
  stream: ByteStream,
  { host, path }: UpgradeRequest,
): Promise<ByteStream | undefined> {
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64();
  const request = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    "User-Agent: weft",
    "",
    "",
  ];
  const isSent = await stream.write(utf8Bytes(request.join("\r\n")));
  const received = isSent ? await readHead(stream) : undefined;
  if (received !== undefined && await isAgreed(received.head, key)) {
    return new WebSocketStream(stream, "client", received.rest);
  }
  stream.close();
  return undefined;
}

/** RFC 6455 §4.1, the client's checks of the answer. */
async function isAgreed(head: HttpHead, key: string): Promise<boolean> {
  return /^HTTP\/1\.1 101(?: |$)/.test(head.firstLine) && hasItem(head, "upgrade", "websocket") &&
    hasItem(head, "connection", "upgrade") &&
    onlyValue(head, "sec-websocket-accept") === await acceptValue(key) &&
    !head.fields.has("sec-websocket-extensions") && !head.fields.has("sec-websocket-protocol");
}

async function acceptValue(key: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID))).toBase64();
}

/**
 * A stream that somebody has opened: of bytes as they come, or of a WebSocket when it begins with `GET `. Which it is
 * shows with the first read. A request for anything else is answered in one line, and the stream ends.
 */
export class UpgradableStream implements ByteStream {
  readonly remoteAddress: string;
  /** Told once when it turns out to be a WebSocket, before anything else is read. */
  onWebSocket: () => void = () => {};
  readonly #inner: ByteStream;
  #opening: Promise<ByteStream> | undefined;
  #stream: ByteStream | undefined;
  #isClosed = false;

  constructor(inner: ByteStream) {
    this.#inner = inner;
    this.remoteAddress = inner.remoteAddress;
  }

  /** Whether it has turned out to be a WebSocket. */
  get isWebSocket(): boolean {
    return this.#stream instanceof WebSocketStream;
  }

  read(out: Uint8Array): Promise<number | undefined> {
    return this.#stream?.read(out) ?? this.#open().then((stream) => stream.read(out));
  }

  write(bytes: Uint8Array): Promise<boolean> {
    return this.#stream?.write(bytes) ?? this.#open().then((stream) => stream.write(bytes));
  }

  close(): void {
    this.#isClosed = true;
    (this.#stream ?? this.#inner).close();
  }

  async #open(): Promise<ByteStream> {
    const stream = await (this.#opening ??= openUpgradable(this.#inner));
    if (this.#stream === undefined && stream instanceof WebSocketStream) this.onWebSocket();
    this.#stream = stream;
    if (this.#isClosed) this.#stream.close();
    return this.#stream;
  }
}

async function openUpgradable(inner: ByteStream): Promise<ByteStream> {
  let first = new Uint8Array(0);
  const block = new Uint8Array(4_096);
  while (first.length < GET.length) {
    const length = await inner.read(block);
    if (length === undefined) break;
    first = Uint8Array.of(...first, ...block.subarray(0, length));
    if (!GET.every((byte, i) => i >= first.length || first[i] === byte)) break;
  }
  const isRequest = first.length >= GET.length && GET.every((byte, i) => first[i] === byte);
  if (!isRequest) return new BegunStream(inner, first);
  const received = await readHead(inner, first);
  const answer = received === undefined ? { status: "400 Bad Request" } : await answerTo(received.head);
  const lines = [`HTTP/1.1 ${answer.status}`, ...answer.fields ?? ["Connection: close", "Content-Length: 0"]];
  const isSent = await inner.write(utf8Bytes(`${lines.join("\r\n")}\r\n\r\n`));
  if (isSent && received !== undefined && answer.fields !== undefined) {
    return new WebSocketStream(inner, "server", received.rest);
  }
  inner.close();
  return inner;
}

/** What a request is told. */
interface UpgradeAnswer {
  readonly status: string;
  /** Other than those of a refusal. */
  readonly fields?: readonly string[];
}

/** RFC 6455 §4.2.1. @returns fields only when the client is to have its WebSocket */
async function answerTo(head: HttpHead): Promise<UpgradeAnswer> {
  const [, target, version] = /^GET (\S+) HTTP\/1\.(\d)$/.exec(head.firstLine) ?? [];
  if (target === undefined || version === "0" || onlyValue(head, "host") === undefined) {
    return { status: "400 Bad Request" };
  }
  if (target !== WEBSOCKET_PATH) return { status: "404 Not Found" };
  if (!hasItem(head, "upgrade", "websocket") || !hasItem(head, "connection", "upgrade")) {
    return { status: "426 Upgrade Required" };
  }
  const key = onlyValue(head, "sec-websocket-key");
  const isKey = key !== undefined && /^[A-Za-z0-9+/]{22}==$/.test(key);
  if (!isKey || onlyValue(head, "sec-websocket-version") !== "13") return { status: "400 Bad Request" };
  return {
    status: "101 Switching Protocols",
    fields: ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${await acceptValue(key)}`],
  };
}

/** A stream of which something was read already. */
class BegunStream implements ByteStream {
  readonly remoteAddress: string;
  readonly #inner: ByteStream;
  #first: Uint8Array;

  constructor(inner: ByteStream, first: Uint8Array) {
    this.#inner = inner;
    this.remoteAddress = inner.remoteAddress;
    this.#first = first;
  }

  read(out: Uint8Array): Promise<number | undefined> {
    const { length } = this.#first;
    if (length === 0) return this.#inner.read(out);
    const taken = this.#first.subarray(0, out.length);
    out.set(taken);
    this.#first = this.#first.subarray(taken.length);
    return Promise.resolve(taken.length);
  }

  write(bytes: Uint8Array): Promise<boolean> {
    return this.#inner.write(bytes);
  }

  close(): void {
    this.#first = new Uint8Array(0);
    this.#inner.close();
  }
}
