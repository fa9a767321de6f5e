/**
 * What the sockets of the runtime have in common.
 * @module
 */

import type { ByteStream } from "../base/mod.ts";
import { IpAddress } from "../net/mod.ts";
import { openError } from "./errors.ts";

/** Where to listen. */
export interface ListenOptions {
  /** 1 to 65535, or 0 for any free one. */
  readonly port: number;
  /** One address of this host; all of them unless given. */
  readonly address?: IpAddress;
}

/** Limits of one dial. */
export interface DialOptions {
  /** How long to wait for the other end's answer. */
  readonly timeoutMs: number;
  /** Gives up at once. */
  readonly signal?: AbortSignal;
}

/**
 * Opens a socket for IPv6 and IPv4 together, or for IPv4 alone where the host has no IPv6, or for one address.
 * @throws PortInUseError, SocketError
 */
export function openDualStack<S>(
  protocol: "UDP" | "TCP",
  { port, address }: ListenOptions,
  open: (hostname: string) => S,
): S {
  try {
    if (address === undefined) return open("::");
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) throw openError(protocol, port, error);
  }
  try {
    return open(address?.toString() ?? "0.0.0.0");
  } catch (error) {
    throw openError(protocol, port, error);
  }
}

const ACCEPT_RETRY_MS = 20;

/**
 * Waits for the next connection of a listener of the runtime.
 * @param isClosed whether the listener was closed
 * @returns undefined when it was
 */
export async function acceptNext<C extends Deno.Conn>(
  listener: { accept(): Promise<C> },
  isClosed: () => boolean,
): Promise<C | undefined> {
  while (!isClosed()) {
    try {
      return await listener.accept();
    } catch {
      if (isClosed()) break;
      // accept(2): an aborted connection concerns only itself; no free descriptors is an error that lasts, and the
      // pause lets streams close meanwhile.
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
    }
  }
  return undefined;
}

/**
 * Connects by TCP.
 * @param hostname an address, or a name that the host's resolver knows
 * @throws Deno.errors.TimedOut when it takes too long, the signal's reason when it fires, or what the system says
 */
export async function connectWithin(
  hostname: string,
  port: number,
  options: DialOptions,
): Promise<Deno.TcpConn> {
  const { timeoutMs, signal } = options;
  // A timer of our own and not AbortSignal.timeout(): it is cleared, so no dial outlives its answer.
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Deno.errors.TimedOut("no answer in time")), timeoutMs);
  const giveUp = (): void => abort.abort(signal?.reason);
  signal?.addEventListener("abort", giveUp);
  if (signal?.aborted) giveUp();
  try {
    const connection = await Deno.connect({ transport: "tcp", hostname, port, signal: abort.signal });
    if (!abort.signal.aborted) return connection;
    connection.close();
    throw abort.signal.reason;
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}

/** @returns the address that the runtime means: without its zone, which is the host's own affair (RFC 4007 §11) */
export function addressOf(hostname: string): IpAddress | undefined {
  return IpAddress.parse(hostname.replace(/%.*$/, ""))?.unmapped();
}

/** A `ByteStream` over a connection, which it owns. Without async functions, of which each costs objects and turns. */
export class ConnectionStream implements ByteStream {
  readonly remoteAddress: string;
  readonly #connection: Deno.Conn;
  #isClosed = false;
  readonly #onRead = (length: number | null) => length === null || this.#isClosed ? undefined : length;

  /** @param remoteAddress where the other end is, for people */
  constructor(connection: Deno.Conn, remoteAddress: string) {
    this.#connection = connection;
    this.remoteAddress = remoteAddress;
  }

  read(out: Uint8Array): Promise<number | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    return this.#connection.read(out).then(this.#onRead, () => undefined);
  }

  write(bytes: Uint8Array): Promise<boolean> {
    if (this.#isClosed || bytes.length === 0) return Promise.resolve(!this.#isClosed);
    return this.#connection.write(bytes).then(
      (written) => written < bytes.length ? this.write(bytes.subarray(written)) : !this.#isClosed,
      () => false,
    );
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }
}
