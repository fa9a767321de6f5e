/**
 * Serving an application by TCP to whoever can reach the port: how long a request may take to arrive, and how many
 * connections there are, is bounded.
 * @module
 */

import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type Socket } from "node:net";
import { EVENTS_TYPE } from "../api/mod.ts";
import { concatBytes } from "../base/mod.ts";
import { type Connection, sourceOf } from "./access.ts";
import { CheckedStream } from "./checked_stream.ts";

/** How long the head of a request may take to arrive, and the whole of it. */
const HEAD_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
/** How often it is looked whose time is over. */
const CHECK_MS = 1_000;
/** How long a connection stays open for another request. */
const KEEP_ALIVE_MS = 10_000;
/** How long an answer may take, and who asked may take to read it. */
const ANSWER_TIMEOUT_MS = 30_000;
const MAX_HEAD_BYTES = 16 << 10;
/** How long a reader of an answer without an end may take to read on; it is told something more often than that. */
const READ_ON_TIMEOUT_MS = 25_000;
/** A further one takes the place of one of the source that has the most. */
const MAX_CONNECTIONS = 128;

/** A body is that of a form with one field; a larger one is not read. */
const MAX_BODY_BYTES = 4 << 10;

/** Answers a request. */
type Answer = (request: Request, connection: Connection) => Response | Promise<Response>;

/** A server that listens. */
export interface StatusServer {
  readonly port: number;
  /** Takes no connection any more, and ends those that have no request under way. */
  shutdown(): Promise<void>;
  /** Ends all of them. */
  abort(): void;
}

/** Says whom an address stands for. */
export type SourceOf = (address: string) => string;

/**
 * Listens on an address.
 * @param source who has connections; each address, or IPv6 /64, by itself unless given
 * @param readOnTimeoutMs how long a reader of an event stream may take to read on
 * @returns when it does
 * @throws the system's error, with its `code`
 */
export async function listenHttp(
  hostname: string,
  port: number,
  answer: Answer,
  source: SourceOf = sourceOf,
  readOnTimeoutMs: number = READ_ON_TIMEOUT_MS,
): Promise<StatusServer> {
  const parser = createHttpServer({
    headersTimeout: HEAD_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_MS,
    maxHeaderSize: MAX_HEAD_BYTES,
  });
  const connections = new Connections(source);
  parser.on("request", (incoming, outgoing) => {
    const connection = connections.of(incoming.socket);
    if (connection === undefined) return void incoming.destroy();
    const { stream, ends } = connection;
    stream.isBusy = true;
    stream.endAfter(ANSWER_TIMEOUT_MS);
    outgoing.on("close", () => {
      stream.isBusy = stream.isEndless = false;
      stream.endAfter(KEEP_ALIVE_MS);
      if (!listener.listening) stream.destroy();
    });
    const onEndless = () => {
      stream.isEndless = true;
      stream.endAfter(readOnTimeoutMs);
    };
    void respond({ incoming, outgoing, ends, answer, onEndless }).catch(() => stream.destroy());
  });
  const listener = createServer((socket) => {
    parser.emit("connection", connections.take(socket));
  });
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(port, hostname, resolve);
  });
  const closed = new Promise<void>((resolve) => listener.once("close", () => resolve()));
  const address = listener.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    async shutdown() {
      listener.close();
      connections.end(({ isBusy, isEndless }) => !isBusy || isEndless);
      await closed;
      parser.close();
    },
    abort: () => connections.end(() => true),
  };
}

interface OpenConnection {
  readonly stream: CheckedStream;
  /** Its addresses, which a socket has no more once it is closed. */
  readonly ends: Connection;
  readonly source: string;
}

/** All that are open, a bounded number, in the order in which they came. */
class Connections {
  readonly #open = new Map<unknown, OpenConnection>();
  readonly #source: SourceOf;

  constructor(source: SourceOf) {
    this.#source = source;
  }

  of(stream: unknown): OpenConnection | undefined {
    return this.#open.get(stream);
  }

  take(socket: Socket): CheckedStream {
    const { localAddress = "", remoteAddress = "", localPort = 0 } = socket;
    const stream = new CheckedStream(socket);
    const ends = { localAddress, remoteAddress, localPort };
    this.#open.set(stream, { stream, ends, source: this.#source(remoteAddress) });
    // One that sends nothing at all is no request yet, so no timeout of requests ends it.
    stream.endAfter(HEAD_TIMEOUT_MS);
    stream.once("close", () => this.#open.delete(stream));
    if (this.#open.size > MAX_CONNECTIONS) this.#endOne(stream);
    return stream;
  }

  end(isMeant: (stream: CheckedStream) => boolean): void {
    for (const { stream } of [...this.#open.values()]) if (isMeant(stream)) stream.destroy();
  }

  /** Of the source with the most connections the oldest without a request that ends soon, else the oldest. */
  #endOne(newest: CheckedStream): void {
    const bySource = Map.groupBy(this.#open.values(), ({ source }) => source);
    const [most = []] = [...bySource.values()].toSorted((a, b) => b.length - a.length);
    const streams = most.map(({ stream }) => stream).filter((stream) => stream !== newest);
    const dispensable = streams.find(({ isBusy }) => !isBusy) ?? streams.find(({ isEndless }) => isEndless) ??
      streams[0];
    if (dispensable === undefined) return;
    // That it is closed is heard later, and others come before.
    this.#open.delete(dispensable);
    dispensable.destroy();
  }
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly ends: Connection;
  readonly answer: Answer;
  /** The answer goes on until its reader goes; called again whenever the reader has read on. */
  onEndless(): void;
}

async function respond({ incoming, outgoing, ends, answer, onEndless }: Exchange): Promise<void> {
  const hosts = incoming.rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === "host").length;
  // RFC 9112 §3.2: one Host, and in HTTP/1.0 perhaps none.
  if (hosts > 1) return void outgoing.writeHead(400).end();
  const body = incoming.method === "POST" ? await readForm(incoming) : void incoming.resume();
  if (body === "too-large") return void outgoing.writeHead(413, { connection: "close" }).end();
  const over = new AbortController();
  outgoing.on("close", () => over.abort());
  const response = await answer(requestOf(incoming, body, ends, over.signal), ends);
  for (const [name, value] of response.headers) outgoing.setHeader(name, value);
  outgoing.writeHead(response.status);
  outgoing.flushHeaders();
  const isEndless = response.headers.get("content-type") === EVENTS_TYPE;
  const reader = response.body?.getReader();
  over.signal.addEventListener("abort", () => void reader?.cancel().catch(() => {}));
  for (let chunk = await reader?.read(); chunk?.value !== undefined; chunk = await reader?.read()) {
    if (over.signal.aborted) return;
    if (!outgoing.write(chunk.value)) await drained(outgoing);
    if (isEndless && !over.signal.aborted) onEndless();
  }
  outgoing.end();
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      outgoing.off("drain", settle);
      outgoing.off("close", settle);
      resolve();
    };
    outgoing.on("drain", settle);
    outgoing.on("close", settle);
  });
}

/** What comes after too much is read, and dropped, until the request's time is over: its sender hears the answer then. */
function readForm(incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | "too-large"> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array<ArrayBuffer> | "too-large">();
  const chunks: Uint8Array[] = [];
  let lengthBytes = 0;
  incoming.on("data", (chunk: Uint8Array) => {
    lengthBytes += chunk.length;
    if (lengthBytes > MAX_BODY_BYTES) return resolve("too-large");
    chunks.push(chunk);
  });
  incoming.once("end", () => resolve(new Uint8Array(concatBytes(...chunks))));
  incoming.once("error", reject);
  incoming.once("close", () => reject(new Error("the request has ended before its body")));
  return promise;
}

function requestOf(
  incoming: IncomingMessage,
  body: Uint8Array<ArrayBuffer> | undefined,
  { localAddress, localPort }: Connection,
  signal: AbortSignal,
): Request {
  const { method = "GET", url: target = "/" } = incoming;
  const headers = new Headers();
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i] ?? "", incoming.rawHeaders[i + 1] ?? "");
  }
  const own = localAddress.includes(":") ? `[${localAddress}]` : localAddress;
  const authority = incoming.headers.host ?? `${own}:${localPort}`;
  // RFC 9112 §3.2.2: a target in absolute form names the host itself.
  const url = /^https?:/i.test(target) ? target : `http://${authority}${target}`;
  const options = { method, headers, signal, ...body !== undefined && { body } };
  try {
    return new Request(url, options);
  } catch {
    // No such host can be this one's.
    return new Request("http://host.invalid/", { headers, signal });
  }
}
