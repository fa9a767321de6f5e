/**
 * Who receives, and in which order all that was received is accepted and written.
 *
 * ```
 *   the socket is one worker's at a time ──▶ a ticket for all that a call brings
 *     opened, by all workers side by side
 *     accepted: replay windows, sessions ── in the order of the tickets
 *     joined to frames, side by side
 *     written to the interface ──────────── in the order of the tickets
 * ```
 *
 * So flows stay in order, and a replay window is one worker's at a time. Only who has a ticket gives its turn to the
 * next, once it is over; for a worker that is gone the first one does it, when it has taken all that was handed to it.
 * @module
 */

import type { ReceiveTurn } from "../gro_batches.ts";
import { HEAD, LINE, lineAt } from "./receiving_memory.ts";

/** Some microseconds; what is waited for is mostly shorter than to sleep and wake. */
const SPINS = 200;
const LOOK_MS = 1;
const NOBODY = 0;

/** Does what others may be waiting for; called again and again while a worker waits for its turn. */
export interface WhileWaiting {
  toAccept(): void;
  toWrite(): void;
}

/** One worker's view. */
export class ReceiveTickets implements ReceiveTurn {
  readonly #words: Int32Array;
  readonly #worker: number;
  readonly #line: number;
  readonly #whileWaiting: WhileWaiting | undefined;
  #ticket = 0;

  /** @param memory of `receivingMemory` @param worker its number, the first one's is 0 */
  constructor(memory: SharedArrayBuffer, worker: number, whileWaiting?: WhileWaiting) {
    this.#words = new Int32Array(memory);
    this.#worker = worker;
    this.#line = lineAt(worker);
    this.#whileWaiting = whileWaiting;
  }

  /** The ticket of what was received last. */
  get ticket(): number {
    return this.#ticket;
  }

  /** @param call receives, and waits for nothing @returns what it returns; there is a ticket for it when that is not 0 */
  receive(call: () => number): number {
    if (!this.#takeSocket()) return 0;
    const count = call();
    if (count > 0) this.#takeTicket();
    Atomics.store(this.#words, HEAD.SOCKET, NOBODY);
    Atomics.notify(this.#words, HEAD.SOCKET, 1);
    return count;
  }

  waitToAccept(): boolean {
    return this.#wait(HEAD.ACCEPTS, () => this.#whileWaiting?.toAccept());
  }

  passAccept(): void {
    pass(this.#words, HEAD.ACCEPTS, this.#ticket);
  }

  waitToWrite(): boolean {
    return this.#wait(HEAD.WRITES, () => this.#whileWaiting?.toWrite());
  }

  passWrite(): void {
    pass(this.#words, HEAD.WRITES, this.#ticket);
    Atomics.store(this.#words, this.#line + LINE.HAS_TICKET, 0);
  }

  /** Somebody else does what is left to do for the ticket, and gives its turns away. */
  leave(): void {
    Atomics.store(this.#words, this.#line + LINE.HAS_TICKET, 0);
    // The first worker may be waiting for its own turn.
    Atomics.notify(this.#words, HEAD.ACCEPTS);
  }

  /** @returns false when nobody is to receive any more */
  #takeSocket(): boolean {
    const words = this.#words;
    for (let looks = 0;; looks++) {
      const owner = Atomics.compareExchange(words, HEAD.SOCKET, NOBODY, this.#worker + 1);
      if (owner === NOBODY) return true;
      if (Atomics.load(words, HEAD.CLOSED) !== 0) return false;
      if (looks > SPINS) Atomics.wait(words, HEAD.SOCKET, owner, LOOK_MS);
    }
  }

  /** Its number is said before it is given: whoever sees it given sees whose it is. */
  #takeTicket(): void {
    const words = this.#words;
    this.#ticket = Atomics.load(words, HEAD.GIVEN);
    Atomics.store(words, this.#line + LINE.TICKET, this.#ticket);
    Atomics.store(words, this.#line + LINE.HAS_TICKET, 1);
    Atomics.store(words, HEAD.GIVEN, (this.#ticket + 1) | 0);
  }

  /** @returns false when the turn will never come */
  #wait(word: number, whileWaiting: () => void): boolean {
    const words = this.#words;
    for (let looks = 0;; looks++) {
      const turn = Atomics.load(words, word);
      if (turn === this.#ticket) return true;
      if (Atomics.load(words, HEAD.CLOSED) !== 0) return false;
      whileWaiting();
      if (looks > SPINS) Atomics.wait(words, word, turn, LOOK_MS);
    }
  }
}

/** Gives a turn to the ticket behind; harmless when it was given already. */
export function pass(words: Int32Array, word: number, ticket: number): void {
  Atomics.compareExchange(words, word, ticket, (ticket + 1) | 0);
  Atomics.notify(words, word);
}

/** A worker is gone, wherever it was: the socket is free, and the first worker gives its turns away. */
export function forgetReceiver(memory: SharedArrayBuffer, worker: number): void {
  const words = new Int32Array(memory);
  const line = lineAt(worker);
  if (Atomics.load(words, HEAD.SOCKET) === worker + 1) {
    // A ticket that was not given yet is nobody's.
    if (Atomics.load(words, line + LINE.TICKET) === Atomics.load(words, HEAD.GIVEN)) {
      Atomics.store(words, line + LINE.HAS_TICKET, 0);
    }
    Atomics.store(words, HEAD.SOCKET, NOBODY);
    Atomics.notify(words, HEAD.SOCKET);
  }
  Atomics.store(words, line + LINE.GONE, 1);
  Atomics.notify(words, HEAD.ACCEPTS);
}

/** The first worker is gone: nobody waits any more. */
export function closeReceiving(memory: SharedArrayBuffer): void {
  const words = new Int32Array(memory);
  Atomics.store(words, HEAD.CLOSED, 1);
  for (const word of [HEAD.SOCKET, HEAD.ACCEPTS, HEAD.WRITES]) Atomics.notify(words, word);
}

/** Whether a worker is gone: what it has handed over is all that there will be. */
export function isGone(words: Int32Array, worker: number): boolean {
  return Atomics.load(words, lineAt(worker) + LINE.GONE) !== 0;
}

/**
 * For the first worker: gives the turns of a worker away that is gone, once all is taken that it has handed over.
 * @returns false when their time has not come
 */
export function passGone(words: Int32Array, worker: number): boolean {
  const line = lineAt(worker);
  if (Atomics.load(words, line + LINE.HAS_TICKET) === 0) return true;
  pass(words, HEAD.ACCEPTS, Atomics.load(words, line + LINE.TICKET));
  passGoneWrite(words, worker);
  return Atomics.load(words, line + LINE.HAS_TICKET) === 0;
}

/** The same of one that has accepted before it was gone: of that it has handed nothing over. */
export function passGoneWrite(words: Int32Array, worker: number): void {
  const line = lineAt(worker);
  if (Atomics.load(words, line + LINE.HAS_TICKET) === 0) return;
  const ticket = Atomics.load(words, line + LINE.TICKET);
  const isAccepted = ((Atomics.load(words, HEAD.ACCEPTS) - ticket) | 0) > 0;
  const isWritten = ((Atomics.load(words, HEAD.WRITES) - ticket) | 0) > 0;
  if (isAccepted) pass(words, HEAD.WRITES, ticket);
  if (isWritten || Atomics.load(words, HEAD.WRITES) === ((ticket + 1) | 0)) {
    Atomics.store(words, line + LINE.HAS_TICKET, 0);
  }
}
