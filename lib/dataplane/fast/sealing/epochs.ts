/**
 * When nobody uses any more what was shared: the first worker counts an epoch up when it has taken something back, and
 * every other worker says which epoch it has seen before it looks anything up, and that it looks at nothing.
 * @module
 */

import { HEAD, LINE, lineAt } from "./shared_memory.ts";

/** Belongs to the first worker. */
export class Epochs {
  readonly #words: Int32Array;

  /** @param memory of `sharedMemory` */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Something was taken back. @returns the epoch from which on nobody finds it */
  advance(): number {
    return (Atomics.add(this.#words, HEAD.EPOCH, 1) + 1) | 0;
  }

  /** Whether every other worker has seen `epoch`, or looks at nothing. */
  isSeen(epoch: number): boolean {
    const workers = this.#words[HEAD.WORKERS] ?? 0;
    for (let worker = 1; worker < workers; worker++) {
      const seen = Atomics.load(this.#words, lineAt(worker) + LINE.SEEN);
      if (seen !== 0 && ((seen - epoch) | 0) < 0) return false;
    }
    return true;
  }
}
