/**
 * One copy of one shard at one member: it follows, or it is the owner's and answers.
 *
 * ```
 *   follows ──▶ begins: notes where, waits for what was promised to the last owner ──▶ answers ──▶ hands over ──▶ follows
 * ```
 *
 * No two answer at once. Those that follow in step promise the owner, with each message that they take, that none of them
 * begins within `LEASE_MS`; the owner counts from when it has sent the message, and answers while all of them have promised.
 * What it answers all of them have, so that whichever is the next one has it, too (primary and backups, as in Vertical
 * Paxos II, Lamport, Malkhi and Zhou 2009; which of them is the next says the home).
 *
 * @module
 */

import { type Clock, sleep, type Timers } from "../../base/mod.ts";
import type { PeerId } from "../../service/mod.ts";
import type { CollectionSpec, CopyStore, DataEngine, Entry } from "../engine.ts";
import { DataError } from "../errors.ts";
import { CONFIRM_MS, HAND_OVER_MS, LEASE_MS, PUSH_RETRY_MS } from "./bounds.ts";
import { Follower } from "./follower.ts";
import { type Durability, membersOf, type ShardRecord } from "./layout/mod.ts";
import type { CallMember, CopyStatus, MakeRequest, PushAnswer, PushRequest } from "./messages.ts";
import { isBeginning, type TermStart, withStart } from "./term_starts.ts";

/** What a copy stands on. */
export interface CopyParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly self: () => PeerId;
  readonly engine: DataEngine;
  readonly copies: CopyStore;
  readonly call: CallMember;
  readonly spec: CollectionSpec;
  readonly shard: number;
  readonly durability: Durability;
  /** Durably. */
  readonly noteStarts: (starts: readonly TermStart[]) => Promise<void>;
}

/** What is waited for in any case. */
const NEVER: AbortSignal = new AbortController().signal;

interface Waiting {
  readonly position: number;
  readonly durability: Durability;
  readonly resolve: () => void;
  readonly reject: (error: DataError) => void;
}

/** @returns what the copy of a shard is called in an engine */
export function copyName(collection: string, shard: number): string {
  return `${collection}.${shard}`;
}

/** A copy. What it holds was created in the engine before. */
export class ShardCopy {
  readonly shard: number;
  /** What it is called in the engine. */
  readonly stored: string;
  readonly #parts: CopyParts;
  #record: ShardRecord;
  #starts: readonly TermStart[];
  /** Since this owner answers; undefined while it does not. */
  #servedTerm: number | undefined;
  #followers = new Map<PeerId, Follower>();
  #waiting = new Set<Waiting>();
  #listeners = new Set<() => void>();
  #running = 0;
  /** It has promised the last owner not to begin before. */
  #promisedUntil: number;
  /** When it has last said that it had all, and the time before that. */
  #saidAt: number | undefined;
  #freshAt: number | undefined;
  /** One message after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** @param isNew whether nobody can have been promised anything */
  constructor(parts: CopyParts, record: ShardRecord, starts: readonly TermStart[], isNew: boolean) {
    this.#parts = parts;
    this.shard = parts.shard;
    this.stored = copyName(parts.spec.name, parts.shard);
    this.#record = record;
    this.#starts = starts;
    const { clock } = parts;
    this.#promisedUntil = clock.now() + (isNew ? 0 : LEASE_MS);
    // After a start nobody knows whom the home has found in step since.
    if (this.#isOwner) void this.#begin(record.term, false, true);
  }

  /** Where the shard is, as far as this member knows. */
  get record(): ShardRecord {
    return this.#record;
  }

  /** Whether it has all that was answered, as of how long ago at most; undefined of one that has not heard of its owner. */
  get ageMs(): number | undefined {
    if (this.#servedTerm !== undefined && this.whyNotServing() === undefined) return 0;
    return this.#freshAt === undefined ? undefined : this.#parts.clock.now() - this.#freshAt;
  }

  get #isOwner(): boolean {
    return this.#record.owner === this.#parts.self();
  }

  /** @returns why it is not the owner's, as far as it knows; undefined when it is */
  whyNotOwner(): DataError | undefined {
    const what = this.#what();
    if (this.#isClosed || !this.#isOwner) {
      return new DataError("Moved", `The owner of ${what} is another one`);
    }
    if (this.#servedTerm === this.#record.term) return undefined;
    return new DataError("OwnerAway", `The owner of ${what} begins just now`);
  }

  /** @returns why it does not answer; undefined when it surely is the owner's, and nobody else is */
  whyNotServing(): DataError | undefined {
    const refused = this.whyNotOwner();
    if (refused !== undefined) return refused;
    const silent = this.#required().find((one) => !one.isLeased);
    if (silent === undefined) return undefined;
    return new DataError("OwnerAway", `${silent.node} follows ${this.#what()}, and does not answer`);
  }

  /** What a member says of it. */
  async status(): Promise<CopyStatus> {
    const { shard } = this;
    return {
      shard,
      term: this.#record.term,
      position: await this.#parts.copies.position(this.stored),
      isServing: this.#servedTerm === this.#record.term,
      followers: Array.from(this.#followers.values(), ({ status }) => status),
    };
  }

  /**
   * The home has decided something newer.
   * @param isReleased whether the last owner has said that it answers no more
   * @returns once an owner that is none any more has done with what it had begun
   */
  async handleRecord(record: ShardRecord, isReleased: boolean): Promise<void> {
    const before = this.#record;
    const wasOwner = this.#isOwner;
    this.#record = record;
    if (this.#isOwner) {
      if (record.term !== before.term || !wasOwner) void this.#begin(record.term, isReleased, false);
      else if (this.#servedTerm === record.term) this.#followAll(false);
    } else if (wasOwner) await this.#handOver(before);
  }

  /** Has it follow and answer no more. */
  close(): void {
    this.#isClosed = true;
    this.#stepDown();
  }

  /** Runs what is not to be cut off by handing over. @throws DataError when it does not answer */
  async serve<T>(work: (term: number) => Promise<T>): Promise<T> {
    const refused = this.whyNotServing();
    if (refused !== undefined) throw refused;
    this.#running++;
    try {
      return await work(this.#record.term);
    } finally {
      this.#running--;
    }
  }

  /**
   * Waits until all that follow have what is there now, and it surely still answered then.
   * @param term in which that was written or read
   * @param durability the collection's unless given
   * @throws DataError with code `OutcomeUnknown`
   */
  async confirm(term: number, durability: Durability = this.#parts.durability): Promise<void> {
    const { copies, timers } = this.#parts;
    const position = await copies.position(this.stored);
    if (term !== this.#servedTerm) throw outcomeUnknown("is another one now");
    for (const follower of this.#followers.values()) if (follower.position < position) follower.wake();
    if (position > this.confirmed(position, durability)) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiting = { position, durability, resolve, reject };
      this.#waiting.add(waiting);
      const cancel = timers.setTimer(CONFIRM_MS, () => reject(outcomeUnknown("does not answer in time")));
      await promise.finally(() => {
        cancel();
        this.#waiting.delete(waiting);
      });
    }
    if (term !== this.#servedTerm || this.whyNotServing() !== undefined) {
      throw outcomeUnknown("answers no more");
    }
  }

  /** The position up to which all has happened for good. @param own how far this copy is */
  confirmed(own: number, durability: Durability = this.#parts.durability): number {
    if (durability === "owner") return own;
    return Math.min(own, ...this.#required().map(({ position }) => position));
  }

  /** Calls back when more has happened for good, or it answers no more. @returns what ends that */
  follow(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What an owner says was committed. */
  handlePush(from: PeerId, request: PushRequest): Promise<PushAnswer> {
    return this.#inTurn(async () => {
      const { copies, clock } = this.#parts;
      const target = request.isMade ? `${this.stored}.next` : this.stored;
      const position = await copies.position(target);
      const refusal = this.#whyNotFrom(from, request.term);
      if (refusal !== undefined) return { kind: refusal };
      this.#promisedUntil = clock.now() + LEASE_MS;
      if (!request.isMade) {
        if (!isBeginning(this.#starts, position, request.starts)) return { kind: "differs" };
        if (request.after !== position) return { kind: "at", position };
        await this.#noteStarts(request.starts);
        const late = this.#whyNotFrom(from, request.term);
        if (late !== undefined) return { kind: late };
      }
      const isEmpty = request.changes.length === 0 && request.commits.length === 0;
      // It begins in this turn, in which nobody else has become the owner.
      const now = isEmpty ? position : await copies.take(target, request);
      if (!request.isMade) {
        // What has come now was so after the answer before: the owner has waited for that.
        this.#freshAt = this.#saidAt;
        this.#saidAt = clock.now();
      }
      return { kind: "taken", position: now };
    });
  }

  /** A step of being sent everything. @returns whether it was taken */
  handleMake(from: PeerId, request: MakeRequest): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#whyNotFrom(from, request.term) !== undefined) return false;
      const { engine, copies, spec } = this.#parts;
      const made = `${this.stored}.next`;
      if (request.step === "begin") {
        await engine.drop(made);
        await engine.create({ ...spec, name: made });
        await copies.begin(made, request.position);
      } else if (request.step === "fill") {
        await copies.fill(made, request.entries as readonly Entry[], request.commits);
      } else {
        await copies.replace(this.stored, made);
        await this.#noteStarts(request.starts);
      }
      return true;
    });
  }

  #whyNotFrom(from: PeerId, term: number): "fenced" | "unknown" | undefined {
    if (this.#isClosed || term > this.#record.term) return "unknown";
    if (term < this.#record.term) return "fenced";
    return from === this.#record.owner && !this.#isOwner ? undefined : "unknown";
  }

  async #noteStarts(starts: readonly TermStart[]): Promise<void> {
    if (JSON.stringify(starts) === JSON.stringify(this.#starts)) return;
    await this.#parts.noteStarts(starts);
    this.#starts = starts;
  }

  #what(): string {
    return `shard ${this.shard} of ${this.#parts.spec.name}`;
  }

  #required(): Follower[] {
    return [...this.#followers.values()].filter(({ isInStep }) => isInStep);
  }

  /** Answers from now on, once nobody else does. @param isRestart whether this node was just started */
  async #begin(term: number, isReleased: boolean, isRestart: boolean): Promise<void> {
    const { clock, timers } = this.#parts;
    const isCurrent = () => !this.#isClosed && this.#isOwner && this.#record.term === term;
    // It was the owner of this term before: nobody else can have been.
    const isOwn = this.#starts.at(-1)?.term === term;
    while (isCurrent()) {
      try {
        await this.#inTurn(async () => {
          if (!isCurrent() || this.#starts.at(-1)?.term === term) return;
          const position = await this.#parts.copies.position(this.stored);
          await this.#noteStarts(withStart(this.#starts, { term, position }));
        });
        break;
      } catch {
        await sleep(timers, PUSH_RETRY_MS, NEVER);
      }
    }
    const restMs = this.#promisedUntil - clock.now();
    if (!isReleased && !isOwn && restMs > 0) await sleep(timers, restMs, NEVER);
    if (!isCurrent()) return;
    this.#servedTerm = term;
    this.#freshAt = undefined;
    this.#followAll(isRestart);
  }

  /** @param isRestart whether all that may be in step meanwhile have to be asked */
  #followAll(isRestart: boolean): void {
    const { self, clock, timers, engine, copies, call, spec: { name: collection } } = this.#parts;
    const record = this.#record;
    const others = membersOf(record).filter((node) => node !== self());
    for (const [node, follower] of this.#followers) {
      if (others.includes(node)) continue;
      follower.close();
      this.#followers.delete(node);
    }
    for (const node of others) {
      const isInStep = isRestart || record.inSync.includes(node);
      const there = this.#followers.get(node);
      if (there !== undefined) {
        if (isInStep) there.requireStep();
        continue;
      }
      this.#followers.set(
        node,
        new Follower(node, {
          ...{ clock, timers, engine, copies, call, collection, shard: this.shard, term: record.term },
          stored: this.stored,
          starts: () => this.#starts,
          onProgress: () => this.#settle(),
          onFenced: () => this.#stepDown(),
        }, isInStep),
      );
    }
    this.#settle();
  }

  /** Those who wait for a position that all have now are told. */
  #settle(): void {
    for (const waiting of this.#waiting) {
      if (waiting.position <= this.confirmed(waiting.position, waiting.durability)) waiting.resolve();
    }
    for (const listener of [...this.#listeners]) listener();
  }

  /** What was begun is answered while those that follow still take it. */
  async #handOver({ term }: ShardRecord): Promise<void> {
    const { clock, timers } = this.#parts;
    const until = clock.now() + HAND_OVER_MS;
    while (this.#servedTerm === term && this.#running > 0 && clock.now() < until) {
      await sleep(timers, 5, NEVER);
    }
    if (this.#servedTerm === term) this.#stepDown();
  }

  /** Answers no more. */
  #stepDown(): void {
    this.#servedTerm = undefined;
    for (const follower of this.#followers.values()) follower.close();
    this.#followers.clear();
    for (const { reject } of this.#waiting) reject(outcomeUnknown("is another one now"));
    this.#settle();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

function outcomeUnknown(why: string): DataError {
  return new DataError("OutcomeUnknown", `The owner ${why}: what was written may be there`);
}
