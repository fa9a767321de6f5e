/**
 * The time by which memberships expire: it stands still while no leader is at work, since nobody could renew them.
 *
 *     wall      ───┬────────┬───────────────────┬──────────────────┬───►
 *     a leader     │ its    │ 3 days later      │ one is at work   │ 30 days later: the wall clock's
 *     signs daily  │ last   │ it stands still   │ again: not yet   │ time again, all who are there
 *                  │ mark   │                   │                  │ have been renewed
 *
 * The elected leader signs a mark a day, an entry of the network's key, so that every member comes to the same time from
 * what it has, also after a restart. It never stands still for more than a year, or whoever keeps a node away from all
 * others could stay its peer for ever under a key that was revoked.
 *
 * @module
 */

import { type Clock, type UnixMillis, unixMillis, utf8Bytes } from "../../base/mod.ts";
import type { NetworkId } from "../identity/mod.ts";
import type { Origin, StateEntry } from "../records/mod.ts";

const DAY_MS = 86_400_000;
/** The kind of the entry, which only the network's key may write. */
export const MARK_KIND = "mark";
/** Its only key. */
export const MARK_KEY = "leader";
/** Both. */
export const MARK_SLOT: string = `${MARK_KIND}/${MARK_KEY}`;
/** How often the elected leader writes it. */
const MARK_EVERY_MS = DAY_MS;
/** How long after the last mark the clock stops: what lives shortest, an ephemeral record, is renewed with more left. */
export const STANDS_AFTER_MS: number = 3 * DAY_MS;
/** How long it waits for members to be renewed once a leader is at work again. */
export const RESUMES_AFTER_MS: number = 30 * DAY_MS;
/** How far it may be behind the wall clock. */
export const MAX_STANDSTILL_MS: number = 365 * DAY_MS;
/** What was made for less ends by the wall clock: what members offer, what is kept for a moment. */
const LEAST_PAUSED_MS = 30 * DAY_MS;

/** When a leader was at work last, and at what time the clock stood when it began. */
interface Mark {
  readonly at: number;
  /** Until when the clock stays where it had stopped, and where that was. */
  readonly resumes?: { readonly at: number; readonly from: number };
}

/** Tells the time by which what the network's key has signed expires. */
export class NetworkClock {
  readonly #clock: Pick<Clock, "wall">;
  readonly #networkId: NetworkId;
  #mark: Mark | undefined;

  constructor(clock: Pick<Clock, "wall">, networkId: NetworkId) {
    this.#clock = clock;
    this.#networkId = networkId;
  }

  /** When a leader was at work last, by its own word; undefined when none has said so yet. */
  get lastMarkAt(): UnixMillis | undefined {
    return this.#mark && unixMillis(this.#mark.at);
  }

  /** Takes note of the entry, or that there is none; what is not the network's, or cannot be read, is none. */
  note(origin: Origin, entry: Pick<StateEntry, "body" | "isDeleted"> | undefined): void {
    if (origin !== this.#networkId) return;
    this.#mark = entry === undefined || entry.isDeleted ? undefined : readMark(entry.body);
  }

  /** @returns the time, at most that of the wall clock; without a mark just that */
  now(): UnixMillis {
    const wall = this.#clock.wall();
    if (this.#mark === undefined) return wall;
    const { at, resumes } = this.#mark;
    const isResuming = resumes !== undefined && wall < resumes.at;
    const stopped = Math.min(wall, at + STANDS_AFTER_MS, isResuming ? resumes.from : Infinity);
    return unixMillis(Math.max(stopped, wall - MAX_STANDSTILL_MS));
  }

  /** @returns by which time an entry expires that is good for so long, in milliseconds */
  nowFor(lifetimeMs: number): UnixMillis {
    return isPaused(lifetimeMs) ? this.now() : this.#clock.wall();
  }

  /** @returns what the elected leader is to write now; undefined when the last mark is of today */
  nextMark(): Uint8Array | undefined {
    const wall = this.#clock.wall();
    if (this.#mark === undefined) return encodeMark({ at: wall });
    const { at, resumes } = this.#mark;
    if (wall - at < MARK_EVERY_MS) return undefined;
    if (wall > at + STANDS_AFTER_MS) {
      return encodeMark({ at: wall, resumes: { at: wall + RESUMES_AFTER_MS, from: this.now() } });
    }
    return encodeMark({ at: wall, ...resumes !== undefined && wall < resumes.at && { resumes } });
  }
}

/** Whether what is good for so long, in milliseconds, expires by the network's clock, and not by the wall clock. */
export function isPaused(lifetimeMs: number): boolean {
  return lifetimeMs >= LEAST_PAUSED_MS;
}

function encodeMark({ at, resumes }: Mark): Uint8Array {
  return utf8Bytes([at, ...resumes === undefined ? [] : [resumes.at, resumes.from]].join(" "));
}

function readMark(body: Uint8Array): Mark | undefined {
  const text = new TextDecoder().decode(body);
  if (!/^\d{1,15}(?: \d{1,15} \d{1,15})?$/.test(text)) return undefined;
  const [at = 0, until, from] = text.split(" ").map(Number);
  return { at, ...until !== undefined && from !== undefined && { resumes: { at: until, from } } };
}
