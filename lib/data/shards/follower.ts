/**
 * What an owner does for one that follows: it sends what was committed, or everything, and knows how far the other one is.
 *
 * ```
 *   push ──▶ taken: in step when nothing is left      at: pushed from there      fenced: the owner is none any more
 *     └──▶ differs, or no longer kept: begin, fill …, push …, end ──▶ push
 * ```
 *
 * @module
 */

import { type Clock, sleep, type Timers } from "../../base/mod.ts";
import type { PeerId } from "../../service/mod.ts";
import type { CopyStore, DataEngine } from "../engine.ts";
import { DataError } from "../errors.ts";
import { HEARTBEAT_MS, LEASE_MS, PAGE_ENTRIES, PUSH_RETRY_MS, PUSH_TIMEOUT_MS } from "./bounds.ts";
import type { CallMember, FollowerStatus, MakeRequest, PushAnswer, PushRequest } from "./messages.ts";
import type { TermStart } from "./term_starts.ts";

/** What an owner tells its followers, and hears of them. */
export interface FollowerParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly engine: DataEngine;
  readonly copies: CopyStore;
  readonly call: CallMember;
  readonly collection: string;
  readonly shard: number;
  readonly term: number;
  /** What the copy is called in the engine. */
  readonly stored: string;
  readonly starts: () => readonly TermStart[];
  /** One that follows has come further. */
  onProgress(): void;
  /** One that follows has a later owner. */
  onFenced(): void;
}

/** One that follows. */
export class Follower {
  readonly node: PeerId;
  readonly #parts: FollowerParts;
  readonly #abort = new AbortController();
  #wake = () => {};
  #position = -1;
  #isInStep: boolean;
  /** When it has last taken something. While it is sent everything it does not follow. */
  #answeredAt: number;
  /** When what it has answered last was sent, by both clocks: one stands still while the machine sleeps. */
  #leaseFrom: { readonly now: number; readonly wall: number } | undefined;

  /** @param isInStep whether no write is to be answered without it from the beginning */
  constructor(node: PeerId, parts: FollowerParts, isInStep: boolean) {
    this.node = node;
    this.#parts = parts;
    this.#isInStep = isInStep;
    this.#answeredAt = parts.clock.now();
    void this.#run();
  }

  /** How far it is, for sure. */
  get position(): number {
    return this.#position;
  }

  /** Whether no write is answered without it. */
  get isInStep(): boolean {
    return this.#isInStep;
  }

  /** No write is answered without it from now on. */
  requireStep(): void {
    this.#isInStep = true;
  }

  /** Whether it surely lets nobody else be the owner now. */
  get isLeased(): boolean {
    if (this.#leaseFrom === undefined) return false;
    const { now, wall } = this.#leaseFrom;
    const { clock } = this.#parts;
    return Math.max(clock.now() - now, Math.abs(clock.wall() - wall)) < LEASE_MS;
  }

  get status(): FollowerStatus {
    const silentMs = Math.max(0, this.#parts.clock.now() - this.#answeredAt);
    return { node: this.node, isInStep: this.#isInStep, silentMs };
  }

  /** There is something to send. */
  wake(): void {
    this.#wake();
  }

  /** Sends nothing any more. */
  close(): void {
    this.#abort.abort();
    this.#wake();
  }

  get #isClosed(): boolean {
    return this.#abort.signal.aborted;
  }

  async #run(): Promise<void> {
    const { timers } = this.#parts;
    while (!this.#isClosed) {
      try {
        const isAll = await this.#pushOnce();
        if (isAll) await this.#rest();
      } catch {
        // It is away, or this node's engine is: the copy says so, and the home looks after it.
        await sleep(timers, PUSH_RETRY_MS, this.#abort.signal);
      }
    }
  }

  /** Waits for something to send, or for the next sign of life. */
  async #rest(): Promise<void> {
    const waited = new AbortController();
    this.#wake = () => waited.abort();
    const { copies, stored } = this.#parts;
    if (await copies.position(stored) === this.#position && !this.#isClosed) {
      await sleep(this.#parts.timers, HEARTBEAT_MS, waited.signal);
    }
    this.#wake = () => {};
  }

  /** @returns whether it has all there is */
  async #pushOnce(): Promise<boolean> {
    const { copies, stored, clock } = this.#parts;
    const nothing = { after: this.#position, position: this.#position, changes: [], commits: [] };
    const part = this.#position < 0
      ? nothing
      : await copies.partAfter(stored, this.#position).catch((error) => {
        if (error instanceof DataError && error.code === "Compacted") return undefined;
        throw error;
      });
    if (part === undefined) return await this.#sendAll();
    const sent = { now: clock.now(), wall: clock.wall() };
    const answer = await this.#push(part);
    switch (answer.kind) {
      case "taken":
        this.#leaseFrom = sent;
        return await this.#handlePosition(answer.position);
      case "at":
        this.#leaseFrom = sent;
        // It may have lost nothing that it has said to have.
        this.#position = answer.position;
        return false;
      case "differs":
        this.#leaseFrom = sent;
        return await this.#sendAll();
      case "fenced":
        this.close();
        this.#parts.onFenced();
        return true;
      case "unknown":
        await sleep(this.#parts.timers, PUSH_RETRY_MS, this.#abort.signal);
        return false;
    }
  }

  async #handlePosition(position: number): Promise<boolean> {
    const { copies, stored, onProgress } = this.#parts;
    this.#position = position;
    this.#answeredAt = this.#parts.clock.now();
    const end = await copies.position(stored);
    if (position === end) this.#isInStep = true;
    onProgress();
    return position === end;
  }

  async #push(part: Omit<PushRequest, "collection" | "shard" | "term" | "starts">): Promise<PushAnswer> {
    const { collection, shard, term, starts } = this.#parts;
    const request: PushRequest = { collection, shard, term, starts: starts(), ...part };
    return await this.#call("push", request) as PushAnswer;
  }

  /** Sends everything; what is written meanwhile goes behind it. */
  async #sendAll(): Promise<boolean> {
    const { copies, stored, starts } = this.#parts;
    // Where all changes are kept they are everything, and watches go on there.
    const keepsAll = await copies.partAfter(stored, 0).then(() => true, (error) => {
      if (error instanceof DataError && error.code === "Compacted") return false;
      throw error;
    });
    const begun = keepsAll ? 0 : await copies.position(stored);
    await this.#make({ step: "begin", position: begun });
    if (!keepsAll) await this.#fill(begun);
    for (let position = begun;;) {
      const part = await copies.partAfter(stored, position);
      if (part.position === position) break;
      const answer = await this.#push({ ...part, isMade: true });
      if (answer.kind !== "taken") return false;
      position = answer.position;
    }
    await this.#make({ step: "end", starts: starts() });
    this.#position = -1;
    return false;
  }

  async #fill(begun: number): Promise<void> {
    const { engine, copies, stored } = this.#parts;
    for (let after = "";;) {
      const entries = await engine.list(stored, { limit: PAGE_ENTRIES, after });
      const last = entries.at(-1);
      if (last === undefined) break;
      await this.#make({ step: "fill", entries, commits: [] });
      after = last.key;
    }
    for (let revision = 0;;) {
      const commits = await copies.commits(stored, revision, PAGE_ENTRIES);
      const before = commits.filter((one) => one.revision <= begun);
      if (before.length > 0) await this.#make({ step: "fill", entries: [], commits: before });
      revision = commits.at(-1)?.revision ?? begun;
      if (commits.length < PAGE_ENTRIES || revision >= begun) return;
    }
  }

  async #make(
    step:
      | Pick<MakeRequest & { step: "begin" }, "step" | "position">
      | Pick<MakeRequest & { step: "fill" }, "step" | "entries" | "commits">
      | Pick<MakeRequest & { step: "end" }, "step" | "starts">,
  ): Promise<void> {
    const { collection, shard, term } = this.#parts;
    const answer = await this.#call("make", { collection, shard, term, ...step }) as {
      readonly ok?: unknown;
    };
    if (answer.ok !== true) throw new DataError("Conflict", "It has another owner");
  }

  async #call(action: string, params: unknown): Promise<unknown> {
    const answer = await this.#parts.call(this.node, action, params, PUSH_TIMEOUT_MS);
    if (this.#isClosed) throw new DataError("OwnerAway", "This node is the owner no more");
    return answer;
  }
}
