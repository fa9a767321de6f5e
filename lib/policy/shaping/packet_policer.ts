/**
 * The receiver's side of rates: it trusts no sender, and drops what is too much.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { PolicyEvaluator } from "../evaluate/mod.ts";
import type { GuardOutcome } from "../flows/mod.ts";
import { costOf, ShapeLanes } from "./shape_lanes.ts";

/** What a sender has shaped must pass, though its clock differs and packets have waited on their way. */
const TOLERANCE = { rate: 1.01, burst: 2 };

/** Drops what senders should have held back. */
export class PacketPolicer {
  readonly #lanes = new ShapeLanes(TOLERANCE);

  /** Takes another program, or none: all buckets are full again. */
  use(evaluator: PolicyEvaluator | undefined): void {
    this.#lanes.use(evaluator);
  }

  /**
   * @param outcome what the guard has just decided
   * @param lengthBytes of the packet, or a superpacket of so many `packets`
   * @returns whether it passes
   */
  admits(now: Millis, outcome: GuardOutcome, lengthBytes: number, packets: number): boolean {
    const limit = this.#lanes.find(now, outcome.limit, outcome);
    const qos = this.#lanes.find(now, outcome.qos, outcome);
    const limitCost = limit === undefined ? 0 : costOf(limit.shape, lengthBytes, packets);
    const qosCost = qos === undefined ? 0 : costOf(qos.shape, lengthBytes, packets);
    if (limit !== undefined && limit.bucket.waitMs(now, limitCost) > 0) return false;
    if (qos !== undefined && qos.bucket.waitMs(now, qosCost) > 0) return false;
    limit?.bucket.take(now, limitCost);
    qos?.bucket.take(now, qosCost);
    return true;
  }
}
