/**
 * Datagrams to whoever is near: to a multicast group (RFC 1112) and to all (RFC 919), by every interface.
 * @module
 */

import { Endpoint, IpAddress } from "../net/mod.ts";
import { LocalDatagrams, type ReceivedDatagram } from "./local_datagrams.ts";

/** Which datagrams, and by which interfaces. */
export interface LanOptions {
  /** The port that everybody listens on; programs of one host share it. */
  readonly port: number;
  /** An IPv4 multicast group. */
  readonly group: IpAddress;
  /** How many routers a multicast may pass, plus one. */
  readonly ttl: number;
  /** @returns the IPv4 address of each interface to use, as of now */
  interfaces(): readonly IpAddress[];
}

/** More interfaces than this are not called into. */
const MAX_INTERFACES = 8;
/** How many datagrams may wait for `receive`. */
const MAX_WAITING = 256;
const ANYWHERE = IpAddress.fromBytes(new Uint8Array(4));
const EVERYBODY = IpAddress.fromBytes(new Uint8Array(4).fill(255));

/**
 * One socket that hears, and for each interface one that calls: bound to its address, so that the kernel sends by that
 * interface whatever its routes say. No privilege and no foreign function is needed.
 */
export class LanSockets {
  readonly #options: LanOptions;
  readonly #hearing: LocalDatagrams;
  readonly #calling = new Map<string, LocalDatagrams>();
  readonly #inbox: ReceivedDatagram[] = [];
  #wake = (): void => {};
  #isClosed = false;

  private constructor(options: LanOptions, hearing: LocalDatagrams) {
    this.#options = options;
    this.#hearing = hearing;
    this.#listen(hearing);
  }

  /** @throws PortInUseError, SocketError */
  static async open(options: LanOptions): Promise<LanSockets> {
    const hearing = LocalDatagrams.open({ address: ANYWHERE, port: options.port, isShared: true });
    const sockets = new LanSockets(options, hearing);
    await sockets.refresh();
    return sockets;
  }

  /**
   * Follows the interfaces of the host: those that are new are called into, those that are gone are not.
   * @returns whether there are new ones
   */
  async refresh(): Promise<boolean> {
    if (this.#isClosed) return false;
    const { group, ttl, interfaces } = this.#options;
    const wanted = new Map(
      interfaces().slice(0, MAX_INTERFACES).map((address) => [address.toString(), address]),
    );
    for (const [key, socket] of this.#calling) {
      if (wanted.has(key)) continue;
      socket.close();
      this.#calling.delete(key);
    }
    let hasNew = false;
    for (const [key, address] of wanted) {
      if (this.#calling.has(key)) continue;
      try {
        const socket = LocalDatagrams.open({ address, port: 0, loopsBack: true });
        this.#calling.set(key, socket);
        this.#listen(socket);
        hasNew = true;
        await this.#hearing.joinGroup(group, address, ttl);
        // It hears nothing of the group; the runtime sets the TTL with the membership.
        await socket.joinGroup(group, address, ttl);
      } catch {
        // The address has just gone; the next look will not find it.
      }
    }
    return hasNew;
  }

  /** Calls the group by every interface. */
  multicast(datagram: Uint8Array): void {
    this.#call(datagram, this.#options.group);
  }

  /** Calls everybody on the networks of every interface. */
  broadcast(datagram: Uint8Array): void {
    this.#call(datagram, EVERYBODY);
  }

  /** Sends to one. */
  send(datagram: Uint8Array, destination: Endpoint): void {
    this.#hearing.send(datagram, destination);
  }

  /** Waits for a datagram; one call is under way at a time. @returns undefined when it is closed */
  async receive(): Promise<ReceivedDatagram | undefined> {
    for (;;) {
      const received = this.#inbox.shift();
      if (received !== undefined || this.#isClosed) return received;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** @returns when all that was sent before has gone out */
  async flush(): Promise<void> {
    await Promise.all([this.#hearing, ...this.#calling.values()].map((socket) => socket.flush()));
  }

  /** Closes all. Harmless when repeated. @returns when what was sent before has gone out */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#inbox.length = 0;
    this.#wake();
    const sockets = [this.#hearing, ...this.#calling.values()];
    for (const socket of sockets) socket.close();
    await Promise.all(sockets.map(({ ended }) => ended));
  }

  #call(datagram: Uint8Array, address: IpAddress): void {
    const destination = new Endpoint(address, this.#options.port);
    for (const socket of this.#calling.values()) socket.send(datagram, destination);
  }

  /** What comes while much waits is dropped: it comes again. */
  async #listen(socket: LocalDatagrams): Promise<void> {
    for (;;) {
      const received = await socket.receive();
      if (received === undefined) return;
      if (this.#inbox.length < MAX_WAITING) this.#inbox.push(received);
      this.#wake();
    }
  }
}
