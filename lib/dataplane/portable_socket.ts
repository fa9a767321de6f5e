/**
 * The socket of the portable plane: the runtime's, and what the runtime has no names for where the host can do it.
 * @module
 */

import { enlargeUdpBuffers, markUdpSocket, UncutUdp } from "../host/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import {
  type DatagramBatch,
  type DatagramSocket,
  NoSocket,
  openUdp,
  PortInUseError,
} from "../transport/mod.ts";
import type { ListenFailure, ListenOptions } from "./packet_plane.ts";

/** One socket, or that of an interface that is down. */
export class PortableSocket {
  readonly #socket: DatagramSocket;
  /** Null where the host has none. */
  #uncut: UncutUdp | null | undefined;
  #unsentProbes = 0;

  /** @param socket closed by `close` */
  constructor(socket: DatagramSocket = new NoSocket()) {
    this.#socket = socket;
  }

  /** @returns a socket on all addresses of this host, or why there is none */
  static open({ port, fwmark }: ListenOptions): PortableSocket | ListenFailure {
    let socket: DatagramSocket;
    try {
      socket = openUdp({ port });
    } catch (error) {
      return error instanceof PortInUseError ? "port-taken" : "failed";
    }
    enlargeUdpBuffers(socket.localPort);
    if (fwmark === 0 || markUdpSocket(socket.localPort, fwmark)) return new PortableSocket(socket);
    socket.close();
    return "mark-refused";
  }

  /** 0 while there is none. */
  get localPort(): number {
    return this.#socket.localPort;
  }

  /** Marks what is sent from now on. @returns whether the kernel took it */
  setMark(fwmark: number): boolean {
    return this.localPort === 0 || markUdpSocket(this.localPort, fwmark);
  }

  receiveBatch(): Promise<DatagramBatch | undefined> {
    return this.#socket.receiveBatch();
  }

  send(datagram: Uint8Array, destination: Endpoint): void {
    this.#socket.send(datagram, destination);
  }

  /** Sends what nobody cuts on its way; where the host can't say so, as anything else. */
  sendProbe(datagram: Uint8Array, destination: Endpoint): void {
    if (this.#uncut === undefined) {
      this.#uncut = this.localPort === 0 ? null : UncutUdp.open(this.localPort) ?? null;
    }
    if (this.#uncut === null) this.#socket.send(datagram, destination);
    else if (!this.#uncut.send(datagram, destination)) this.#unsentProbes++;
  }

  /** @returns how many datagrams were dropped, by reason */
  drops(): Readonly<Record<string, number>> {
    const drops = this.#socket.drops();
    return { ...drops, "send-failed": (drops["send-failed"] ?? 0) + this.#unsentProbes };
  }

  close(): void {
    this.#uncut?.close();
    this.#uncut = null;
    this.#socket.close();
  }
}
