/**
 * The send counter of a session that several workers seal with.
 * @module
 */

import type { SendCounter } from "../../../wireguard/mod.ts";
import { HEAD, LINE, lineAt, SESSION, sessionAt } from "./shared_memory.ts";

/**
 * DEVIATION: such a session carries 2^31 messages, where the paper has 2^64 (§6.1): the counter is one word, so that one
 * atomic operation takes a number. Sessions live three minutes, in which this is 11 million packets a second.
 */
export const SPENT = 0x7fff_0000;
/** An initiator begins the next session beyond. */
export const OLD = 0x4000_0000;
/**
 * No worker takes numbers that are further ahead of what another has taken and not sent yet: the other end's window has
 * 8,128 (`ReplayWindow`), and a thread that lost its processor in between would find its batch too old there.
 */
export const MAX_AHEAD = 4096;
/** A worker that stands still holds the others up no longer, in milliseconds: its batch is lost then. */
const PATIENCE_MS = 20;
const LOOK_MS = 1;

/** One worker's view of one session's counter. */
export class SharedCounter implements SendCounter {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #line: number;
  readonly #name: number;

  /** @param memory of `sharedMemory` @param worker whose view it is @param session the index of the session */
  constructor(memory: SharedArrayBuffer, worker: number, session: number) {
    this.#words = new Int32Array(memory);
    this.#at = sessionAt(session) + SESSION.COUNTER;
    this.#line = lineAt(worker);
    this.#name = session + 1;
  }

  get next(): number {
    return Atomics.load(this.#words, this.#at);
  }

  get isSpent(): boolean {
    return this.next >= SPENT;
  }

  get isOld(): boolean {
    return this.next > OLD;
  }

  /** The numbers count as those of the worker's batch until `noteSent`. May wait until another worker has sent its own. */
  claim(count: number): number {
    const words = this.#words;
    if (words[this.#line + LINE.BATCH_SESSION] !== this.#name) {
      // Said before they are taken: who sees them taken sees whose they are.
      Atomics.store(words, this.#line + LINE.BATCH_LEAST, Atomics.load(words, this.#at));
      Atomics.store(words, this.#line + LINE.BATCH_SESSION, this.#name);
    }
    const first = this.#take(count);
    if (first < 0) return first;
    const workers = words[HEAD.WORKERS] ?? 0;
    for (let worker = 0; worker < workers; worker++) {
      const line = lineAt(worker);
      if (line !== this.#line) this.#waitFor(line, first + count - MAX_AHEAD);
    }
    return first;
  }

  #take(count: number): number {
    const words = this.#words;
    for (let next = Atomics.load(words, this.#at);;) {
      // Never beyond: a counter that came round would give a nonce twice.
      if (next + count > SPENT) return -1;
      const found = Atomics.compareExchange(words, this.#at, next, next + count);
      if (found === next) return next;
      next = found;
    }
  }

  /** Waits while a worker has a batch of this session with numbers below `least` that is not sent. */
  #waitFor(line: number, least: number): void {
    const words = this.#words;
    for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
      if (Atomics.load(words, line + LINE.BATCH_SESSION) !== this.#name) return;
      if (Atomics.load(words, line + LINE.BATCH_LEAST) >= least) return;
      Atomics.wait(words, line + LINE.BATCH_SESSION, this.#name, LOOK_MS);
    }
  }
}

/** Says that nothing of what a worker has sealed waits to be sent. */
export function noteSent(words: Int32Array, worker: number): void {
  Atomics.store(words, lineAt(worker) + LINE.BATCH_SESSION, 0);
}
