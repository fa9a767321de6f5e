/**
 * Datagrams on the local networks: to a multicast group (RFC 1112) and to all (RFC 919), by every interface.
 * @module
 */

import { Endpoint, IpAddress } from "../net/mod.ts";
import { LocalDatagrams, type ReceivedDatagram } from "./bound_udp.ts";

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

/** Nothing is sent by more interfaces than this. */
const MAX_INTERFACES = 8;
/** How many datagrams may wait for `receive`. */
const MAX_WAITING = 256;
const ANYWHERE = IpAddress.fromBytes(new Uint8Array(4));
const EVERYBODY = IpAddress.fromBytes(new Uint8Array(4).fill(255));

/**
 * One socket that receives, and for each interface one that sends: bound to its address, so that the kernel sends by
 * that interface whatever its routes say. No privilege and no foreign function is needed.
 */
export class LanSockets {
  readonly #options: LanOptions;
  readonly #receiver: LocalDatagrams;
  readonly #senders = new Map<string, LocalDatagrams>();
  readonly #inbox: ReceivedDatagram[] = [];
  #wake = (): void => {};
  #isClosed = false;

  private constructor(options: LanOptions, receiver: LocalDatagrams) {
    this.#options = options;
    this.#receiver = receiver;
    this.#listen(receiver);
  }

  /** @throws PortInUseError, SocketError */
  static async open(options: LanOptions): Promise<LanSockets> {
    const receiver = LocalDatagrams.open({ address: ANYWHERE, port: options.port, isShared: true });
    const sockets = new LanSockets(options, receiver);
    await sockets.refresh();
    return sockets;
  }

  /**
   * Follows the interfaces of the host: new ones are sent by too, those that are gone no more.
   * @returns whether there are new ones
   */
  async refresh(): Promise<boolean> {
    if (this.#isClosed) return false;
    const { group, ttl, interfaces } = this.#options;
    const wanted = new Map(
      interfaces().slice(0, MAX_INTERFACES).map((address) => [address.toString(), address]),
    );
    for (const [key, socket] of this.#senders) {
      if (wanted.has(key)) continue;
      socket.close();
      this.#senders.delete(key);
    }
    let hasNew = false;
    for (const [key, address] of wanted) {
      if (this.#senders.has(key)) continue;
      try {
        const socket = LocalDatagrams.open({ address, port: 0, loopsBack: true });
        this.#senders.set(key, socket);
        this.#listen(socket);
        hasNew = true;
        await this.#receiver.joinGroup(group, address, ttl);
        // It receives nothing of the group; the runtime sets the TTL with the membership.
        await socket.joinGroup(group, address, ttl);
      } catch {
        // The address has just gone; the next look will not find it.
      }
    }
    return hasNew;
  }

  /** Sends to the group by every interface. */
  multicast(datagram: Uint8Array): void {
    this.#sendByAll(datagram, this.#options.group);
  }

  /** Sends to everybody on the networks of every interface. */
  broadcast(datagram: Uint8Array): void {
    this.#sendByAll(datagram, EVERYBODY);
  }

  /** Sends to one. */
  send(datagram: Uint8Array, destination: Endpoint): void {
    this.#receiver.send(datagram, destination);
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
    await Promise.all([this.#receiver, ...this.#senders.values()].map((socket) => socket.flush()));
  }

  /** Closes all. Harmless when repeated. @returns when what was sent before has gone out */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#inbox.length = 0;
    this.#wake();
    await Promise.all([this.#receiver, ...this.#senders.values()].map((socket) => socket.close()));
  }

  #sendByAll(datagram: Uint8Array, address: IpAddress): void {
    const destination = new Endpoint(address, this.#options.port);
    for (const socket of this.#senders.values()) socket.send(datagram, destination);
  }

  /** What comes while the inbox is full is dropped: it is announced again. */
  async #listen(socket: LocalDatagrams): Promise<void> {
    for (;;) {
      const received = await socket.receive();
      if (received === undefined) return;
      if (this.#inbox.length < MAX_WAITING) this.#inbox.push(received);
      this.#wake();
    }
  }
}
