/**
 * What policies have denied and counted on this node: reports come from the packet plane, and from whatever else decides.
 * @module
 */

import type { Denial, PolicyEvaluator, RuleCounts } from "../../policy/mod.ts";

/** How many denials are kept; the oldest goes first. */
export const MAX_DENIALS = 512;
/** How many a reader may have waiting; then the oldest are left out, and it is told how many. */
const MAX_WAITING = 256;

/** What somebody who decides has to tell. */
export interface JournalReport {
  readonly denials: readonly Denial[];
  /** By the rule's number in the program in force; all since it was set. */
  readonly counts: ReadonlyMap<number, RuleCounts>;
  readonly flows: number;
}

/** A denial, or how many were left out before it. */
export type JournalLine = Denial | { readonly dropped: number };

/** The program by which rules are counted. */
interface CountedProgram {
  readonly revision: string;
  readonly evaluator: Pick<PolicyEvaluator, "ruleNames">;
}

interface Reader {
  readonly waiting: Denial[];
  dropped: number;
  wake: () => void;
}

/** Keeps the last denials, and what each rule has decided. */
export class PolicyJournal {
  readonly #denials: Denial[] = [];
  readonly #readers = new Set<Reader>();
  #program: CountedProgram | undefined;
  /** Of programs of the same document that were in force before, by the rule's name. */
  #former = new Map<string, RuleCounts>();
  /** Of the program in force, by who has told it. */
  readonly #told = new Map<string, JournalReport>();
  #denied = 0;
  #isClosed = false;

  /** Denials since the start. */
  get denied(): number {
    return this.#denied;
  }

  /** Flows that are remembered, wherever. */
  get flows(): number {
    return this.#told.values().reduce((sum, { flows }) => sum + flows, 0);
  }

  /** The last denials, the oldest first. */
  get denials(): readonly Denial[] {
    return this.#denials;
  }

  /** Another program is in force; of another document, all is counted from the beginning. */
  follow(program: CountedProgram | undefined): void {
    this.#former = program?.revision === this.#program?.revision ? this.#totals() : new Map();
    this.#told.clear();
    this.#program = program;
  }

  /** @param source who tells it: `packets`, `messages`, … */
  handleReport(source: string, report: JournalReport): void {
    this.#told.set(source, report);
    for (const denial of report.denials) this.#note(denial);
  }

  /** @returns what each rule of the document in force has decided, by its name, in the order in which they are asked */
  counts(): ReadonlyMap<string, RuleCounts> {
    const totals = this.#totals();
    const names = this.#program?.evaluator.ruleNames ?? [];
    return new Map(names.map((name) => [name, totals.get(name) ?? NO_COUNTS]));
  }

  /**
   * Denials for one reader: those that are kept, then those that come.
   * @param isFollowing whether it waits for those that come
   * @returns `next` gives one after the other, and undefined at the end; `end` ends it
   */
  read(isFollowing: boolean): { next(): Promise<JournalLine | undefined>; end(): void } {
    const reader: Reader = { waiting: [...this.#denials], dropped: 0, wake: () => {} };
    let isEnded = !isFollowing || this.#isClosed;
    if (!isEnded) this.#readers.add(reader);
    const end = () => {
      isEnded = true;
      this.#readers.delete(reader);
      reader.wake();
    };
    const next = async (): Promise<JournalLine | undefined> => {
      for (;;) {
        const { dropped } = reader;
        reader.dropped = 0;
        if (dropped > 0) return { dropped };
        const denial = reader.waiting.shift();
        if (denial !== undefined) return denial;
        if (isEnded || this.#isClosed) return undefined;
        const { promise, resolve } = Promise.withResolvers<void>();
        reader.wake = resolve;
        await promise;
      }
    };
    return { next, end };
  }

  /** Ends all readers. */
  close(): void {
    this.#isClosed = true;
    for (const { wake } of this.#readers) wake();
    this.#readers.clear();
  }

  #note(denial: Denial): void {
    this.#denied += denial.count;
    this.#denials.push(denial);
    if (this.#denials.length > MAX_DENIALS) this.#denials.shift();
    for (const reader of this.#readers) {
      reader.waiting.push(denial);
      if (reader.waiting.length > MAX_DENIALS + MAX_WAITING) {
        reader.waiting.shift();
        reader.dropped++;
      }
      reader.wake();
    }
  }

  #totals(): Map<string, RuleCounts> {
    const names = this.#program?.evaluator.ruleNames ?? [];
    const totals = new Map(this.#former);
    for (const { counts } of this.#told.values()) {
      for (const [rule, { packets, bytes, flows }] of counts) {
        const name = names[rule];
        if (name === undefined) continue;
        const former = totals.get(name) ?? NO_COUNTS;
        totals.set(name, {
          packets: former.packets + packets,
          bytes: former.bytes + bytes,
          flows: former.flows + flows,
        });
      }
    }
    return totals;
  }
}

const NO_COUNTS: RuleCounts = { packets: 0, bytes: 0, flows: 0 };
