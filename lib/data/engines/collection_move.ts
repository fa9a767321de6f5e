/**
 * Moves one collection from one engine to another, while it is in use.
 *
 * ```
 *   copying ──▶ following ──▶ held ──▶ decided ──▶ done
 *                   ▲           │ something was written, or it takes too long
 *                   └───────────┘
 * ```
 *
 * It may end anywhere, as by a crash: until the engine that is left has decided, the collection is there as before, and
 * another move begins anew; afterwards all of it is in the other engine, and another move does what is left.
 *
 * @module
 */

import { MAX_ENTRIES } from "../bounds.ts";
import type { Change, DataEngine, Entry } from "../engine.ts";
import { DataError, type DataFailureCode } from "../errors.ts";
import { type EngineName, MAX_HOLD_MS, type MovedCommit, type MoveStep, type MoveStore } from "../moves.ts";

/** How long it waits before it tries again what has failed for a while, in milliseconds. */
const RETRY_MS = 500;
/** How often it looks whether transactions over several places have ended, in milliseconds. */
const LOOK_MS = 20;
/** For how long it waits for those in all, in milliseconds: what a program has left open ends sooner, where all answer. */
const MAX_OPEN_MS = 30_000;
/** How often the copy begins anew, where changes come faster than they are kept. */
const COPIES = 5;
/** Failures that end by themselves, after which what was asked may have happened. */
const PASSING: ReadonlySet<DataFailureCode> = new Set(["OwnerAway", "OutcomeUnknown", "Timeout"]);
/** Where there is no way back, room is waited for, too. */
const PASSING_ONCE_DECIDED: ReadonlySet<DataFailureCode> = new Set([...PASSING, "DiskFull"]);

/** How far a move is. */
export interface MoveProgress {
  /** What it does now. */
  readonly phase: "copying" | "following" | "held" | "decided" | "done";
  /** How many entries and changes were copied. */
  readonly copied: number;
  /** How many entries there were at the beginning. */
  readonly count: number;
}

/** What a move stands on. */
export interface MoveParts {
  readonly collection: string;
  readonly source: DataEngine;
  readonly target: DataEngine;
  /** Who moves it. */
  readonly by: string;
  /** No other move has it; it may have begun already. */
  readonly id: string;
  /** Waits. @throws the signal's reason */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Where to. */
  readonly to: EngineName;
  /** Ends it before it is decided: the collection stays where it is. */
  readonly signal: AbortSignal;
  /** Ends it as a crash does, so that it is gone on with later. */
  readonly stopping: AbortSignal;
  readonly onProgress: (progress: MoveProgress) => void;
  /** The target has it, and the source does not any more: in this turn others are to ask there. */
  readonly onMoved: () => void;
}

/** One move. */
export class CollectionMove {
  readonly #parts: MoveParts;
  readonly #source: MoveStore;
  readonly #target: MoveStore;
  #id: string;
  #part = 0;
  #hold = 0;
  /** Up to which revision, and which commit, the target has it. */
  #revision = 0;
  #commits = 0;
  #copied = 0;
  #count = 0;
  #waitedMs = 0;
  #signal: AbortSignal;
  #isDecided = false;

  /** @throws DataError with code `InvalidCollection` where an engine moves none */
  constructor(parts: MoveParts) {
    const [source, target] = [parts.source.moves, parts.target.moves];
    if (source === undefined || target === undefined) {
      throw new DataError("InvalidCollection", `Cannot move ${parts.collection}: its engine moves none`);
    }
    this.#parts = parts;
    this.#source = source;
    this.#target = target;
    this.#id = parts.id;
    this.#signal = AbortSignal.any([parts.signal, parts.stopping]);
  }

  /** Moves it, or does what another move has left. @throws DataError; then it is where it was */
  async run(): Promise<void> {
    const { collection, by } = this.#parts;
    const leaving = (await this.#sure(() => this.#source.leaving())).find((one) =>
      one.collection === collection
    );
    if (leaving?.state === "decided") {
      this.#id = leaving.id;
      return await this.#finish();
    }
    try {
      if (leaving !== undefined && leaving.id !== this.#id) await this.#leave({ kind: "abort", collection });
      await this.#leave({ kind: "begin", collection, id: this.#id, by });
      for (let copy = 1;; copy++) {
        try {
          await this.#copy(`${this.#id}/${copy}`);
          break;
        } catch (error) {
          if (!(error instanceof DataError) || error.code !== "Compacted" || copy === COPIES) throw error;
        }
      }
    } catch (error) {
      if (!this.#parts.stopping.aborted) await this.#giveUp();
      throw error;
    }
    await this.#finish();
  }

  /** Until it is decided. */
  async #copy(copy: string): Promise<void> {
    const { collection, source } = this.#parts;
    const signal = this.#signal;
    const spec = await this.#sure(() => this.#source.spec(collection));
    const { revision, count } = await this.#sure(() => source.describe(collection));
    this.#revision = revision;
    this.#count = count;
    [this.#part, this.#commits, this.#copied] = [0, 0, 0];
    const left = await this.#entering();
    if (left !== undefined) await this.#enter({ kind: "discard", collection, id: left });
    await this.#enter({ kind: "receive", spec, id: copy, revision });
    let after: string | undefined;
    for (;;) {
      signal.throwIfAborted();
      this.#tell("copying");
      const request = { limit: MAX_ENTRIES, ...after !== undefined && { after } };
      const entries = await this.#sure(() => source.list(collection, request));
      after = entries.at(-1)?.key;
      if (after === undefined) break;
      await this.#fill(copy, { entries });
      await this.#follow(copy);
    }
    for (;;) {
      signal.throwIfAborted();
      this.#tell("following");
      await this.#openEnded();
      // What is left is short: it is copied again and again until it is.
      while (await this.#follow(copy) > MAX_ENTRIES / 10) signal.throwIfAborted();
      const hold = await this.#holdWrites();
      if (hold === undefined) continue;
      while (await this.#follow(copy) > 0);
      try {
        return await this.#leave({ kind: "decide", collection, id: this.#id, hold });
      } catch (error) {
        const isThere = (await this.#sure(() => this.#source.leaving())).some(({ id }) => id === this.#id);
        if (!(error instanceof DataError) || error.code !== "Conflict" || !isThere) throw error;
        await this.#parts.pause(RETRY_MS, signal);
      }
    }
  }

  /** What was prepared before is written within a hold, and another one is behind it. @returns undefined when that takes too long */
  async #holdWrites(): Promise<number | undefined> {
    const { collection, pause } = this.#parts;
    for (;;) {
      const hold = ++this.#hold;
      await this.#leave({ kind: "hold", collection, id: this.#id, hold, forMs: MAX_HOLD_MS });
      this.#tell("held");
      if ((await this.#open()).size === 0) return hold;
      if (await this.#openEnded(MAX_HOLD_MS / 2)) continue;
      // Others write again when it is over.
      await pause(MAX_HOLD_MS, this.#signal);
      return undefined;
    }
  }

  /**
   * Waits for the transactions over several places that are open now.
   * @returns whether they have ended within `mostMs`
   * @throws DataError with code `Locked` when they have been waited for too long in all
   */
  async #openEnded(mostMs = Infinity): Promise<boolean> {
    const { collection, pause } = this.#parts;
    const before = await this.#open();
    for (let waitedMs = 0;; waitedMs += LOOK_MS) {
      const now = await this.#open();
      if (before.isDisjointFrom(now)) return true;
      if (waitedMs >= mostMs) return false;
      if (this.#waitedMs >= MAX_OPEN_MS) {
        throw new DataError(
          "Locked",
          `Cannot move ${collection}: a transaction over several places has not ended for ${
            MAX_OPEN_MS / 1_000
          } s`,
          { hint: "It ends when all nodes that have part in it answer; then move it again." },
        );
      }
      await pause(LOOK_MS, this.#signal);
      this.#waitedMs += LOOK_MS;
    }
  }

  /** The parts and records that are open. */
  async #open(): Promise<ReadonlySet<string>> {
    const { collection, source } = this.#parts;
    const open = await this.#sure(() => source.prepared?.open(collection) ?? Promise.resolve([]));
    return new Set(open.map(({ id, attempt, state }) => JSON.stringify([id, attempt, state === "prepared"])));
  }

  /** The source has it no more. */
  async #finish(): Promise<void> {
    const { collection, onMoved, stopping } = this.#parts;
    this.#isDecided = true;
    this.#signal = stopping;
    this.#tell("decided");
    const spec = await this.#sure(() => this.#source.spec(collection));
    await this.#enter({ kind: "publish", spec, id: await this.#entering() ?? "" });
    onMoved();
    await this.#leave({ kind: "clean", collection, id: this.#id });
    this.#tell("done");
  }

  /** Takes over what was written meanwhile. @returns how much that was */
  async #follow(copy: string): Promise<number> {
    const { collection, source } = this.#parts;
    const changes = await this.#sure(() => source.changes(collection, this.#revision, MAX_ENTRIES));
    // Behind the changes: of none of them an id is there without it.
    const { commits, position } = await this.#sure(() => this.#source.commits(collection, this.#commits));
    if (changes.length === 0 && commits.length === 0) return 0;
    await this.#fill(copy, { changes, commits });
    this.#revision = changes.at(-1)?.revision ?? this.#revision;
    this.#commits = position;
    return changes.length + commits.length;
  }

  async #fill(
    copy: string,
    { entries = [], changes = [], commits = [] }: {
      readonly entries?: readonly Entry[];
      readonly changes?: readonly Change[];
      readonly commits?: readonly MovedCommit[];
    },
  ): Promise<void> {
    const { collection } = this.#parts;
    await this.#enter({ kind: "fill", collection, id: copy, part: this.#part, entries, changes, commits });
    this.#part++;
    this.#copied += entries.length + changes.length;
  }

  /** What was begun is taken back, as far as the engines can be reached. */
  async #giveUp(): Promise<void> {
    const { collection } = this.#parts;
    try {
      await this.#source.step({ kind: "abort", collection });
      const id = (await this.#target.entering()).find((one) => one.collection === collection)?.id;
      if (id !== undefined) await this.#target.step({ kind: "discard", collection, id });
    } catch {
      // What is left there hinders nothing, and goes with the next move.
    }
  }

  async #entering(): Promise<string | undefined> {
    const all = await this.#sure(() => this.#target.entering());
    return all.find(({ collection }) => collection === this.#parts.collection)?.id;
  }

  #leave(step: MoveStep): Promise<void> {
    return this.#sure(() => this.#source.step(step));
  }

  async #enter(step: MoveStep): Promise<void> {
    try {
      await this.#sure(() => this.#target.step(step));
    } catch (error) {
      if (!(error instanceof DataError) || error.code !== "DiskFull") throw error;
      const { collection, to } = this.#parts;
      const where = to === "nats" ? "on the servers" : "in the node's own database or on its disk";
      throw new DataError("DiskFull", `Cannot move ${collection}: there is no room for it ${where}`, {
        hint: "It stays where it is. Make room there, then move it again.",
        cause: error,
      });
    }
  }

  /** Asks until there is an answer. */
  async #sure<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const passing = this.#isDecided ? PASSING_ONCE_DECIDED : PASSING;
        if (!(error instanceof DataError) || !passing.has(error.code)) throw error;
        await this.#parts.pause(RETRY_MS, this.#signal);
      }
    }
  }

  #tell(phase: MoveProgress["phase"]): void {
    this.#parts.onProgress({ phase, copied: this.#copied, count: this.#count });
  }
}
