/**
 * A switch with the answers of one decision as values, for tests.
 * @module
 */

import { type Millis, millis, SeededRandom } from "../../../base/mod.ts";
import { ETHERNET_HEADER_BYTES, type MacAddress } from "../../../net/mod.ts";
import {
  FORWARD,
  Forwarding,
  FrameSwitch,
  type FrameSwitchOptions,
  type SwitchEvent,
  type SwitchFrame,
  type SwitchNetwork,
  type SwitchPort,
} from "../mod.ts";
import { ip } from "./frames.ts";

/** What became of a frame: the ports in order, "answered", or the reason of the drop. */
export type Outcome = readonly number[] | string;

/** A switch, its time, and shorter ways to ask it. */
export class SwitchHarness {
  readonly frames: FrameSwitch;
  readonly #out = new Forwarding();
  #now = 1_000_000;

  /** @param limits what the switch remembers */
  constructor(limits: FrameSwitchOptions = {}) {
    this.frames = new FrameSwitch(new SeededRandom(14), limits);
  }

  /** The time. */
  get now(): Millis {
    return millis(this.#now);
  }

  /** Lets time pass, and the switch do what falls due. */
  advance(byMs: number): void {
    this.#now += byMs;
    this.frames.handleTimeout(this.now);
  }

  /** Sets a network. */
  network(network: number, definition: Partial<SwitchNetwork> = {}): void {
    this.frames.setNetwork({ network, mtuBytes: 1500, ...definition });
  }

  /** Sets ports of a network. */
  ports(network: number, side: SwitchPort["side"], ports: readonly number[], allowsForeign = false): void {
    for (const port of ports) this.frames.setPort({ port, network, side, allowsForeign });
  }

  /** Binds addresses to a port. */
  bind(network: number, port: number, mac: MacAddress, ...addresses: string[]): void {
    this.frames.setBinding({ network, port, mac, addresses: addresses.map(ip) });
  }

  /** @param longestBytes what it is cut into, where it is a superpacket @returns what became of a frame */
  send(
    port: number,
    frame: Uint8Array,
    longestBytes: number = frame.length - ETHERNET_HEADER_BYTES,
  ): Outcome {
    const before = this.frames.portCounts(port)?.drops ?? {};
    // Not at the memory's beginning, so that a wrong offset shows.
    const memory = new Uint8Array(frame.length + 40).fill(0xee);
    memory.set(frame, 17);
    this.frames.forward(this.now, port, memory, 17, frame.length, longestBytes, this.#out);
    switch (this.#out.action) {
      case FORWARD.ONE:
        return [this.#out.port];
      case FORWARD.FLOOD:
        return [...this.#out.ports.subarray(0, this.#out.count)];
      case FORWARD.ANSWERED:
        return "answered";
    }
    const after = this.frames.portCounts(port)?.drops ?? {};
    return Object.keys(after).find((reason) => after[reason] !== (before[reason] ?? 0)) ?? "uncounted";
  }

  /** @returns all frames that the switch sends itself */
  fetch(): SwitchFrame[] {
    const frames: SwitchFrame[] = [];
    for (let next = this.frames.pollFrame(); next !== undefined; next = this.frames.pollFrame()) {
      frames.push(next);
    }
    return frames;
  }

  /** @returns all events */
  events(): SwitchEvent[] {
    const events: SwitchEvent[] = [];
    for (let next = this.frames.pollEvent(); next !== undefined; next = this.frames.pollEvent()) {
      events.push(next);
    }
    return events;
  }
}
