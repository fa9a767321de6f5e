/**
 * UDP on one of the host's own addresses, for the few datagrams that are not the packet plane's: echoes, names of
 * the network, discovery.
 * @module
 */

import { Endpoint, type IpAddress } from "../net/mod.ts";
import { openError } from "./errors.ts";
import { listenDatagrams, type RuntimeDatagrams } from "./runtime_datagrams.ts";
import { addressOf } from "./runtime_sockets.ts";

/** Where to listen. */
export interface LocalDatagramOptions {
  /** An address of this host, or the unspecified one. */
  readonly address: IpAddress;
  /** 1 to 65535, or 0 for any free one. */
  readonly port: number;
  /** Whether other programs may listen on the same port; each gets what is sent to a group or to all. */
  readonly isShared?: boolean;
  /** Whether programs of this host receive what is sent to a group, too. */
  readonly loopsBack?: boolean;
}

/** A datagram and where it came from. */
export interface ReceivedDatagram {
  /** A copy; it is the caller's. */
  readonly datagram: Uint8Array;
  readonly source: Endpoint;
}

/** Longer datagrams are cut by the kernel and fail the checks of whoever they are for. */
const RECEIVE_BUFFER_BYTES = 2048;
/** Datagrams that may wait to be sent; further ones are dropped, for a fresher one is on its way. */
const MAX_SENDS_IN_FLIGHT = 256;
const RECEIVE_RETRY_MS = 20;

/** One socket. Nothing promises that what is sent arrives. */
export class LocalDatagrams {
  /** The address and port that it is bound to. */
  readonly local: Endpoint;
  readonly #connection: RuntimeDatagrams;
  #isClosed = false;
  #inFlight = 0;
  readonly #flushing: (() => void)[] = [];
  readonly #ended = Promise.withResolvers<void>();

  private constructor(connection: RuntimeDatagrams, address: IpAddress) {
    this.#connection = connection;
    this.local = new Endpoint(address, (connection.addr as Deno.NetAddr).port);
  }

  /** @throws PortInUseError, SocketError */
  static open({ address, port, isShared = false, loopsBack = false }: LocalDatagramOptions): LocalDatagrams {
    try {
      const hostname = address.toString();
      const connection = listenDatagrams({
        hostname,
        port,
        reuseAddress: isShared,
        loopback: loopsBack,
      });
      return new LocalDatagrams(connection, address);
    } catch (error) {
      throw openError("UDP", port, error);
    }
  }

  /**
   * Receives what is sent to `group` on the network of `interfaceAddress`, and sends there with `ttl`.
   * @returns whether the host took it
   */
  async joinGroup(group: IpAddress, interfaceAddress: IpAddress, ttl: number): Promise<boolean> {
    try {
      const membership = await this.#connection.joinMulticastV4(
        group.toString(),
        interfaceAddress.toString(),
      );
      await membership.setTTL(ttl);
      return true;
    } catch {
      return false;
    }
  }

  /** Waits for a datagram; one call is under way at a time. @returns undefined when the socket is closed */
  async receive(): Promise<ReceivedDatagram | undefined> {
    while (!this.#isClosed) {
      try {
        const [bytes, from] = await this.#connection.receive(new Uint8Array(RECEIVE_BUFFER_BYTES));
        const { hostname, port } = from as Deno.NetAddr;
        const address = addressOf(hostname);
        if (address !== undefined) return { datagram: bytes, source: new Endpoint(address, port) };
      } catch {
        if (this.#isClosed) break;
        // An ICMP error of an earlier send surfaces here; the pause keeps a lasting failure from taking the processor.
        await new Promise((resolve) => setTimeout(resolve, RECEIVE_RETRY_MS));
      }
    }
    return undefined;
  }

  /** Sends and forgets; `datagram` may be reused when this returns. */
  send(datagram: Uint8Array, destination: Endpoint): void {
    if (this.#isClosed || this.#inFlight === MAX_SENDS_IN_FLIGHT) return;
    this.#inFlight++;
    const landed = (): void => {
      this.#inFlight--;
      if (this.#inFlight > 0) return;
      for (const resolve of this.#flushing.splice(0)) resolve();
      if (this.#isClosed) this.#end();
    };
    const to = {
      transport: "udp",
      hostname: destination.address.toString(),
      port: destination.port,
    } as const;
    // What can't be sent (no route, no buffers, the interface is gone) is as lost as one that is lost on the way.
    this.#connection.send(datagram.slice(), to).then(landed, landed);
  }

  /** @returns when all that was sent before has gone out; the runtime keeps no order between sends otherwise */
  flush(): Promise<void> {
    return this.#inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.#flushing.push(resolve));
  }

  /**
   * Sends nothing more, and closes once what is being sent has gone out; then a `receive` under way returns undefined.
   * Harmless when repeated.
   * @returns when what was sent before has gone out
   */
  close(): Promise<void> {
    if (!this.#isClosed && this.#inFlight === 0) this.#end();
    this.#isClosed = true;
    return this.#ended.promise;
  }

  #end(): void {
    this.#connection.close();
    this.#ended.resolve();
  }
}
