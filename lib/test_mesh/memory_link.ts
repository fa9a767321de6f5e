/**
 * The way between two nodes in memory: late, lossy, held up or cut.
 * @module
 */

import type { VirtualTimers } from "../base/mod.ts";
import type { PeerId } from "../service/mod.ts";

/** What is wrong with a way between two nodes, in both directions. */
export interface LinkImpairment {
  /** How long everything is on its way, in milliseconds; half of the round trip. Nothing unless given. */
  readonly delayMs?: number;
  /** What is added to that at most, drawn anew each time; what one direction carries stays in order. */
  readonly jitterMs?: number;
  /**
   * The odds that a message is lost while the link stands, 0 to 1: no network does that to weft, whose links are ordered
   * and complete, but a faulty peer does. Streams, and with them values of more than 24 KiB, lose nothing.
   */
  readonly loss?: number;
}

/** No link is impaired unless it is said. */
const SOUND: LinkImpairment = {};

/** What a link is handed. */
export interface MemoryLinkParts {
  readonly timers: VirtualTimers;
  /** @returns a number in [0, 1) */
  readonly draw: () => number;
  /** @returns the time, in milliseconds */
  readonly now: () => number;
}

/**
 * One link. It stands, is held up (nothing comes through, and neither end knows), or does not stand: it was cut, or was
 * held up for so long that both ends have given it up.
 */
export class MemoryLink {
  impairment: LinkImpairment = SOUND;
  isCut = false;
  isSilent = false;
  /** Given up, since nothing came through for too long. */
  isGivenUp = false;
  /** Cancels what would give it up; undefined while it is not held up. */
  cancelGivingUp: (() => void) | undefined;
  readonly #parts: MemoryLinkParts;
  /** What has arrived while the link was held up. */
  #waiting: (() => void)[] = [];
  /** When the last of each direction arrives. */
  readonly #lastAt = new Map<PeerId, number>();
  /** Counts how often it broke: what was on its way then never arrives. */
  #breaks = 0;

  constructor(parts: MemoryLinkParts) {
    this.#parts = parts;
  }

  get isHeldUp(): boolean {
    return this.cancelGivingUp !== undefined;
  }

  get stands(): boolean {
    return !this.isCut && !this.isGivenUp;
  }

  /** Whether what is sent arrives at once, or never. */
  get isPrompt(): boolean {
    const { delayMs = 0, jitterMs = 0 } = this.impairment;
    return delayMs + jitterMs === 0 && !this.isHeldUp;
  }

  /** Whether it loses a message. */
  loses(): boolean {
    const { loss = 0 } = this.impairment;
    return loss > 0 && this.#parts.draw() < loss;
  }

  /** Has something arrive, in the order of its direction. @param from who sends it */
  carry(from: PeerId, arrive: () => void): void {
    const breaks = this.#breaks;
    const deliver = () => {
      if (breaks !== this.#breaks) return;
      if (this.isHeldUp) this.#waiting.push(arrive);
      else arrive();
    };
    const { delayMs = 0, jitterMs = 0 } = this.impairment;
    const now = this.#parts.now();
    const drawnMs = jitterMs > 0 ? this.#parts.draw() * jitterMs : 0;
    const at = Math.max(now + delayMs + drawnMs, this.#lastAt.get(from) ?? 0);
    if (at <= now) return deliver();
    this.#lastAt.set(from, at);
    this.#parts.timers.setTimer(at - now, deliver);
  }

  /** What was on its way is lost. */
  break(): void {
    this.#breaks++;
    this.#waiting = [];
    this.#lastAt.clear();
  }

  /** It is held up no more: what has waited arrives. */
  release(): void {
    this.cancelGivingUp?.();
    this.cancelGivingUp = undefined;
    for (const arrive of this.#waiting.splice(0)) arrive();
  }
}
