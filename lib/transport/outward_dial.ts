/**
 * Dialling somebody outside of this host by whatever way the network lets through: TCP, a proxy by CONNECT, and WebSocket
 * over either, with TLS when the URL says so.
 * @module
 */

import type { ByteStream } from "../base/mod.ts";
import { Endpoint, IpAddress, type WebAddress } from "../net/mod.ts";
import type { ProxySettings } from "./http_proxy.ts";
import { ConnectionStream, connectWithin, type DialOptions } from "./runtime_sockets.ts";
import { requestUpgrade } from "./websocket/mod.ts";

/**
 * A proxy is asked when there is no answer for so long (RFC 8305 §5), or a failure before. It has to dial as far itself, so
 * where both ways lead there the direct one has that much of a start.
 */
const PROXY_DELAY_MS = 250;

/** Dials by TCP, or through the proxy of the settings where that does not work. */
export class OutwardDialer {
  readonly #proxies: ProxySettings;
  /** Whether the proxy led somewhere where TCP did not: then both are tried at once. */
  #isBehindProxy = false;

  constructor(proxies: ProxySettings) {
    this.#proxies = proxies;
  }

  /** Opens a stream to an endpoint, or to the WebSocket of a URL. It never rejects. @returns undefined when it can't */
  async dial(target: Endpoint | WebAddress, options: DialOptions): Promise<ByteStream | undefined> {
    if (target instanceof Endpoint) {
      const connection = await this.#connect(target.address.toString(), target.port, options);
      return connection && plainStream(connection);
    }
    const connection = await this.#connect(target.hostname, target.port, options);
    return connection && await openWebSocket(connection, target, options);
  }

  async #connect(hostname: string, port: number, options: DialOptions): Promise<Deno.TcpConn | undefined> {
    const direct = (signal = options.signal): Promise<Deno.TcpConn | undefined> =>
      connectWithin(hostname, port, { ...options, ...signal && { signal } }).catch(() => undefined);
    const proxy = this.#proxies.proxyFor(hostname, port);
    if (proxy === undefined) return await direct();
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, ...options.signal === undefined ? [] : [options.signal]]);
    const first = direct(signal);
    if (!this.#isBehindProxy) {
      const early = await firstOf(first, PROXY_DELAY_MS);
      if (early !== undefined) return early;
    }
    if (options.signal?.aborted) return await first;
    const second = proxy.connect(hostname, port, { ...options, signal });
    const won = await firstConnection([first, second]);
    over.abort();
    // Of two the other one is closed.
    for (const attempt of [first, second]) {
      void attempt.then((connection) => connection !== undefined && connection !== won && connection.close());
    }
    if (won !== undefined) this.#isBehindProxy = won === await settledNow(second);
    return won;
  }
}

/** @returns the connection, or undefined when there is none after a while or at all */
async function firstOf<T>(attempt: Promise<T | undefined>, afterMs: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), afterMs));
  return await Promise.race([attempt, late]).finally(() => clearTimeout(timer));
}

/** @returns the first that is one, or undefined when none is */
function firstConnection<T>(attempts: readonly Promise<T | undefined>[]): Promise<T | undefined> {
  return Promise.any(attempts.map(async (attempt) => {
    const connection = await attempt;
    if (connection === undefined) throw new Error("no connection");
    return connection;
  })).catch(() => undefined);
}

async function settledNow<T>(attempt: Promise<T | undefined>): Promise<T | undefined> {
  return await Promise.race([attempt, Promise.resolve(undefined)]);
}

/** Its remote address is where its segments go, which is a proxy's where one leads further. */
function plainStream(connection: Deno.TcpConn): ByteStream {
  const { hostname, port } = connection.remoteAddr;
  setNoDelay(connection);
  const address = IpAddress.parse(hostname);
  return new ConnectionStream(connection, address ? new Endpoint(address, port).toString() : hostname);
}

async function openWebSocket(
  connection: Deno.TcpConn,
  url: WebAddress,
  { timeoutMs, signal }: DialOptions,
): Promise<ByteStream | undefined> {
  setNoDelay(connection);
  let stream: ByteStream = new ConnectionStream(connection, url.toString());
  const giveUp = (): void => stream.close();
  const timer = setTimeout(giveUp, timeoutMs);
  signal?.addEventListener("abort", giveUp);
  try {
    if (url.isSecure) {
      const secure = await Deno.startTls(connection, { hostname: url.hostname, alpnProtocols: ["http/1.1"] });
      stream = new ConnectionStream(secure, url.toString());
      await secure.handshake();
    }
    const upgraded = signal?.aborted ? undefined : await requestUpgrade(stream, url);
    if (upgraded === undefined) stream.close();
    return upgraded;
  } catch {
    // A certificate that nobody here trusts, among others.
    stream.close();
    return undefined;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}

function setNoDelay(connection: Deno.TcpConn): void {
  try {
    // RFC 9293 §3.7.4: frames are small and awaited, Nagle's algorithm would hold them back.
    connection.setNoDelay(true);
  } catch {
    // Already broken: the first read says so.
  }
}
