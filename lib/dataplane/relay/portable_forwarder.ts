/**
 * A relay by the runtime's sockets, on the main thread: for hosts without foreign functions and for nodes without
 * privileges.
 * @module
 */

import type { Clock } from "../../base/mod.ts";
import { systemRandom } from "../../host/mod.ts";
import {
  FORWARDER_DROPS,
  type ForwarderDrop,
  type ForwarderOptions,
  type LegKey,
  PortPicker,
  type RelayForwarder,
  type RelayPorts,
  RelaySwitch,
  type SwitchLeg,
} from "../../relay/mod.ts";
import { type DatagramSocket, openUdp, PortInUseError, SocketError } from "../../transport/mod.ts";

/** What a socket calls a drop, as a forwarder calls it. */
const SOCKET_DROPS: Readonly<Record<string, ForwarderDrop>> = {
  "too-large": "too-large",
  "too-many-in-flight": "socket-full",
  "send-failed": "send-failed",
};

/** Copies datagrams from socket to socket. */
export class PortableForwarder implements RelayForwarder {
  readonly kind = "portable";
  readonly ended: Promise<"closed">;
  readonly #clock: Clock;
  readonly #switch: RelaySwitch<DatagramSocket>;
  readonly #ports: PortPicker;
  readonly #end = Promise.withResolvers<"closed">();
  readonly #sockets = new Set<DatagramSocket>();
  /** Of sockets that are closed. */
  readonly #earlierDrops = new Map<ForwarderDrop, number>();
  #isClosed = false;

  constructor({ ports, rates, clock }: ForwarderOptions & { readonly clock: Clock }) {
    this.#clock = clock;
    this.#ports = new PortPicker(ports);
    this.#switch = new RelaySwitch(rates, systemRandom);
    this.ended = this.#end.promise;
  }

  open(keys: readonly [LegKey, LegKey]): RelayPorts | undefined {
    if (this.#isClosed) return undefined;
    const sockets = this.#openSockets();
    if (sockets === undefined) return undefined;
    const session = this.#switch.open([[keys[0], sockets[0]], [keys[1], sockets[1]]]);
    for (const leg of [session.a, session.b]) {
      this.#sockets.add(leg.port);
      void this.#serve(leg);
    }
    return {
      a: sockets[0].localPort,
      b: sockets[1].localPort,
      activity: () => ({
        datagrams: session.carriedDatagrams,
        bytes: session.carriedBytes,
        binds: session.binds,
        isBound: session.isBound,
      }),
      close: () => sockets.forEach((socket) => this.#closeSocket(socket)),
    };
  }

  drops(): Record<ForwarderDrop, number> {
    const counts = new Map<ForwarderDrop, number>(FORWARDER_DROPS.map((reason) => [reason, 0]));
    for (const [reason, count] of Object.entries(this.#switch.drops.snapshot())) {
      counts.set(reason as ForwarderDrop, count);
    }
    for (const [reason, count] of this.#earlierDrops) counts.set(reason, count);
    for (const socket of this.#sockets) addDrops(counts, socket);
    return Object.fromEntries(counts) as Record<ForwarderDrop, number>;
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const socket of [...this.#sockets]) this.#closeSocket(socket);
    this.#end.resolve("closed");
    return Promise.resolve();
  }

  async #serve(leg: SwitchLeg<DatagramSocket>): Promise<void> {
    const { port } = leg;
    for (let batch = await port.receiveBatch(); batch !== undefined; batch = await port.receiveBatch()) {
      const now = this.#clock.now();
      for (let i = 0; i < batch.count; i++) {
        const datagram = batch.datagram(i);
        const source = batch.source(i);
        const verdict = this.#switch.judge(now, leg, source, datagram, 0, datagram.length);
        if (verdict === "bound") port.send(this.#switch.answer, source);
        else if (verdict === "carried" && leg.other.source !== undefined) {
          leg.other.port.send(datagram, leg.other.source);
        }
      }
    }
  }

  #openSockets(): readonly [DatagramSocket, DatagramSocket] | undefined {
    try {
      return this.#ports.openPair((port) => {
        try {
          return openUdp({ port });
        } catch (error) {
          if (error instanceof PortInUseError) return "port-taken";
          throw error;
        }
      });
    } catch (error) {
      // No descriptor is left, or no permission given.
      if (error instanceof SocketError) return undefined;
      throw error;
    }
  }

  #closeSocket(socket: DatagramSocket): void {
    if (!this.#sockets.delete(socket)) return;
    addDrops(this.#earlierDrops, socket);
    socket.close();
  }
}

function addDrops(counts: Map<ForwarderDrop, number>, socket: DatagramSocket): void {
  for (const [name, count] of Object.entries(socket.drops())) {
    const reason = SOCKET_DROPS[name];
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + count);
  }
}
