/**
 * Who calls this node: of each peer the runs that have called, what each has under way here, and what it was answered.
 * @module
 */

import { ShortLivedMap } from "../../base/mod.ts";
import { DedupWindow } from "./dedup_window.ts";
import type { IncomingParams } from "./incoming_params.ts";
import type { CallContext } from "../call_context.ts";
import { callError } from "../errors.ts";
import type { PeerId, ServiceStream } from "../ports.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import type { RequestMessage } from "../wire/mod.ts";

/** How many runs of one peer are remembered: it has one, and had others before it was started again. */
const MAX_RUNS = 4;
/** How often calls are looked at whose deadline may have passed. */
const SWEEP_MS = 100;
/** What was answered before a caller was silent for so long is forgotten: it gets `OutcomeUnknown` if it asks again. */
const IDLE_MS = 900_000;

/** One run of a caller. */
export interface CallerRun {
  readonly run: number;
  /** What its window had been given when that was looked at last. */
  writtenBytes: number;
  readonly seen: DedupWindow;
  readonly running: ShortLivedMap<number, IncomingCall>;
}

/** A call that is under way here. */
export interface IncomingCall {
  readonly peer: PeerId;
  readonly request: RequestMessage;
  readonly caller: CallerRun;
  /** Whether its number and its answer are remembered; idempotent actions may run again. */
  readonly isKept: boolean;
  readonly context: CallContext;
  readonly params: IncomingParams;
  /** What the caller streams: nobody reads on when the answer is no stream itself. */
  readonly items: ServiceStream | undefined;
}

/** The callers of one node or program. */
export class CallerRuns {
  readonly #base: Pick<RuntimeBase, "clock" | "timers">;
  readonly #runs = new Map<PeerId, CallerRun[]>();
  #cancelSweep: (() => void) | undefined;
  #cancelIdleSweep: (() => void) | undefined;

  constructor(base: Pick<RuntimeBase, "clock" | "timers">) {
    this.#base = base;
  }

  /** @returns a run that has called before */
  find(peer: PeerId, run: number): CallerRun | undefined {
    return this.#runs.get(peer)?.find((caller) => caller.run === run);
  }

  /** @returns a run; when it is new, the peer's former ones are over, and what they have under way is aborted */
  of(peer: PeerId, run: number): CallerRun {
    let runs = this.#runs.get(peer);
    if (runs === undefined) this.#runs.set(peer, runs = []);
    for (const known of runs) if (known.run === run) return known;
    return this.#add(runs, run);
  }

  #add(runs: CallerRun[], run: number): CallerRun {
    const caller = {
      run,
      writtenBytes: 0,
      seen: new DedupWindow(),
      running: new ShortLivedMap<number, IncomingCall>(),
    };
    runs.push(caller);
    this.#cancelIdleSweep ??= this.#sweepIdleLater();
    for (const former of runs.slice(0, -1)) abortAll(former.running);
    if (runs.length > MAX_RUNS) runs.shift();
    return caller;
  }

  /** @returns all calls that are under way */
  calls(): readonly IncomingCall[] {
    return [...this.#runs.values()].flat().flatMap(({ running }) => running.values());
  }

  /** Has calls aborted whose deadline passes, for as long as any are under way. */
  watchDeadlines(): void {
    this.#cancelSweep ??= this.#sweepLater();
  }

  /** Forgets a peer, and aborts what it has under way. */
  forget(peer: PeerId): void {
    for (const { running } of this.#runs.get(peer) ?? []) abortAll(running);
    this.#runs.delete(peer);
  }

  /** Forgets all. */
  close(): void {
    this.#cancelSweep?.();
    this.#cancelIdleSweep?.();
    this.#cancelSweep = this.#cancelIdleSweep = undefined;
    for (const peer of [...this.#runs.keys()]) this.forget(peer);
  }

  /** Gives back the memory of windows that nobody needs any more. */
  #sweepIdleLater(): () => void {
    return this.#base.timers.setTimer(IDLE_MS, () => {
      for (const caller of [...this.#runs.values()].flat()) {
        const { seen, running } = caller;
        if (seen.writtenBytes === caller.writtenBytes && running.size === 0) seen.shrink();
        caller.writtenBytes = seen.writtenBytes;
      }
      this.#cancelIdleSweep = this.#runs.size > 0 ? this.#sweepIdleLater() : undefined;
    });
  }

  #sweepLater(): () => void {
    return this.#base.timers.setTimer(SWEEP_MS, () => {
      this.#cancelSweep = undefined;
      const now = this.#base.clock.now();
      const reason = callError("Timeout", "the caller's deadline has passed");
      const calls = this.calls();
      for (const { context } of calls) if (context.deadlineMs <= now) context.abort(reason);
      if (calls.length > 0) this.#cancelSweep ??= this.#sweepLater();
    });
  }
}

function abortAll(running: ShortLivedMap<number, IncomingCall>): void {
  const reason = callError("Canceled", "the caller is gone");
  for (const { context } of running.values()) context.abort(reason);
}
