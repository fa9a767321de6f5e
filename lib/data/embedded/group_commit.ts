/**
 * Work of one turn of the event loop as one transaction of SQLite, so that much becomes durable by one write to the disk.
 *
 * ```
 *   run ──▶ waiting ──▶ one turn later: BEGIN, each of several behind a savepoint, COMMIT ──▶ answers, then followers
 *                                                │ fails ──▶ ROLLBACK, counters put back; each by itself, or all are refused
 * ```
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { engineFailure } from "./failure.ts";
import type { SqlDatabase, SqlStatement } from "./sql_database.ts";

/** So many become durable together. */
const MAX_GROUP = 256;

interface Waiting {
  readonly work: () => unknown;
  readonly isLast: boolean;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Commits work in groups. */
export class GroupCommit {
  readonly #database: SqlDatabase;
  readonly #afterTurn: (fire: () => void) => void;
  readonly #beforeCommit: () => void;
  readonly #isWhole: boolean;
  readonly #begin: SqlStatement;
  readonly #commit: SqlStatement;
  readonly #save: SqlStatement;
  readonly #release: SqlStatement;
  readonly #tellers = new Set<() => void>();
  #waiting: Waiting[] = [];
  #undo: (() => void)[] = [];
  #isDue = false;
  /** Of the turn in which the next group is done. */
  #turn = 0;
  #isClosed = false;

  /**
   * @param afterTurn calls back when what has arrived meanwhile has been handled
   * @param beforeCommit writes what is to be durable together with each group
   * @param isWhole whether a group is one record of a log, of which nothing is to be there unless all of it was done
   */
  constructor(
    database: SqlDatabase,
    afterTurn: (fire: () => void) => void,
    { beforeCommit, isWhole }: { readonly beforeCommit: () => void; readonly isWhole: boolean },
  ) {
    this.#database = database;
    this.#isWhole = isWhole;
    this.#afterTurn = afterTurn;
    this.#beforeCommit = beforeCommit;
    // Prepared once: to read the four of them takes longer than a small write.
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#save = database.prepare("SAVEPOINT one");
    this.#release = database.prepare("RELEASE one");
  }

  /**
   * Has work done with the next group. Where it throws a `DataError`, nothing of it is written; whatever else it throws
   * ends the group, and each of it is tried by itself.
   * @param isLast whether it is done behind all other work of its group, whatever came first
   * @returns what the work gives, once it is durable
   */
  run<Answer>(work: () => Answer, isLast = false): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.push({ work, isLast, resolve, reject });
    if (!this.#isDue) this.#flushSoon();
    return promise as Promise<Answer>;
  }

  /** Calls back before the next group begins: what is asked for by that goes along with it. */
  precede(call: () => void): void {
    this.#afterTurn(call);
    if (this.#isDue) this.#flushSoon();
  }

  /** Does all that waits, now. */
  flush(): void {
    while (this.#waiting.length > 0) this.#flush();
  }

  /** Does what waits, and nothing any more. */
  close(): void {
    this.flush();
    this.#isClosed = true;
  }

  /** Within work: how to put back what it has changed in memory, if it is taken back. */
  undo(step: () => void): void {
    this.#undo.push(step);
  }

  /** Within work: whom to call, once, when it is durable. */
  tell(teller: () => void): void {
    this.#tellers.add(teller);
  }

  /** Behind all that is to be called back before. */
  #flushSoon(): void {
    this.#isDue = true;
    const turn = ++this.#turn;
    this.#afterTurn(() => {
      if (turn !== this.#turn) return;
      this.#isDue = false;
      if (this.#isClosed) return;
      this.#flush();
      if (this.#waiting.length > 0) this.#flushSoon();
    });
  }

  #flush(): void {
    const group = this.#waiting.splice(0, MAX_GROUP);
    if (group.length > 1) group.sort((a, b) => Number(a.isLast) - Number(b.isLast));
    if (group.length > 0) this.#do(group);
  }

  #do(group: readonly Waiting[]): void {
    const ends: (() => void)[] = [];
    try {
      this.#begin.run();
      for (const { work, resolve, reject } of group) {
        try {
          // One that is alone is taken back with all there is.
          const answer = group.length === 1 ? work() : this.#behindSavepoint(work);
          ends.push(() => resolve(answer));
        } catch (error) {
          if (group.length === 1 || !(error instanceof DataError)) throw error;
          ends.push(() => reject(error));
        }
      }
      this.#beforeCommit();
      this.#commit.run();
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.#takeBack(0);
      this.#tellers.clear();
      // What fills the disk is to keep nobody from making room; and what has failed may have failed only because of it.
      if (group.length > 1 && !this.#isWhole) {
        for (const one of group) this.#do([one]);
        return;
      }
      const failure = engineFailure(error);
      for (const { reject } of group) reject(failure);
      return;
    }
    this.#undo = [];
    for (const end of ends) end();
    const tellers = [...this.#tellers];
    this.#tellers.clear();
    for (const tell of tellers) tell();
  }

  #behindSavepoint(work: () => unknown): unknown {
    const before = this.#undo.length;
    this.#save.run();
    try {
      const answer = work();
      this.#release.run();
      return answer;
    } catch (error) {
      this.#takeBack(before);
      // A full disk has ended the whole transaction.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK TO one; RELEASE one");
      throw error;
    }
  }

  #takeBack(before: number): void {
    while (this.#undo.length > before) this.#undo.pop()?.();
  }
}
