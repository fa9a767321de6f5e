/**
 * TCP on both IP versions by the runtime's sockets.
 * @module
 */

import type { ByteStream } from "../base/mod.ts";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { ConnectionStream } from "./connection_stream.ts";
import { openError } from "./errors.ts";
import type { AcceptedStream, StreamListener } from "./stream_listener.ts";

/** Limits of one dial. */
export interface DialOptions {
  /** How long to wait for the other end's answer. */
  readonly timeoutMs: number;
  /** Gives up at once. */
  readonly signal?: AbortSignal;
}

/** Where to listen. */
export interface ListenOptions {
  /** 1 to 65535, or 0 for any free one. */
  readonly port: number;
  /** One address of this host; all of them unless given. */
  readonly address?: IpAddress;
}

const ACCEPT_RETRY_MS = 20;

/**
 * Opens a stream to `endpoint`. Never throws: whoever dials has other endpoints to try.
 * @returns undefined when it was refused, unreachable, too slow, or given up
 */
export async function dialTcp(endpoint: Endpoint, options: DialOptions): Promise<ByteStream | undefined> {
  // A timer of our own and not AbortSignal.timeout(): it is cleared, so no dial outlives its answer.
  const abort = new AbortController();
  const giveUp = (): void => abort.abort();
  const timer = setTimeout(giveUp, options.timeoutMs);
  options.signal?.addEventListener("abort", giveUp);
  if (options.signal?.aborted) giveUp();
  try {
    const { port } = endpoint;
    const hostname = endpoint.address.toString();
    const connection = await Deno.connect({ transport: "tcp", hostname, port, signal: abort.signal });
    if (!abort.signal.aborted) return tcpStream(connection, endpoint.toString());
    connection.close();
  } catch {
    // Every reason means the same to the caller.
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", giveUp);
  }
  return undefined;
}

/**
 * Listens for IPv6 and IPv4 together, or for IPv4 alone where the host has no IPv6, or on one address.
 * @throws PortInUseError, SocketError
 */
export function listenTcp(options: ListenOptions): StreamListener {
  const { port, address } = options;
  if (address !== undefined) return listenAt(address.toString(), port);
  try {
    return new TcpListener(Deno.listen({ transport: "tcp", hostname: "::", port }));
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) throw openError("TCP", port, error);
  }
  return listenAt("0.0.0.0", port);
}

function listenAt(hostname: string, port: number): StreamListener {
  try {
    return new TcpListener(Deno.listen({ transport: "tcp", hostname, port }));
  } catch (error) {
    throw openError("TCP", port, error);
  }
}

class TcpListener implements StreamListener {
  readonly localPort: number;
  readonly #listener: Deno.TcpListener;
  #isClosed = false;

  constructor(listener: Deno.TcpListener) {
    this.#listener = listener;
    this.localPort = listener.addr.port;
  }

  async accept(): Promise<AcceptedStream | undefined> {
    while (!this.#isClosed) {
      try {
        const connection = await this.#listener.accept();
        const { hostname, port } = connection.remoteAddr;
        const address = IpAddress.parse(hostname.replace(/%.*$/, ""))?.unmapped();
        if (address === undefined) connection.close();
        else {
          const source = new Endpoint(address, port);
          return { stream: tcpStream(connection, source.toString()), source };
        }
      } catch {
        if (this.#isClosed) break;
        // accept(2): an aborted connection concerns only itself; no free descriptors is an error that lasts, and the
        // pause lets streams close meanwhile.
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
      }
    }
    return undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
  }
}

function tcpStream(connection: Deno.TcpConn, remoteAddress: string): ByteStream {
  try {
    // RFC 9293 §3.7.4: frames are small and awaited, Nagle's algorithm would hold them back.
    connection.setNoDelay(true);
  } catch {
    // Already broken: the first read says so.
  }
  return new ConnectionStream(connection, remoteAddress);
}

/** @returns a TCP port that nothing listened on a moment ago */
export function freeTcpPort(): number {
  const listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}
