/**
 * Requests for messages that wait until there are some, the oldest first.
 * @module
 */

import type { Timers } from "../../../base/mod.ts";
import type { PeerId } from "../../../service/mod.ts";
import { MAX_TAKES, MAX_TAKES_PER_CALLER } from "../../bounds.ts";
import { DataError } from "../../errors.ts";
import type { Delivery, QueueEngine, TakeRequest } from "../../queue_engine.ts";

/** Who waits, and how long. */
export interface TakeOptions {
  readonly caller: PeerId | undefined;
  readonly waitMs: number;
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal;
  /** Whether it may be given messages now. */
  readonly isAllowed: () => boolean;
}

interface Waiting {
  readonly request: TakeRequest;
  readonly options: TakeOptions;
  readonly end: (answer: readonly Delivery[] | DataError) => void;
  isOver: boolean;
}

/** However many wait, so many ask the engine at once. */
const MAX_AT_ONCE = 64;
/** A request waits at least so long, in milliseconds, so that the engine has been asked. */
const LEAST_WAIT_MS = 100;
/** What is due is looked for no sooner, in milliseconds. */
const LEAST_PAUSE_MS = 5;

/** The requests that wait for messages of all queues of a node. */
export class TakeWaits {
  readonly #timers: Timers;
  readonly #lines = new Map<string, WaitingLine>();
  readonly #perCaller = new Map<PeerId | undefined, number>();
  #all = 0;
  #isClosed = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** @returns messages, or none when there were none in time @throws DataError */
  async take(
    engine: QueueEngine,
    queue: string,
    request: TakeRequest,
    options: TakeOptions,
  ): Promise<readonly Delivery[]> {
    const { caller } = options;
    const own = this.#perCaller.get(caller) ?? 0;
    if (own >= MAX_TAKES_PER_CALLER || this.#all >= MAX_TAKES) {
      throw new DataError("TooManyWorkers", `${own} requests of this caller wait, and ${this.#all} of all`);
    }
    this.#perCaller.set(caller, own + 1);
    this.#all++;
    try {
      if (this.#isClosed) return [];
      let line = this.#lines.get(queue);
      if (line === undefined) {
        line = new WaitingLine(engine, queue, this.#timers, () => this.#lines.delete(queue));
        this.#lines.set(queue, line);
      }
      return await line.wait(request, options);
    } finally {
      const left = (this.#perCaller.get(caller) ?? 1) - 1;
      if (left === 0) this.#perCaller.delete(caller);
      else this.#perCaller.set(caller, left);
      this.#all--;
    }
  }

  /** Answers all that wait, with nothing. */
  close(): void {
    this.#isClosed = true;
    for (const line of [...this.#lines.values()]) line.close();
  }
}

/** The requests that wait for messages of one queue. */
class WaitingLine {
  readonly #engine: QueueEngine;
  readonly #queue: string;
  readonly #timers: Timers;
  readonly #onEmpty: () => void;
  readonly #unfollow: () => void;
  readonly #waiting: Waiting[] = [];
  #cancelTimer = () => {};
  #isAsking = false;
  /** Whether there may be something that nobody has asked for. */
  #isReady = false;

  constructor(engine: QueueEngine, queue: string, timers: Timers, onEmpty: () => void) {
    this.#engine = engine;
    this.#queue = queue;
    this.#timers = timers;
    this.#onEmpty = onEmpty;
    this.#unfollow = engine.follow(queue, () => this.#wake());
  }

  wait(request: TakeRequest, options: TakeOptions): Promise<readonly Delivery[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Delivery[]>();
    const stop = () => waiting.end([]);
    const cancel = this.#timers.setTimer(Math.max(options.waitMs, LEAST_WAIT_MS), stop);
    const waiting: Waiting = {
      request,
      options,
      isOver: false,
      end: (answer) => {
        if (waiting.isOver) return;
        waiting.isOver = true;
        cancel();
        options.signal.removeEventListener("abort", stop);
        if (answer instanceof DataError) reject(answer);
        else resolve(answer);
        const at = this.#waiting.indexOf(waiting);
        if (at >= 0) this.#waiting.splice(at, 1);
        this.#endIfEmpty();
      },
    };
    this.#waiting.push(waiting);
    options.signal.addEventListener("abort", stop, { once: true });
    this.#wake();
    return promise;
  }

  close(): void {
    for (const { end } of [...this.#waiting]) end([]);
  }

  #endIfEmpty(): void {
    if (this.#waiting.length > 0 || this.#isAsking) return;
    this.#cancelTimer();
    this.#unfollow();
    this.#onEmpty();
  }

  #wake(): void {
    this.#isReady = true;
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#cancelTimer();
    void this.#ask().finally(() => {
      this.#isAsking = false;
      // Something may have come while it was asked when something would.
      if (this.#isReady && this.#waiting.length > 0) this.#wake();
      else this.#endIfEmpty();
    });
  }

  /** Gives what there is to those that wait: to one, and while there is more, to twice as many at once. */
  async #ask(): Promise<void> {
    for (let atOnce = 1; this.#isReady && this.#waiting.length > 0;) {
      this.#isReady = false;
      const asking = this.#waiting.slice(0, atOnce);
      const given = await Promise.all(asking.map((waiting) => this.#askFor(waiting)));
      if (given.every((isGiven) => isGiven)) {
        this.#isReady = true;
        atOnce = Math.min(2 * atOnce, MAX_AT_ONCE);
      }
    }
    if (this.#waiting.length === 0) return;
    const dueMs = await this.#engine.untilDueMs(this.#queue).catch(() => undefined);
    if (dueMs === undefined) return;
    this.#cancelTimer = this.#timers.setTimer(Math.max(dueMs, LEAST_PAUSE_MS), () => this.#wake());
  }

  /** @returns whether the request is over */
  async #askFor(waiting: Waiting): Promise<boolean> {
    const { request, options: { isAllowed }, end } = waiting;
    if (!isAllowed()) {
      end(new DataError("Refused", `${this.#queue} is not for the caller to work on`));
      return true;
    }
    try {
      const deliveries = await this.#engine.take(this.#queue, request);
      if (deliveries.length === 0) return waiting.isOver;
      if (!waiting.isOver) end(deliveries);
      else {
        // The caller went away meanwhile.
        const settlements = deliveries.map(({ lease }) => ({ kind: "returned", lease } as const));
        await this.#engine.settle(this.#queue, request.holder, settlements);
      }
    } catch (error) {
      end(error instanceof DataError ? error : new DataError("Failed", String(error), { cause: error }));
    }
    return true;
  }
}
