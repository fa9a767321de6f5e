/**
 * A worker for tests of tickets: it receives numbers from shared memory as if they were datagrams, accepts them by one
 * replay window that all share, and writes them to a log.
 * @module
 */

import { ReplayWindow } from "../../../../wireguard/mod.ts";
import { forgetReceiver, ReceiveTickets, type WhileWaiting } from "../receive_tickets.ts";
import { windowOf } from "../receiving_memory.ts";

/** What all of them share. */
export interface TurningOrder {
  readonly memory: SharedArrayBuffer;
  readonly worker: number;
  /** Words: how many were received, how many were written, 1 to begin; then the counters that come. */
  readonly numbers: SharedArrayBuffer;
  /** What was written, in that order. */
  readonly log: SharedArrayBuffer;
  readonly seed: number;
  /** Stops for good in its turn, after so many; never unless given. */
  readonly diesAfter?: number;
  readonly diesAt?: "received" | "accepting" | "accepted" | "writing";
}

/** Words before the numbers. */
export const RECEIVED = 0;
/** How many were written. */
export const WRITTEN = 1;
/** 1 once all are there. */
export const GO = 2;
/** Where the numbers begin. */
export const NUMBERS_AT = 4;
/** Of the one window of all. */
export const SESSION_INDEX = 0;
const MOST_AT_ONCE = 24;

/** One worker's work, on whichever thread. @returns whether it died */
export class TurningWorker {
  /** How many tickets it has had. */
  tickets = 0;
  readonly #order: TurningOrder;
  readonly #numbers: Int32Array;
  readonly #log: Int32Array;
  readonly #tickets: ReceiveTickets;
  readonly #window: ReplayWindow;
  #state: number;

  constructor(order: TurningOrder, whileWaiting?: WhileWaiting) {
    this.#order = order;
    this.#numbers = new Int32Array(order.numbers);
    this.#log = new Int32Array(order.log);
    this.#tickets = new ReceiveTickets(order.memory, order.worker, whileWaiting);
    this.#window = new ReplayWindow(windowOf(order.memory, SESSION_INDEX));
    this.#state = order.seed;
  }

  /** Works until there is nothing, it is told to stop, or it dies. @returns whether it is to be called again */
  step(): boolean {
    const { diesAfter = Infinity, diesAt } = this.#order;
    const isLast = this.tickets >= diesAfter;
    const numbers = this.#numbers;
    let first = 0;
    const count = this.#tickets.receive(() => {
      first = Atomics.load(numbers, RECEIVED);
      const left = numbers.length - NUMBERS_AT - first;
      const wanted = Math.min(left, 1 + this.#random() % MOST_AT_ONCE);
      Atomics.store(numbers, RECEIVED, first + wanted);
      return wanted;
    });
    if (count === 0) return false;
    this.tickets++;
    const received = numbers.slice(NUMBERS_AT + first, NUMBERS_AT + first + count);
    // Some take longer to open than others.
    for (let rest = this.#random() % 3000; rest > 0; rest--) this.#random();
    if (isLast && diesAt === "received") return false;
    if (!this.#tickets.waitToAccept()) return false;
    const accepted: number[] = [];
    for (const [i, counter] of received.entries()) {
      if (!this.#window.isFresh(counter)) continue;
      this.#window.accept(counter);
      accepted.push(counter);
      if (isLast && diesAt === "accepting" && i >= count >> 1) return false;
    }
    this.#tickets.passAccept();
    if (isLast && diesAt === "accepted") return false;
    for (let rest = this.#random() % 1000; rest > 0; rest--) this.#random();
    if (!this.#tickets.waitToWrite()) return false;
    let at = Atomics.load(numbers, WRITTEN);
    for (const [i, counter] of accepted.entries()) {
      this.#log[at++] = counter;
      if (isLast && diesAt === "writing" && i >= accepted.length >> 1) break;
    }
    Atomics.store(numbers, WRITTEN, at);
    if (isLast && diesAt === "writing") return false;
    this.#tickets.passWrite();
    return true;
  }

  #random(): number {
    this.#state = Math.imul(this.#state, 0x41c6_4e6d) + 12_345 | 0;
    return this.#state >>> 16;
  }
}

const scope = globalThis as unknown as {
  onmessage: ((message: { readonly data: TurningOrder }) => void) | null;
  postMessage(answer: number | "ready"): void;
  close(): void;
};

if (typeof Deno.mainModule !== "string" || "WorkerGlobalScope" in globalThis) {
  scope.onmessage = ({ data }) => {
    const worker = new TurningWorker(data);
    scope.postMessage("ready");
    Atomics.wait(new Int32Array(data.numbers), GO, 0);
    while (worker.step());
    // As the control thread says it, when a thread has ended.
    forgetReceiver(data.memory, data.worker);
    scope.postMessage(worker.tickets);
    scope.close();
  };
}
