/**
 * Frames that the switch itself sends, until they are fetched.
 * @module
 */

import type { SwitchFrame } from "./frame_forwarder.ts";

/** Whoever fetches after each batch of frames never finds it full; what comes then is refused. */
export const MAX_QUEUED_FRAMES = 512;

/** First in, first out. */
export class FrameQueue {
  #frames: SwitchFrame[] = [];
  #next = 0;

  /** How many wait. */
  get size(): number {
    return this.#frames.length - this.#next;
  }

  /** How many more there is room for. */
  get room(): number {
    return MAX_QUEUED_FRAMES - this.size;
  }

  /** @returns false when there is no room */
  push(frame: SwitchFrame): boolean {
    if (this.size >= MAX_QUEUED_FRAMES) return false;
    this.#frames.push(frame);
    return true;
  }

  /** Takes out what is for a port that is gone: its number may become another network's. */
  forgetPort(port: number): void {
    this.#frames = this.#frames.slice(this.#next).filter((frame) => frame.port !== port);
    this.#next = 0;
  }

  /** @returns the oldest */
  pop(): SwitchFrame | undefined {
    const frame = this.#frames[this.#next];
    if (frame === undefined) return undefined;
    if (++this.#next === this.#frames.length) {
      this.#frames = [];
      this.#next = 0;
    }
    return frame;
  }
}
