/**
 * The time by which messages become due and leases end.
 * @module
 */

import type { GroupCommit } from "../group_commit.ts";
import type { MessageTable } from "./message_table.ts";

/** A time of queues. */
export interface QueueTime {
  /** Whether leases go on where they were when the engine is opened again; else they begin anew. */
  readonly isLasting: boolean;
  /** Milliseconds by which leases run. */
  now(): number;
  /** Milliseconds since 1970, by which messages become due: it does not go back. */
  due(): number;
  /** Within work of the group: writes what the next run needs. */
  keep(group: GroupCommit): void;
}

/** The time is written so often, in milliseconds. */
const KEEP_MS = 1_000;

/** By this machine's clocks: what the system's does while the engine runs changes nothing, nor takes time back between runs. */
export class MachineTime implements QueueTime {
  readonly isLasting = false;
  readonly #table: MessageTable;
  readonly #now: () => number;
  readonly #offset: number;
  #kept: number;

  /** @param wall milliseconds since 1970 @param now milliseconds of a clock that does not jump */
  constructor(table: MessageTable, wall: () => number, now: () => number) {
    this.#table = table;
    this.#now = now;
    this.#kept = table.time.due;
    this.#offset = Math.max(wall(), this.#kept) - now();
  }

  now(): number {
    return this.#now();
  }

  due(): number {
    return Math.floor(this.#offset + this.#now());
  }

  keep(group: GroupCommit): void {
    const [now, before] = [this.due(), this.#kept];
    if (now - before < KEEP_MS) return;
    this.#table.keepTime(now, 0);
    this.#kept = now;
    group.undo(() => this.#kept = before);
  }
}

/**
 * By what a log says of each of its messages, which is the same for all who read it. The clock behind that may be another
 * one from message to message: time goes by the steps ahead, so that one that was too early does not hold it up.
 */
export class LogTime implements QueueTime {
  readonly isLasting = true;
  readonly #table: MessageTable;
  readonly #at: () => number;
  #due: number;
  #lastAt: number;

  /** @param at milliseconds since 1970, of the message that is being done */
  constructor(table: MessageTable, at: () => number) {
    this.#table = table;
    this.#at = at;
    ({ due: this.#due, at: this.#lastAt } = table.time);
  }

  /** What the log has said last. */
  get lastAt(): number {
    return this.#lastAt;
  }

  now(): number {
    return this.#due;
  }

  due(): number {
    return this.#due;
  }

  keep(group: GroupCommit): void {
    const at = Math.floor(this.#at());
    const [due, before] = [this.#due, this.#lastAt];
    if (at === before) return;
    this.#due = due + Math.max(0, at - before);
    this.#lastAt = at;
    this.#table.keepTime(this.#due, at);
    group.undo(() => [this.#due, this.#lastAt] = [due, before]);
  }
}
