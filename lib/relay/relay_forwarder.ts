/**
 * What carries the datagrams of a relay's sessions, as a port.
 * @module
 */

import type { LegKey } from "./leg_secret.ts";
import { RELAY_DROPS, type RelayDropReason, type RelayRates } from "./relay_switch.ts";

/** The UDP ports of a session, and what is known of it to who has opened them. */
export interface RelayPorts {
  /** The leg of the first member, 1 to 65535. */
  readonly a: number;
  /** The leg of the second. */
  readonly b: number;
  /** What the session has done since it was opened. */
  activity(): SessionActivity;
  /** Closes both ports. Harmless when repeated. */
  close(): void;
}

/** What a session has done; each number grows alone. */
export interface SessionActivity {
  readonly datagrams: number;
  readonly bytes: number;
  /** Authentic binds of both legs. */
  readonly binds: number;
  /** Whether each of both has been bound; not known where it is absent. */
  readonly isBound?: boolean;
}

/** What the host of a relay did not take. */
export const SEND_DROPS = ["no-route", "too-large", "socket-full", "send-failed"] as const;

/** One of `FORWARDER_DROPS`. */
export type ForwarderDrop = RelayDropReason | (typeof SEND_DROPS)[number];

/** Why a datagram of a relay was lost: the reasons of the switch first, then those of the host. */
export const FORWARDER_DROPS: readonly ForwarderDrop[] = [...RELAY_DROPS, ...SEND_DROPS];

/** Ports from the first to the last, both included; 0 and 0 for any that are free. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Any free port of the host. */
export const ANY_PORT: PortRange = { first: 0, last: 0 };

/** How a forwarder is to work. */
export interface ForwarderOptions {
  readonly ports: PortRange;
  readonly rates: RelayRates;
}

/** Opens the ports of sessions, and carries what comes to them. */
export interface RelayForwarder {
  readonly kind: "fast" | "portable";
  /** Settles when nothing is carried any more; `failed` says that nobody has asked for it. */
  readonly ended: Promise<"closed" | "failed">;
  /** @returns the ports of a new session, or undefined when this host has none left */
  open(keys: readonly [a: LegKey, b: LegKey]): RelayPorts | undefined;
  /** @returns how many datagrams were dropped since it began, by reason */
  drops(): Readonly<Record<ForwarderDrop, number>>;
  /** Closes all ports. Harmless when repeated. */
  close(): Promise<void>;
}

/** Gives the ports of a range in turn, so that one that was closed rests before it is used again. */
export class PortPicker {
  readonly #range: PortRange;
  #next: number;

  constructor(range: PortRange) {
    this.#range = range;
    this.#next = range.first;
  }

  /**
   * @param tryOpen opens a socket at a port; 0 is any free one
   * @returns what it has opened, or undefined when all ports are taken
   */
  open<Socket>(tryOpen: (port: number) => Socket | "port-taken"): Socket | undefined {
    const { first, last } = this.#range;
    for (let i = first; i <= last; i++) {
      const port = this.#next;
      this.#next = port >= last ? first : port + 1;
      const socket = tryOpen(port);
      if (socket !== "port-taken") return socket;
    }
    return undefined;
  }

  /** @returns two of them, or undefined when there are none; then what was opened is closed */
  openPair<Socket extends { close(): void }>(
    tryOpen: (port: number) => Socket | "port-taken",
  ): readonly [Socket, Socket] | undefined {
    const first = this.open(tryOpen);
    if (first === undefined) return undefined;
    const second = this.open(tryOpen);
    if (second === undefined) first.close();
    return second && [first, second];
  }
}
