/**
 * Packets between peers: those of a plain device, which knows this node alone as its peer, are passed on to the peer whose
 * destination they name, and packets of other peers to it. The host has no part in it, so nothing of it is set for that, and
 * nothing leaves the network this way.
 *
 * ```
 *   device ── opened, source checked ──▶ next peer, sealed for it        one of both is a device of this node,
 *   member ── opened, source checked ──▶ device, sealed for it           or the packet goes to the host as ever
 * ```
 * @module
 */

import type { Counters, Millis } from "../base/mod.ts";
import {
  countDownHopLimit,
  ipDestinationOffset,
  type IpFamily,
  ipSourceOffset,
  ipVersion,
  type Undeliverable,
  undeliverable,
} from "../net/mod.ts";
import type { AllowedIps } from "./allowed_ips.ts";
import type { DropReason } from "./outcomes.ts";
import type { Peer } from "./peer.ts";

/** Where a packet goes that a peer may send. */
export type NextHop =
  /** This host, which is all that there is where nothing is passed on. */
  | "host"
  /** Another peer, by its destination. */
  | "peer"
  /** Nowhere, which is counted. */
  | "dropped";

/** What a device lends. */
export interface ForwardingParts {
  readonly allowedIps: AllowedIps<Peer>;
  readonly counters: Counters<DropReason>;
  /** Sends a packet of this node's own making to a peer. */
  readonly send: (now: Millis, packet: Uint8Array) => void;
}

/** Belongs to one device. Where no peer is passed on for, `isOn` is the only thing that is asked of a packet. */
export class Forwarding {
  /** Whether there is a peer that packets are passed on for. */
  isOn = false;
  /** Whether a packet may be passed on; whoever says no counts it, and tells its sender. All unless set. */
  admits: ((now: Millis, memory: Uint8Array, at: number, lengthBytes: number) => boolean) | undefined;
  /** The longest packet that goes on. */
  mtuBytes: number;
  readonly #parts: ForwardingParts;
  readonly #peers = new Set<Peer>();

  constructor(mtuBytes: number, parts: ForwardingParts) {
    this.mtuBytes = mtuBytes;
    this.#parts = parts;
  }

  /** Passes packets of and for `peer` on from now on, or not any more. */
  set(peer: Peer, isForwarded: boolean): void {
    if (isForwarded) this.#peers.add(peer);
    else this.#peers.delete(peer);
    this.isOn = this.#peers.size > 0;
  }

  /** Whether the address at `at` is that of a peer that packets are passed on for. */
  isFor(memory: Uint8Array, at: number, version: IpFamily): boolean {
    const peer = this.#parts.allowedIps.lookupBytes(memory, at, version);
    return peer !== undefined && this.#peers.has(peer);
  }

  /**
   * Says where a packet goes whose source was checked. One that goes on has its hop limit counted down; of one that is too
   * long, or for whom nothing can be sent, its sender is told.
   * @param memory where it lies, from `at` on; it may be a superpacket
   * @param longestBytes of the longest packet that it is cut into
   */
  nextHop(now: Millis, memory: Uint8Array, at: number, lengthBytes: number, longestBytes: number): NextHop {
    const { allowedIps, counters, send } = this.#parts;
    const version = ipVersion(memory, at) === 4 ? 4 : 6;
    const to = allowedIps.lookupBytes(memory, at + ipDestinationOffset(version), version);
    // Nobody's, as this node's own addresses are.
    if (to === undefined) return "host";
    const from = allowedIps.lookupBytes(memory, at + ipSourceOffset(version), version);
    if (from === to || from === undefined || !(this.#peers.has(from) || this.#peers.has(to))) return "host";
    if (this.admits?.(now, memory, at, lengthBytes) === false) return "dropped";
    let why: Undeliverable | undefined;
    // One that has never been heard, or has no packet plane: who waits for it is told, and does not wait for nothing.
    if (to.endpoint === undefined) why = "host";
    else if (longestBytes > this.mtuBytes) why = "too-big";
    if (why !== undefined) {
      counters.count(why === "host" ? "no-endpoint" : "packet-too-long");
      const mtuBytes = why === "too-big" ? this.mtuBytes : 0;
      const answer = undeliverable(memory, at, lengthBytes, { version, why, mtuBytes });
      if (answer !== undefined) send(now, answer);
      return "dropped";
    }
    if (countDownHopLimit(memory, at, version)) return "peer";
    counters.count("hop-limit-exceeded");
    return "dropped";
  }
}
