/**
 * The UDP sockets of a server, whichever way they are served.
 * @module
 */

import type { Logger } from "../base/mod.ts";
import type { DnsCounter } from "../dns/mod.ts";
import { bindUdp, type BoundUdp, FirstReadable, HostError } from "../host/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { type DatagramSocket, openUdp, portInUse } from "../transport/mod.ts";
import { FastDatagrams } from "./fast/mod.ts";
import type { QueryService } from "./query_service.ts";
import { ResponseCache, serveDatagrams } from "./portable_datagrams.ts";

/** How sockets are served. */
export type SocketKind = "fast" | "portable";

/** A bound socket that nobody serves yet. */
export type UnservedSocket =
  & { readonly port: number; close(): void }
  & (
    | { readonly kind: "fast"; readonly bound: BoundUdp }
    | { readonly kind: "portable"; readonly socket: DatagramSocket }
  );

/** Bound sockets and who answers on them; the frontend closes the sockets. */
export interface UdpFrontendParts {
  /** All of one kind. */
  readonly sockets: readonly UnservedSocket[];
  /** Where they are bound. */
  readonly endpoints: readonly Endpoint[];
  readonly service: QueryService;
  /** Whether the portable way is good enough when the fast one can't be had. */
  readonly mayFallBack: boolean;
  readonly log: Logger;
}

/**
 * Binds a socket.
 * @param wanted `auto` takes the fast way where the system's own calls can be had
 * @throws PortInUseError, SocketError; HostError when `fast` can't be had
 */
export function bindSocket(endpoint: Endpoint, wanted: "auto" | SocketKind): UnservedSocket {
  const { address, port } = endpoint;
  if (wanted !== "portable") {
    try {
      const bound = bindUdp(address, port);
      if (bound === "port-taken") throw portInUse("UDP", port);
      return { kind: "fast", bound, port: bound.port, close: () => bound.close() };
    } catch (error) {
      if (wanted === "fast" || !(error instanceof HostError)) throw error;
    }
  }
  const socket = openUdp({ address, port });
  return { kind: "portable", socket, port: socket.localPort, close: () => socket.close() };
}

/**
 * Serves sockets, by a worker if it can, and goes on by itself when the worker is gone. The worker is started by the first
 * query, which waits a tenth of a second for it: many nodes are never asked, and it takes 10 MB.
 */
export class UdpFrontend {
  readonly #parts: UdpFrontendParts;
  #open: readonly UnservedSocket[];
  #fast: FastDatagrams | undefined;
  /** The first query, until there is a worker. */
  #first: FirstReadable | undefined;
  #starting: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(parts: UdpFrontendParts) {
    this.#parts = parts;
    this.#open = parts.sockets;
  }

  /** @throws HostError when the fast way can't be had and nothing else will do; the sockets are closed then */
  static async serve(parts: UdpFrontendParts): Promise<UdpFrontend> {
    const frontend = new UdpFrontend(parts);
    try {
      if (parts.mayFallBack) frontend.#awaitFirst();
      else await frontend.#serveFast();
    } catch (error) {
      frontend.#closeSockets();
      if (!parts.mayFallBack) throw error;
      frontend.#fallBack(error);
    }
    frontend.#servePortable();
    return frontend;
  }

  get kind(): SocketKind {
    return this.#fast === undefined && this.#first === undefined ? "portable" : "fast";
  }

  /** What was answered before may not hold any more. */
  changeZone(): void {
    this.#fast?.changeZone();
  }

  /** Answers are for one asker each from now on: the worker, who does not tell askers apart, ends. */
  async leaveFast(): Promise<void> {
    if (this.kind === "portable") return;
    await this.#endFast();
    if (this.#isClosed) return;
    this.#closeSockets();
    this.#reopen();
    this.#servePortable();
  }

  /** @returns what was counted here, beside what the service has counted */
  counters(): readonly (readonly [DnsCounter, number])[] {
    return this.#fast?.counters() ?? [];
  }

  /** Closes the sockets. Harmless when repeated. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#endFast();
    this.#closeSockets();
  }

  /** @throws HostError when nothing can be waited for */
  #awaitFirst(): void {
    const fds = this.#open.flatMap((each) => each.kind === "fast" ? [each.bound.fd] : []);
    if (fds.length === 0) return;
    const first = this.#first = new FirstReadable(fds);
    this.#starting = first.wait().then(async (isThere) => {
      try {
        if (isThere) await this.#serveFast();
      } catch (error) {
        if (first.isClosed) return;
        this.#closeSockets();
        this.#fallBack(error);
        this.#servePortable();
      } finally {
        this.#first = undefined;
      }
    }).catch((error) => this.#parts.log.error("names are not served over UDP any more", { error }));
  }

  async #endFast(): Promise<void> {
    this.#first?.close();
    await this.#starting;
    const fast = this.#fast;
    this.#fast = undefined;
    await fast?.close();
  }

  async #serveFast(): Promise<void> {
    const { service, log } = this.#parts;
    const sockets = this.#open.flatMap((each) => each.kind === "fast" ? [each.bound] : []);
    if (sockets.length === 0) return;
    const fast = await FastDatagrams.open(sockets, service);
    this.#fast = fast;
    fast.ended.then((end) => {
      if (end === "stopped" || this.#isClosed) return;
      log.error("the worker of the name server has failed; names are served the portable way");
      this.#fast = undefined;
      this.#closeSockets();
      this.#reopen();
      this.#servePortable();
    }).catch((error) => log.error("names are not served over UDP any more", { error }));
  }

  #servePortable(): void {
    const known = new ResponseCache();
    for (const each of this.#open) {
      if (each.kind === "portable") serveDatagrams(this.#parts.service, each.socket, known);
    }
  }

  #fallBack(error: unknown): void {
    this.#parts.log.warn("names are served the portable way", { error });
    this.#reopen();
  }

  /** The same ports, by the runtime's sockets. */
  #reopen(): void {
    this.#open = this.#parts.endpoints.map((endpoint) => bindSocket(endpoint, "portable"));
  }

  #closeSockets(): void {
    for (const socket of this.#open) socket.close();
    this.#open = [];
  }
}
