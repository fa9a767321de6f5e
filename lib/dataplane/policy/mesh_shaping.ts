/**
 * Rates and marks of members' packets: what this host sends waits for its turn, what it receives or passes on does not.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import {
  DIRECTION,
  NO_RULE,
  PacketPolicer,
  PacketShaper,
  type PolicyEvaluator,
  SHAPED,
  type ShapedPacket,
} from "../../policy/mod.ts";
import type { PlaneGuards } from "./plane_guards.ts";

/** Shapes what the guard of the mesh lets pass. */
export class MeshShaping {
  readonly #guards: PlaneGuards;
  readonly #shaper: PacketShaper;
  readonly #policer = new PacketPolicer();
  #evaluator: PolicyEvaluator | undefined;

  /** @param options.before bytes before a packet that are kept with it, such as its virtio header */
  constructor(guards: PlaneGuards, options: { readonly before: number }) {
    this.#guards = guards;
    this.#shaper = new PacketShaper(options);
  }

  /**
   * Takes a packet that the guard has just let pass.
   * @param at where it begins
   * @param direction one of `DIRECTION`
   * @param packets how many it is cut into
   * @returns one of `SHAPED`; what is queued has by whom it goes as its tag
   */
  shape(
    now: Millis,
    memory: Uint8Array,
    at: number,
    lengthBytes: number,
    direction: number,
    packets: number,
  ): number {
    const { mesh: { outcome }, evaluator } = this.#guards;
    if (outcome.limit === NO_RULE && outcome.qos === NO_RULE) return SHAPED.NOW;
    if (this.#evaluator !== evaluator) {
      this.#evaluator = evaluator;
      this.#shaper.use(evaluator);
      this.#policer.use(evaluator);
    }
    if (direction === DIRECTION.OUT) {
      return this.#shaper.shape(now, outcome, memory, at, lengthBytes, packets, outcome.via);
    }
    return this.#policer.admits(now, outcome, lengthBytes, packets) ? SHAPED.NOW : SHAPED.DROPPED;
  }

  /** @returns the next packet whose turn it is */
  poll(now: Millis): ShapedPacket | undefined {
    return this.#shaper.poll(now);
  }

  /** @returns when there is one */
  pollTimeout(): Millis | undefined {
    return this.#shaper.pollTimeout();
  }
}
