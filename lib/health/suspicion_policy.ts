/**
 * When to announce that a member seems gone, and when to probe whom others miss.
 *
 * ```
 *   own verdict: healthy ──▶ not ──▶ shouldAnnounce() ──▶ every link
 *   a member's suspicion ──▶ handleSuspicion() ──▶ a probe of our own, no verdict, and never passed on
 * ```
 *
 * @module
 */

import { Counters, KeyedRateLimiter, type Millis } from "../base/mod.ts";

/** Members that are remembered, by each rule. */
const MAX_SOURCES = 4096;
/** A member that comes and goes is announced once in this time. */
const ANNOUNCE_LIMITS = { burst: 1, everyMs: 30_000, maxSources: MAX_SOURCES };
/** Whoever misses everybody is cut off itself; others need not get each of them. */
const ANNOUNCE_ALL_LIMITS = { burst: 16, everyMs: 2_000, maxSources: 1 };
/** What one member may have us do. */
const SENDER_LIMITS = { burst: 16, everyMs: 2_000, maxSources: MAX_SOURCES };
/** A member is probed once for all who miss it: two probes, of 5 s each, give a verdict. */
const SUSPECT_LIMITS = { burst: 1, everyMs: 10_000, maxSources: MAX_SOURCES };

const DROP_REASONS = ["suspicion-stranger", "suspicion-too-many"] as const;

/** Who this node is, and who the members are. */
export interface SuspicionPolicyOptions {
  /** This node. */
  readonly self: string;
  /** @returns whether this is another member */
  isPeer(id: string): boolean;
}

/** The suspicions of one node, its own and those that it receives. Members are known by their node ids. */
export class SuspicionPolicy {
  readonly #options: SuspicionPolicyOptions;
  /** How many suspicions were not followed, by reason. */
  readonly drops: Counters<typeof DROP_REASONS[number]> = new Counters(DROP_REASONS);
  readonly #announced = new KeyedRateLimiter(ANNOUNCE_LIMITS);
  readonly #announcedInAll = new KeyedRateLimiter(ANNOUNCE_ALL_LIMITS);
  readonly #senders = new KeyedRateLimiter(SENDER_LIMITS);
  readonly #suspects = new KeyedRateLimiter(SUSPECT_LIMITS);

  constructor(options: SuspicionPolicyOptions) {
    this.#options = options;
  }

  /** This node's own probes miss a member. @returns whether to announce it to others; that counts as done */
  shouldAnnounce(now: Millis, id: string): boolean {
    return this.#announced.allows(now, id) && this.#announcedInAll.allows(now, "");
  }

  /**
   * A member announces that its probes miss another one.
   * @param from who announces it
   * @param about who is missed; this node itself, when the way from there to here is broken
   * @returns whom to probe now; undefined when it was just asked for, or when that is not called for, which is counted
   */
  handleSuspicion(now: Millis, from: string, about: string): string | undefined {
    const suspect = about === this.#options.self ? from : about;
    if (!this.#senders.allows(now, from)) return this.#drop("suspicion-too-many");
    if (!this.#options.isPeer(suspect)) return this.#drop("suspicion-stranger");
    // Already asked for by somebody else: nothing is lost.
    return this.#suspects.allows(now, suspect) ? suspect : undefined;
  }

  #drop(reason: typeof DROP_REASONS[number]): undefined {
    this.drops.count(reason);
    return undefined;
  }
}
