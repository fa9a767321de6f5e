/**
 * Serving an application by TCP to whoever can reach the port: how long a request may take to arrive, and how many
 * connections there are, is bounded.
 * @module
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { concatBytes } from "../base/mod.ts";
import type { Connection } from "./access.ts";

/** How long the head of a request may take to arrive, and the whole of it. */
const HEAD_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
/** How often it is looked whose time is over. */
const CHECK_MS = 1_000;
/** How long a connection stays open for another request. */
const KEEP_ALIVE_MS = 10_000;
const MAX_HEAD_BYTES = 16 << 10;
/** A further one takes the place of the oldest that has no request under way; without such it is closed. */
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

/**
 * Listens on an address.
 * @returns when it does
 * @throws the system's error, with its `code`
 */
export async function listenHttp(hostname: string, port: number, answer: Answer): Promise<StatusServer> {
  const server = createServer({
    headersTimeout: HEAD_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEAD_BYTES,
  });
  const busy = boundConnections(server);
  server.on("request", (incoming, outgoing) => {
    busy.add(incoming.socket);
    outgoing.on("close", () => busy.delete(incoming.socket));
    void respond(incoming, outgoing, answer).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
  const closed = new Promise<void>((resolve) => server.once("close", () => resolve()));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    async shutdown() {
      server.close();
      server.closeIdleConnections();
      await closed;
    },
    abort: () => server.closeAllConnections(),
  };
}

/** @returns the sockets with a request under way, which the caller keeps */
function boundConnections(server: Server): Set<Socket> {
  const busy = new Set<Socket>();
  // The order is that in which they came.
  const all = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    all.add(socket);
    // One that sends nothing at all is no request yet, so no timeout of requests ends it.
    const timer = setTimeout(() => socket.destroy(), HEAD_TIMEOUT_MS);
    socket.once("data", () => clearTimeout(timer));
    socket.once("close", () => {
      clearTimeout(timer);
      all.delete(socket);
      busy.delete(socket);
    });
    if (all.size <= MAX_CONNECTIONS) return;
    const [idle = socket] = [...all].filter((each) => !busy.has(each));
    all.delete(idle);
    idle.destroy();
  });
  return busy;
}

async function respond(incoming: IncomingMessage, outgoing: ServerResponse, answer: Answer): Promise<void> {
  const hosts = incoming.rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === "host").length;
  // RFC 9112 §3.2: one Host, and in HTTP/1.0 perhaps none.
  if (hosts > 1) return void outgoing.writeHead(400).end();
  const body = incoming.method === "POST" ? await readForm(incoming) : void incoming.resume();
  if (body === "too-large") return void outgoing.writeHead(413, { connection: "close" }).end();
  const over = new AbortController();
  outgoing.on("close", () => over.abort());
  // The addresses of a socket are gone once it is closed.
  const { localAddress = "", remoteAddress = "" } = incoming.socket;
  const response = await answer(requestOf(incoming, body, over.signal), { localAddress, remoteAddress });
  for (const [name, value] of response.headers) outgoing.setHeader(name, value);
  outgoing.writeHead(response.status);
  outgoing.flushHeaders();
  const reader = response.body?.getReader();
  over.signal.addEventListener("abort", () => void reader?.cancel().catch(() => {}));
  for (let chunk = await reader?.read(); chunk?.value !== undefined; chunk = await reader?.read()) {
    if (over.signal.aborted) return;
    if (!outgoing.write(chunk.value)) await drained(outgoing);
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
  signal: AbortSignal,
): Request {
  const { method = "GET", url: target = "/", socket } = incoming;
  const headers = new Headers();
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i] ?? "", incoming.rawHeaders[i + 1] ?? "");
  }
  const own = socket.localAddress?.includes(":") ? `[${socket.localAddress}]` : socket.localAddress;
  const authority = incoming.headers.host ?? `${own}:${socket.localPort}`;
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
