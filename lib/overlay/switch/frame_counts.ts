/**
 * Counting what a port and a network carry and drop.
 * @module
 */

/** Why a frame goes no further; counted under this name. */
export const DROP_REASONS = [
  "short-frame",
  "bad-length",
  "too-many-tags",
  "oversized",
  "bad-source",
  "foreign-mac",
  "forged-mac",
  "forged-address",
  "flapping",
  "bad-arp",
  "bad-ip",
  "bad-nd",
  "bad-igmp",
  "bad-mld",
  "reserved",
  "loop-probe",
  "blocked",
  "same-port",
  "split-horizon",
  "no-port",
  "storm-broadcast",
  "storm-multicast",
  "storm-unknown",
  "too-long",
  "queue-full",
  "policy",
  "rate-limit",
] as const;

/** One of `DROP_REASONS`. */
export type DropReason = typeof DROP_REASONS[number];

/** The number of each reason, so that a decision allocates nothing. */
export const DROPPED: Readonly<Record<DropReason, number>> = Object.fromEntries(
  DROP_REASONS.map((reason, i) => [reason, i]),
) as Record<DropReason, number>;

/** What was carried and dropped. */
export interface SwitchCounts {
  /** Frames that came in, superpackets as one; those that were dropped too. */
  readonly framesIn: number;
  readonly framesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** By reason; reasons that never were are left out. */
  readonly drops: Readonly<Record<string, number>>;
}

const FRAMES_IN = 0;
const FRAMES_OUT = 1;
const BYTES_IN = 2;
const BYTES_OUT = 3;
const FIRST_REASON = 4;

/** The counters of a port or a network. */
export class FrameCounters {
  readonly #values = new Float64Array(FIRST_REASON + DROP_REASONS.length);

  /** Counts a frame that came in. */
  countIn(lengthBytes: number): void {
    this.#add(FRAMES_IN, 1);
    this.#add(BYTES_IN, lengthBytes);
  }

  /** Counts frames that go out. */
  countOut(frames: number, lengthBytes: number): void {
    this.#add(FRAMES_OUT, frames);
    this.#add(BYTES_OUT, frames * lengthBytes);
  }

  /** Counts a frame that goes no further. @param reason a number of `DROPPED` */
  countDrop(reason: number): void {
    this.#add(FIRST_REASON + reason, 1);
  }

  /** @returns a copy */
  snapshot(): SwitchCounts {
    const [framesIn = 0, framesOut = 0, bytesIn = 0, bytesOut = 0, ...reasons] = this.#values;
    const drops = DROP_REASONS.map((reason, i) => [reason, reasons[i] ?? 0] as const);
    return {
      framesIn,
      framesOut,
      bytesIn,
      bytesOut,
      drops: Object.fromEntries(drops.filter(([, count]) => count > 0)),
    };
  }

  #add(place: number, amount: number): void {
    this.#values[place] = (this.#values[place] ?? 0) + amount;
  }
}
