/**
 * What members may make this node do by the messages that they send, in about milliseconds of work.
 * @module
 */

import { type Clock, TokenBucket } from "../../base/mod.ts";

/** Of one link: a roster of thousands, then a fifth of the time. */
const LINK_LIMITS = { burst: 2_000, perSecond: 200 };
/** Of all links: half of the time, after what a node has to catch up with that was away. */
const TOTAL_LIMITS = { burst: 20_000, perSecond: 500 };
/** What a link has in any case, however much the others do. */
const SHARE_LIMITS = { burst: 500, perSecond: 30 };
const MESSAGE_COST = 1;
/** A signature and a write. */
const NEW_ITEM_COST = 1;
/** Reading what was known. */
const ITEM_COST = 0.02;

/** What a message has brought: items that were new, and items that were read or looked up for it. */
interface MessageWork {
  readonly changes: number;
  readonly items: number;
}

/** The work of all links. */
export class WorkLimits {
  readonly #clock: Clock;
  readonly #total: TokenBucket;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#total = new TokenBucket(clock, TOTAL_LIMITS);
  }

  /**
   * Counts the work of one link.
   * @returns what is told of each message, and tells how many milliseconds to wait before the next one is read
   */
  forLink(): (work: MessageWork) => number {
    const own = new TokenBucket(this.#clock, LINK_LIMITS);
    const share = new TokenBucket(this.#clock, SHARE_LIMITS);
    return ({ changes, items }) => {
      const cost = MESSAGE_COST + changes * NEW_ITEM_COST + items * ITEM_COST;
      const waits = [own.spend(cost), share.spend(cost)] as const;
      // Whoever keeps to its share waits for nobody else's excess.
      return this.#total.spend(cost) > 0 ? Math.max(...waits) : waits[0];
    };
  }
}
