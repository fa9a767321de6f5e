/**
 * Between the switch and the guards of overlay networks: who asks, in which direction, and what waits for its turn.
 *
 * | from, to                     | direction | what is too fast          |
 * | ---------------------------- | --------- | ------------------------- |
 * | this host, another           | out       | waits; for many: dropped  |
 * | this host, this host         | through   | waits; it is asked once   |
 * | another host, this host      | in        | dropped                   |
 *
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { EthernetHeader, IpAddress, MacAddress } from "../../net/mod.ts";
import { ADMISSION, type FrameGate, type FrameWay, type SwitchFrame } from "../../overlay/mod.ts";
import {
  DIRECTION,
  type FrameGuard,
  NO_RULE,
  PacketPolicer,
  PacketShaper,
  type PolicyEvaluator,
  SHAPED,
  VERDICT,
} from "../../policy/mod.ts";
import type { PlaneGuards } from "./plane_guards.ts";

/** Answers that wait for the switch to be asked for its frames. */
const MAX_ANSWERS = 64;

interface GatedNetwork {
  readonly name: string;
  readonly guard: FrameGuard;
}

/** The gate of one switch. */
export class NetworkGate implements FrameGate {
  readonly #guards: PlaneGuards;
  readonly #before: number;
  readonly #networks = new Map<number, GatedNetwork>();
  readonly #shaper: PacketShaper;
  readonly #policer = new PacketPolicer();
  readonly #answers: SwitchFrame[] = [];
  #evaluator: PolicyEvaluator | undefined;
  #now: Millis | undefined;

  /** @param options.before bytes before a frame that are kept with it, such as its virtio header */
  constructor(guards: PlaneGuards, options: { readonly before: number }) {
    this.#guards = guards;
    this.#before = options.before;
    this.#shaper = new PacketShaper(options);
  }

  get isIdle(): boolean {
    return this.#guards.isUnused;
  }

  /** Says how a network is called in policies. The same number changes it. */
  setNetwork(network: number, name: string): void {
    if (this.#networks.get(network)?.name === name) return;
    this.removeNetwork(network);
    this.#networks.set(network, { name, guard: this.#guards.of(name) });
  }

  removeNetwork(network: number): void {
    const known = this.#networks.get(network);
    if (known === undefined) return;
    this.#networks.delete(network);
    // One that was made anew under the same name may have come before the former went.
    if (![...this.#networks.values()].some(({ name }) => name === known.name)) {
      this.#guards.remove(known.name);
    }
  }

  bind(network: number, mac: MacAddress, addresses: readonly IpAddress[]): void {
    this.#networks.get(network)?.guard.bind(mac, addresses);
  }

  unbind(network: number, mac: MacAddress): void {
    this.#networks.get(network)?.guard.unbind(mac);
  }

  forgetPort(port: number): void {
    this.#shaper.forget(port);
    const kept = this.#answers.filter((answer) => answer.port !== port);
    this.#answers.splice(0, Infinity, ...kept);
  }

  admit(
    now: Millis,
    way: FrameWay,
    header: EthernetHeader,
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    packets: number,
  ): number {
    const guard = this.#networks.get(way.network)?.guard;
    if (guard === undefined || guard.isIdle) return ADMISSION.PASS;
    this.#now = now;
    const direction = !way.isFromLocal ? DIRECTION.IN : way.isToLocal ? DIRECTION.THROUGH : DIRECTION.OUT;
    const verdict = guard.check(now, header, bytes, at, lengthBytes, direction, packets);
    this.#guards.noteDecision();
    if (verdict !== VERDICT.PASS) {
      // Ways round are of the mesh; in an overlay network nobody would take the frame, so it goes nowhere.
      const answer = verdict === VERDICT.REJECT ? guard.answer(header, bytes, at, lengthBytes) : undefined;
      if (answer !== undefined && this.#answers.length < MAX_ANSWERS) {
        this.#answers.push({ port: way.from, frame: answer });
      }
      return ADMISSION.DENIED;
    }
    const { outcome } = guard;
    if (outcome.limit === NO_RULE && outcome.qos === NO_RULE) return ADMISSION.PASS;
    return this.#shape(now, way, guard, bytes, at, lengthBytes, packets);
  }

  pollFrame(): SwitchFrame | undefined {
    const answer = this.#answers.shift();
    if (answer !== undefined) return answer;
    const held = this.#now === undefined ? undefined : this.#shaper.poll(this.#now);
    if (held === undefined) return undefined;
    const { tag: port, bytes } = held;
    const before = this.#before;
    return { port, frame: bytes.subarray(before), before: bytes.subarray(0, before) };
  }

  handleTimeout(now: Millis): void {
    this.#now = now;
    this.#guards.handleTimeout(now);
  }

  pollTimeout(): Millis | undefined {
    const [held, guards] = [this.#shaper.pollTimeout(), this.#guards.pollTimeout()];
    return held === undefined || (guards !== undefined && guards < held) ? guards : held;
  }

  #shape(
    now: Millis,
    way: FrameWay,
    guard: FrameGuard,
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    packets: number,
  ): number {
    if (this.#evaluator !== this.#guards.evaluator) {
      this.#evaluator = this.#guards.evaluator;
      this.#shaper.use(this.#evaluator);
      this.#policer.use(this.#evaluator);
    }
    const { outcome, ipAt } = guard;
    if (way.isFromLocal && way.mayHold) {
      const shaped = this.#shaper.shape(now, outcome, bytes, at, lengthBytes, packets, way.to, ipAt);
      if (shaped === SHAPED.NOW) return ADMISSION.PASS;
      return shaped === SHAPED.QUEUED ? ADMISSION.HELD : ADMISSION.LIMITED;
    }
    if (way.isFromLocal) this.#shaper.mark(outcome, bytes, ipAt);
    const ipBytes = ipAt < 0 ? lengthBytes : lengthBytes - (ipAt - at);
    return this.#policer.admits(now, outcome, ipBytes, packets) ? ADMISSION.PASS : ADMISSION.LIMITED;
  }
}
