/**
 * Two nodes and their probers in a virtual network: NATs, relays, narrow and broken ways.
 * @module
 */

import { type Millis, millis, SeededRandom, VirtualClock } from "../../base/mod.ts";
import { PrivateKey } from "../../crypto/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import type { Candidate } from "../path.ts";
import { type PathEvent, PathProber } from "../path_prober.ts";

/** What a NAT does: maps its host's socket to one outside endpoint (RFC 4787, endpoint-independent), and filters. */
export interface Nat {
  readonly outside: string;
  /** Whether it lets in only whom its host has sent to, by address and port. */
  readonly filters: boolean;
}

interface Host {
  readonly name: string;
  readonly inside: string;
  readonly nat: Nat | undefined;
  readonly prober: PathProber;
  readonly events: PathEvent[];
  readonly sentTo: Set<string>;
}

/** Carries datagrams between two hosts, a step of a millisecond at a time. */
export class VirtualPaths {
  readonly clock: VirtualClock = new VirtualClock();
  readonly a: Host;
  readonly b: Host;
  /** Milliseconds of one direction, by the endpoint that is sent to. */
  delayMs: (to: string) => number = () => 10;
  /** Datagrams that are lost, by where they go and how long they are. */
  loses: (to: string, lengthBytes: number) => boolean = () => false;
  /** A relay's ports: what comes to the first goes to whoever has the second. */
  readonly relayed: Map<string, "a" | "b"> = new Map();
  readonly sentBytes = { a: 0, b: 0 };
  #flying: {
    readonly at: number;
    readonly from: string;
    readonly to: string;
    readonly datagram: Uint8Array;
  }[] = [];

  constructor(a: { inside: string; nat?: Nat }, b: { inside: string; nat?: Nat }) {
    const random = new SeededRandom(7);
    const [keyA, keyB] = [PrivateKey.generate(random), PrivateKey.generate(random)];
    const make = (
      name: string,
      { inside, nat }: { inside: string; nat?: Nat },
      privateKey: PrivateKey,
    ): Host => ({
      name,
      inside,
      nat,
      prober: new PathProber({ privateKey, wantedBytes: 1_452, wall: () => this.clock.wall() }),
      events: [],
      sentTo: new Set(),
    });
    this.a = make("a", a, keyA);
    this.b = make("b", b, keyB);
    this.a.prober.add(this.now, "b", keyB.publicKey);
    this.b.prober.add(this.now, "a", keyA.publicKey);
  }

  get now(): Millis {
    return this.clock.now();
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.clock.advance(1);
      const due = this.#flying.filter(({ at }) => at <= this.now);
      this.#flying = this.#flying.filter(({ at }) => at > this.now);
      for (const { from, to, datagram } of due) this.#deliver(from, to, datagram);
      for (const host of [this.a, this.b]) this.#turn(host);
    }
  }

  /** Tells one host where the other may be. */
  tell(
    host: "a" | "b",
    source: string,
    ...candidates: readonly (Omit<Candidate, "endpoint"> & { at: string })[]
  ): void {
    const { prober } = this[host];
    const list = candidates.map(({ at, ...others }) => ({ ...others, endpoint: endpointAt(at) }));
    prober.setCandidates(this.now, host === "a" ? "b" : "a", source, list);
    this.#turn(this[host]);
  }

  /** Has a host want to send. */
  want(host: "a" | "b"): void {
    this[host].prober.want(this.now, host === "a" ? "b" : "a");
    this.#turn(this[host]);
  }

  /** @returns where a host's packets go now */
  chosen(host: "a" | "b"): string | undefined {
    return this[host].prober.paths(host === "a" ? "b" : "a")?.chosen?.endpoint.toString();
  }

  #turn(host: Host): void {
    const { prober } = host;
    prober.handleTimeout(this.now);
    for (let event = prober.pollEvent(); event !== undefined; event = prober.pollEvent()) {
      host.events.push(event);
    }
    for (let out = prober.pollTransmit(); out !== undefined; out = prober.pollTransmit()) {
      const to = out.endpoint.toString();
      host.sentTo.add(to);
      this.sentBytes[host.name as "a" | "b"] += out.datagram.length;
      if (this.loses(to, out.datagram.length)) continue;
      const at = this.now + this.delayMs(to);
      this.#flying.push({ at, from: host.nat?.outside ?? host.inside, to, datagram: out.datagram });
    }
  }

  #deliver(from: string, to: string, datagram: Uint8Array): void {
    const relayTo = this.relayed.get(to);
    if (relayTo !== undefined) {
      // It comes from the port of the relay that the receiver sends to.
      const [relay] = to.split(":");
      const own = [...this.relayed].find(([at, end]) => end !== relayTo && at.split(":")[0] === relay)?.[0] ??
        "";
      this[relayTo].prober.handleDatagram(this.now, datagram, endpointAt(own));
      return;
    }
    for (const host of [this.a, this.b]) {
      if (to !== (host.nat?.outside ?? host.inside)) continue;
      if (host.nat?.filters && !host.sentTo.has(from)) continue;
      host.prober.handleDatagram(this.now, datagram, endpointAt(from));
    }
  }
}

/** @throws Error when `text` is no endpoint */
export function endpointAt(text: string): Endpoint {
  const endpoint = Endpoint.parse(text);
  if (endpoint === undefined) throw new Error(`${text} is no endpoint`);
  return endpoint;
}

/** Time at which virtual clocks begin. */
export const START: Millis = millis(0);
