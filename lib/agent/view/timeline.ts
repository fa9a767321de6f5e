/**
 * What has happened lately, for whoever looks at a page: a bounded list in memory.
 * @module
 */

import type { TimelineEvent } from "../../api/mod.ts";
import type { Clock } from "../../base/mod.ts";

/** So many are kept. */
const MAX_EVENTS = 500;

/** What has happened, without when. */
export type Happening = Omit<TimelineEvent, "number" | "at">;

/** The last 500 events. */
export class Timeline {
  readonly #clock: Pick<Clock, "wall">;
  readonly #events: TimelineEvent[] = [];
  #last = 0;

  constructor(clock: Pick<Clock, "wall">) {
    this.#clock = clock;
  }

  /** Adds one; the oldest makes room. */
  note({ kind, text, member }: Happening): void {
    const at = this.#clock.wall();
    this.#events.push({ number: ++this.#last, at, kind, text, ...member !== undefined && { member } });
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
  }

  /** @returns those with a higher number, the oldest first */
  after(number: number): readonly TimelineEvent[] {
    return this.#events.filter((event) => event.number > number);
  }
}
