/**
 * What policies do to the packets of the portable plane: refused ones are answered or not, those above a limit wait, and
 * what was decided is told from time to time.
 * @module
 */

import type { Millis } from "../base/mod.ts";
import { systemClock, systemRandom, systemTimers } from "../host/mod.ts";
import { ipVersion } from "../net/mod.ts";
import { DIRECTION, SHAPED, VERDICT } from "../policy/mod.ts";
import type { PlaneOptions } from "./packet_plane.ts";
import { MeshShaping, PlaneGuards, type PlanePolicy } from "./policy/mod.ts";

/** Where packets go that policies have to do with. */
export interface PortablePolicyPorts {
  /** Hands a packet to this host. */
  write(packet: Uint8Array): void;
  /** Hands a packet to the tunnel: the answer to one that came out of it. */
  reply(now: Millis, packet: Uint8Array): void;
  /** Goes on with a packet of this host that had to wait, by the member that a policy sends it through, if any. */
  release(now: Millis, packet: Uint8Array, nextHop: Uint8Array | undefined): void;
  /** Called after a turn in which packets were released. */
  settle(): void;
  readonly onReport: NonNullable<PlaneOptions["onPolicyReport"]>;
}

/** The policies of one plane, in force or none. */
export class PortablePolicy {
  readonly guards: PlaneGuards = new PlaneGuards({ random: systemRandom, wall: systemClock.wall });
  readonly #shaping = new MeshShaping(this.guards, { before: 0 });
  readonly #ports: PortablePolicyPorts;
  #denied = 0;
  #limited = 0;
  #cancelHeld: (() => void) | undefined;
  #cancelReport: (() => void) | undefined;
  #isClosed = false;

  constructor(ports: PortablePolicyPorts) {
    this.#ports = ports;
  }

  /** Puts a policy in the place of the one before. @param device whose peers' packets it decides about */
  use(policy: PlanePolicy, device: Parameters<PlaneGuards["attach"]>[0]): void {
    this.guards.use(policy);
    this.guards.attach(device);
    this.#tell();
  }

  /** Asks the policy; who is refused is answered, where it says so. @param direction one of `DIRECTION` */
  admits(now: Millis, packet: Uint8Array, direction: number): boolean {
    const guards = this.guards;
    if (guards.isIdle) return true;
    const verdict = guards.mesh.check(now, packet, 0, packet.length, direction, 1);
    guards.noteDecision();
    if (this.#cancelReport === undefined) this.#tell();
    if (verdict === VERDICT.PASS || verdict === VERDICT.REDIRECT) {
      const shaped = this.#shaping.shape(now, packet, 0, packet.length, direction, 1);
      if (shaped === SHAPED.DROPPED) this.#limited++;
      if (shaped === SHAPED.QUEUED) this.#armHeldTimer(now);
      return shaped === SHAPED.NOW;
    }
    this.#denied++;
    const answer = verdict === VERDICT.REJECT ? guards.mesh.answer(packet, 0, packet.length) : undefined;
    if (answer !== undefined && direction === DIRECTION.OUT) this.#ports.write(answer);
    else if (answer !== undefined) this.#ports.reply(now, answer);
    return false;
  }

  /** @returns the member's address that the packet which was just admitted goes through; undefined for its own */
  nextHop(packet: Uint8Array, tag?: number): Uint8Array | undefined {
    return this.guards.nextHop(ipVersion(packet) === 6 ? 16 : 4, tag);
  }

  /** @returns packets that were not let through since the start, by why */
  drops(): Readonly<Record<string, number>> {
    return { "policy-denied": this.#denied, "rate-limit": this.#limited };
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelReport?.();
    this.#cancelHeld?.();
  }

  #armHeldTimer(now: Millis): void {
    const due = this.#shaping.pollTimeout();
    if (this.#cancelHeld !== undefined || due === undefined || this.#isClosed) return;
    this.#cancelHeld = systemTimers.setTimer(Math.max(0, due - now), () => {
      this.#cancelHeld = undefined;
      this.#sendHeld(systemClock.now());
    });
  }

  /** Sends what had to wait. */
  #sendHeld(now: Millis): void {
    for (let held = this.#shaping.poll(now); held !== undefined; held = this.#shaping.poll(now)) {
      this.#ports.release(now, held.bytes, this.nextHop(held.bytes, held.tag));
    }
    this.#ports.settle();
    this.#armHeldTimer(now);
  }

  /** Tells what policies have decided, and again while there is more; flows that have ended are forgotten meanwhile. */
  #tell(): void {
    const now = systemClock.now();
    const guards = this.guards;
    guards.handleTimeout(now);
    const report = guards.pollReport(now);
    if (report !== undefined) this.#ports.onReport(report);
    const next = Math.min(guards.reportIn(now), (guards.pollTimeout() ?? Infinity) - now);
    this.#cancelReport = undefined;
    if (next === Infinity || this.#isClosed) return;
    this.#cancelReport = systemTimers.setTimer(Math.max(0, next), () => this.#tell());
  }
}
