/**
 * The buckets of the rules that shape: for whoever began a flow, and each direction of it.
 * @module
 */

import { type Millis, RateMeter } from "../../base/mod.ts";
import { NO_RULE, type PolicyEvaluator, type RuleNumber, type Shape } from "../evaluate/mod.ts";
import type { GuardOutcome } from "../flows/mod.ts";

/** Buckets of all rules together; members beyond share one for each rule and direction. */
const MAX_BUCKETS = 131_072;
/** Of an IP and a TCP header: what each packet of a superpacket but the first has besides. */
const HEADER_BYTES = 40;

/** How much more a bucket gives than its rule says. */
export interface Tolerance {
  readonly rate: number;
  readonly burst: number;
}

/** One bucket, and what its tokens are. */
export interface ShapeLane {
  readonly bucket: RateMeter;
  readonly shape: Shape;
}

interface ShapingRule {
  readonly shape: Shape;
  /** By twice the subject's number, and 1 for the way back. */
  readonly lanes: Map<number, ShapeLane>;
  readonly shared: [ShapeLane | undefined, ShapeLane | undefined];
}

/** Finds them. */
export class ShapeLanes {
  readonly #tolerance: Tolerance;
  #rules: (ShapingRule | undefined)[] = [];
  #evaluator: PolicyEvaluator | undefined;
  #size = 0;

  constructor(tolerance: Tolerance) {
    this.#tolerance = tolerance;
  }

  /** How many buckets there are. */
  get size(): number {
    return this.#size;
  }

  /** Takes another program: all buckets are full again. */
  use(evaluator: PolicyEvaluator | undefined): void {
    this.#evaluator = evaluator;
    this.#rules = [];
    this.#size = 0;
  }

  /** @returns what a rule says, or undefined when it shapes nothing */
  shapeOf(rule: RuleNumber): Shape | undefined {
    return rule === NO_RULE ? undefined : this.#ruleOf(rule)?.shape;
  }

  /** @returns the bucket for a packet, or undefined when the rule has no rate */
  find(now: Millis, rule: RuleNumber, outcome: GuardOutcome): ShapeLane | undefined {
    if (rule === NO_RULE) return undefined;
    const shaping = this.#ruleOf(rule);
    if (shaping === undefined) return undefined;
    const { shape, lanes } = shaping;
    if (shape.bytesPerSecond === 0 && shape.itemsPerSecond === 0) return undefined;
    const way = outcome.isReply ? 1 : 0;
    const key = 2 * (outcome.isReply ? outcome.destination : outcome.source) + way;
    let lane = lanes.get(key);
    if (lane !== undefined) return lane;
    if (this.#size >= MAX_BUCKETS) this.#forgetFull(now);
    if (this.#size >= MAX_BUCKETS) return shaping.shared[way] ??= this.#open(shape);
    lane = this.#open(shape);
    lanes.set(key, lane);
    this.#size++;
    return lane;
  }

  #ruleOf(rule: RuleNumber): ShapingRule | undefined {
    const known = this.#rules[rule];
    if (known !== undefined) return known;
    const shape = this.#evaluator?.shapeOf(rule);
    if (shape === undefined) return undefined;
    const made: ShapingRule = { shape, lanes: new Map(), shared: [undefined, undefined] };
    this.#rules[rule] = made;
    return made;
  }

  #open(shape: Shape): ShapeLane {
    const { rate, burst } = this.#tolerance;
    const perSecond = shape.bytesPerSecond > 0 ? shape.bytesPerSecond : shape.itemsPerSecond;
    return { bucket: new RateMeter(perSecond * rate, Math.max(1, shape.burst * burst)), shape };
  }

  #forgetFull(now: Millis): void {
    for (const rule of this.#rules) {
      if (rule === undefined) continue;
      for (const [key, { bucket }] of rule.lanes) {
        if (bucket.isFull(now) && rule.lanes.delete(key)) this.#size--;
      }
    }
  }
}

/**
 * @param lengthBytes of the IP packet, or the superpacket
 * @param packets how many it is cut into
 * @returns how many tokens it takes, however it was joined
 */
export function costOf({ bytesPerSecond }: Shape, lengthBytes: number, packets: number): number {
  return bytesPerSecond > 0 ? lengthBytes + (packets - 1) * HEADER_BYTES : packets;
}
