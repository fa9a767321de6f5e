/**
 * The HTTP proxy that this host's users are to take, and connecting through it (RFC 9110 §9.3.6).
 * @module
 */

import { encodeBase64, utf8Bytes } from "../base/mod.ts";
import { Cidr, IpAddress } from "../net/mod.ts";
import { ConnectionStream, connectWithin, type DialOptions } from "./runtime_sockets.ts";
import { readHead } from "./websocket/mod.ts";

/** A proxy that speaks plain HTTP. Its credentials are shown to nobody but itself. */
export class HttpProxy {
  readonly hostname: string;
  readonly port: number;
  readonly #credentials: string | undefined;

  private constructor(url: URL) {
    this.hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
    this.port = url.port === "" ? 80 : Number(url.port);
    const { username, password } = url;
    if (username === "" && password === "") return;
    const userPass = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    // RFC 7617 §2.
    this.#credentials = `Basic ${encodeBase64(utf8Bytes(userPass))}`;
  }

  /** @returns the proxy that `http://[user:password@]host[:port]` names, the scheme may be left out; undefined for others */
  static parse(text: string): HttpProxy | undefined {
    try {
      const url = new URL(text.includes("://") ? text : `http://${text}`);
      return url.protocol === "http:" && url.hostname !== "" ? new HttpProxy(url) : undefined;
    } catch {
      return undefined;
    }
  }

  /** @returns the proxy without its credentials */
  toString(): string {
    return `http://${this.hostname.includes(":") ? `[${this.hostname}]` : this.hostname}:${this.port}`;
  }

  /** @returns the same as `toString()` */
  toJSON(): string {
    return this.toString();
  }

  /**
   * Connects to a host through the proxy.
   * @param hostname a name, which the proxy resolves, or an address
   * @returns undefined when either can't be reached in time, or the proxy says no or nothing that can be read
   */
  async connect(hostname: string, port: number, options: DialOptions): Promise<Deno.TcpConn | undefined> {
    const connection = await connectWithin(this.hostname, this.port, options).catch(() => undefined);
    if (connection === undefined) return undefined;
    const giveUp = (): void => connection.close();
    const timer = setTimeout(giveUp, options.timeoutMs);
    options.signal?.addEventListener("abort", giveUp);
    let isOpen = false;
    try {
      if (options.signal?.aborted) giveUp();
      isOpen = await this.#ask(new ConnectionStream(connection, this.toString()), hostname, port) &&
        !options.signal?.aborted;
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", giveUp);
    }
    if (isOpen) return connection;
    try {
      connection.close();
    } catch {
      // The timer was faster.
    }
    return undefined;
  }

  async #ask(stream: ConnectionStream, hostname: string, port: number): Promise<boolean> {
    const authority = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
    const lines = [
      `CONNECT ${authority} HTTP/1.1`,
      `Host: ${authority}`,
      ...this.#credentials === undefined ? [] : [`Proxy-Authorization: ${this.#credentials}`],
    ];
    if (!await stream.write(utf8Bytes(`${lines.join("\r\n")}\r\n\r\n`))) return false;
    const received = await readHead(stream);
    // Whoever is behind it speaks only when spoken to.
    return received !== undefined && /^HTTP\/1\.[01] 2\d\d(?: |$)/.test(received.head.firstLine) &&
      received.rest.length === 0;
  }
}

/** What the variables `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say, in either case. */
export class ProxySettings {
  readonly #proxy: HttpProxy | undefined;
  readonly #exceptions: readonly string[];

  /**
   * Reads the variables once.
   * @param read of one variable; undefined when it is not set
   */
  constructor(read: (name: string) => string | undefined) {
    const one = (name: string): string => read(name.toLowerCase()) || read(name) || "";
    // CONNECT is what HTTPS_PROXY is for; most networks have one proxy for both.
    this.#proxy = HttpProxy.parse(one("HTTPS_PROXY")) ?? HttpProxy.parse(one("HTTP_PROXY"));
    this.#exceptions = one("NO_PROXY").toLowerCase().split(",").map((part) => part.trim()).filter(Boolean);
  }

  /** @returns the proxy to reach a host through, or undefined when it is reached without one, as this host itself is */
  proxyFor(hostname: string, port: number): HttpProxy | undefined {
    const name = hostname.toLowerCase();
    const address = IpAddress.parse(name);
    const isHere = address?.isLoopback || address?.isLinkLocal || name === "localhost";
    if (this.#proxy === undefined || isHere) return undefined;
    return this.#exceptions.some((one) => isExcepted(one, name, address, port)) ? undefined : this.#proxy;
  }
}

/** An exception is `*`, a name that stands for those below it as well, an address or a block; a port may follow a name. */
function isExcepted(exception: string, name: string, address: IpAddress | undefined, port: number): boolean {
  if (exception === "*") return true;
  if (address !== undefined) {
    const block = Cidr.parse(exception);
    return block?.contains(address) ?? IpAddress.parse(exception)?.equals(address) ??
      exception === `${name}:${port}`;
  }
  const [host = "", only] = exception.split(":");
  if (only !== undefined && only !== String(port)) return false;
  const suffix = host.replace(/^\*?\.*/, "");
  return suffix !== "" && (name === suffix || name.endsWith(`.${suffix}`));
}

/** The variables of this process; none that it may not read. */
export function environmentProxies(): ProxySettings {
  // Asked first: a program that may not read it would have its user asked.
  const mayRead = (variable: string): boolean =>
    Deno.permissions.querySync({ name: "env", variable }).state === "granted";
  return new ProxySettings((name) => mayRead(name) ? Deno.env.get(name) : undefined);
}
