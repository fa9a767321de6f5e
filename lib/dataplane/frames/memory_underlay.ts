/**
 * An underlay in memory: hosts of one program that reach each other by addresses, as members of a mesh do.
 * @module
 */

import { AddressTable } from "./address_table.ts";
import { type IpAddress, ipDestinationOffset, ipSourceOffset, ipVersion } from "../../net/mod.ts";
import { BoundedQueue, type Timers } from "../../base/mod.ts";
import { systemTimers } from "../../host/mod.ts";

/** Packets on the way, all hosts together; the oldest is dropped when there are more. */
const MAX_ON_THE_WAY = 8_192;
/** A turn ends some time, whatever hosts answer each other. */
const PACKETS_PER_TURN = 4_096;

/** Takes a packet, which is its own from now on. */
export type PacketReceiver = (packet: Uint8Array<ArrayBuffer>) => void;

/** A host in the underlay. */
export interface MemoryHost {
  /** Sends an IP packet from one of its addresses. @returns false when nobody takes it */
  send(packet: Uint8Array): boolean;
  /** The same, but nobody is handed anything before `carry`: for hosts that are in the middle of a call. */
  queue(packet: Uint8Array): boolean;
  /** Hands over what waits. */
  carry(): void;
  /** Takes the host away. */
  close(): void;
}

interface OnTheWay {
  readonly packet: Uint8Array<ArrayBuffer>;
  readonly receive: PacketReceiver;
}

/** Hosts by their addresses. A packet whose source is not its sender's goes nowhere, as in the mesh. */
export class MemoryUnderlay {
  readonly #hosts = new AddressTable<{ readonly owner: object; readonly receive: PacketReceiver }>();
  readonly #onTheWay = new BoundedQueue<OnTheWay>(MAX_ON_THE_WAY);
  readonly #timers: Timers;
  #isCarrying = false;
  #cancelTimer: (() => void) | undefined;
  /** Packets that went nowhere. */
  dropped = 0;

  /**
   * Makes one without hosts.
   * @param timers the system's unless given
   */
  constructor(timers: Timers = systemTimers) {
    this.#timers = timers;
  }

  /** Adds a host. @returns what sends for it; `close` takes it away */
  join(addresses: readonly IpAddress[], receive: PacketReceiver): MemoryHost {
    const owner = {};
    for (const address of addresses) this.#hosts.set(address, { owner, receive });
    return {
      send: (packet) => {
        const isTaken = this.#queue(owner, packet);
        this.#carry();
        return isTaken;
      },
      queue: (packet) => this.#queue(owner, packet),
      carry: () => this.#carry(),
      close: () => addresses.forEach((address) => this.#hosts.delete(address)),
    };
  }

  #queue(owner: object, packet: Uint8Array): boolean {
    const version = ipVersion(packet);
    if (version === 0 || this.#hosts.find(packet, ipSourceOffset(version), version)?.owner !== owner) {
      this.dropped++;
      return false;
    }
    const host = this.#hosts.find(packet, ipDestinationOffset(version), version);
    if (host === undefined) {
      this.dropped++;
      return false;
    }
    if (this.#onTheWay.push({ packet: packet.slice() as Uint8Array<ArrayBuffer>, receive: host.receive })) {
      this.dropped++;
    }
    return true;
  }

  /** What a host sends while it receives waits until it is done. */
  #carry(): void {
    if (this.#isCarrying) return;
    this.#isCarrying = true;
    try {
      for (let left = PACKETS_PER_TURN; left > 0; left--) {
        const next = this.#onTheWay.shift();
        if (next === undefined) return;
        next.receive(next.packet);
      }
      this.#cancelTimer ??= this.#timers.setTimer(0, () => {
        this.#cancelTimer = undefined;
        this.#carry();
      });
    } finally {
      this.#isCarrying = false;
    }
  }
}
