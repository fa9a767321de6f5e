/**
 * Collections and queues that several nodes keep by one log.
 * @module
 */

import { type Environment, randomFraction } from "../../base/mod.ts";
import type { JsonValue, Query, QueryParameters } from "../../query/mod.ts";
import { MAX_DATABASE_BYTES } from "../bounds.ts";
import { checkSpec } from "../documents.ts";
import type {
  Change,
  CollectionSpec,
  CollectionState,
  Commit,
  CommitAnswer,
  DataEngine,
  Entry,
  KnownTransaction,
  ListRequest,
  QueryLimits,
} from "../engine.ts";
import { DataError } from "../errors.ts";
import type { MoveStore } from "../moves.ts";
import type { EmbeddedEngine } from "../embedded/mod.ts";
import type { CommitLog, LogMessage, LogSnapshot, LogState } from "./commit_log.ts";
import { LogClock } from "./log_clock.ts";
import { type CopyFile, LogCopy, newer } from "./log_copy.ts";
import { type LogOperation, RECORD_VERSION } from "./log_record.ts";
import { OperationSender } from "./operation_sender.ts";
import { ReadBarrier } from "./read_barrier.ts";
import { type QueuesEngine, ReplicatedQueues } from "./replicated_queues.ts";
import { ReplicatedTransactions, type TransactionsEngine } from "./replicated_transactions.ts";

const SNAPSHOT_BYTES: number = 64 << 20;
const SNAPSHOT_DELAY_MS = 30_000;
const KEPT_MESSAGES = 10_000;
/** How much is looked at before the size of the database is asked for again. */
const SIZE_CHECK_COMMITS = 64;

/** What a replicated engine stands on. */
export interface ReplicatedParts extends Pick<Environment, "clock" | "timers" | "random" | "log"> {
  readonly commits: CommitLog;
  readonly copy: CopyFile;
  /** Calls back when what has arrived meanwhile has been handled; commits of that time are appended together. */
  readonly afterTurn: (fire: () => void) => void;
  /** How much the database may hold; 4 GiB unless given. */
  readonly maxBytes?: number;
  /** How much is appended between snapshots; 64 MiB, and as much as the database has, unless given. */
  readonly snapshotBytes?: number;
  /** How many messages before a snapshot are left for nodes that are a little behind; 10,000 unless given. */
  readonly keptMessages?: number;
  /** One of those who find a snapshot due makes it: each waits up to so long, in milliseconds; 30 s unless given. */
  readonly snapshotDelayMs?: number;
}

interface Follow {
  readonly collection: string;
  readonly onChange: () => void;
  end: () => void;
}

/** What changes which collections and queues there are. */
const MAKING: ReadonlySet<LogOperation["kind"]> = new Set(["create", "drop", "createQueue", "dropQueue"]);

/** Keeps collections and queues by a log, beside other nodes that do. */
export class ReplicatedEngine implements DataEngine {
  /** Steps stand in the log, too; what is read of moves is read of the copy. */
  readonly moves: MoveStore = {
    step: async (step) => {
      this.#checkOpen();
      if (step.kind === "receive" || step.kind === "fill") this.#checkRoom();
      await this.#sender.send({ kind: "move", step });
    },
    leaving: async () => (await this.#fresh()).moves.leaving(),
    entering: async () => (await this.#fresh()).moves.entering(),
    spec: async (collection) => (await this.#fresh()).moves.spec(collection),
    commits: async (collection, after) => (await this.#fresh()).moves.commits(collection, after),
  };
  readonly queues: ReplicatedQueues;
  readonly prepared: ReplicatedTransactions;
  readonly #parts: ReplicatedParts;
  readonly #copy: LogCopy;
  readonly #sender: OperationSender;
  readonly #barrier: ReadBarrier;
  readonly #follows = new Set<Follow>();
  readonly #collectionFollowers = new Set<() => void>();
  readonly #clock: LogClock;
  #opened = Promise.withResolvers<void>();
  #isReached = false;
  /** Whether the message that is being done was sent from here. */
  #isOwn = false;
  /** Why nothing can be done here until somebody does something. */
  #trouble: DataError | undefined;
  #isClosed = false;
  #appendedBytes = 0;
  #isSnapshotDue = false;
  /** The message after which it was due. */
  #dueAt = 0;
  #cancelSnapshot = () => {};
  #sizeChecks = 0;
  #isFull = false;

  constructor(parts: ReplicatedParts) {
    this.#parts = parts;
    const { commits, timers } = parts;
    this.#clock = new LogClock(parts.clock);
    this.#sender = new OperationSender({ ...parts, log: commits });
    this.#copy = new LogCopy(parts.copy, ({ group, operations }, outcomes) => {
      this.#isOwn = this.#sender.settle(group, outcomes);
      if (operations.some(isMaking)) this.#tellCollections();
    });
    const shared = this.#sharedEngine();
    this.queues = new ReplicatedQueues(shared);
    this.prepared = new ReplicatedTransactions(shared);
    this.#barrier = new ReadBarrier(timers, async (reached) => {
      await this.#opened.promise;
      return await commits.last(reached);
    });
    this.#opened.promise.catch(() => {});
    commits.start({
      handleOpened: (state) => this.#handleOpened(state),
      handleMessages: (messages) => this.#handleMessages(messages),
      handleAway: () => this.#handleAway(),
    });
  }

  /** As far as this node knows, also while the log is away. */
  collections(): Promise<readonly CollectionState[]> {
    return this.#copy.engine.collections();
  }

  async describe(collection: string): Promise<CollectionState> {
    return (await this.#fresh()).describe(collection);
  }

  async revision(collection: string): Promise<number> {
    return (await this.#fresh()).revision(collection);
  }

  async create(given: CollectionSpec): Promise<CollectionState> {
    this.#checkOpen();
    const spec = checkSpec(given);
    return await this.#sender.send({ kind: "create", spec }) as CollectionState;
  }

  async drop(collection: string): Promise<boolean> {
    this.#checkOpen();
    return await this.#sender.send({ kind: "drop", collection }) as boolean;
  }

  async get(
    collection: string,
    keys: readonly string[],
    mayBeOld?: boolean,
  ): Promise<readonly (Entry | undefined)[]> {
    return (await this.#fresh()).get(collection, keys, mayBeOld);
  }

  async list(collection: string, request: ListRequest): Promise<readonly Entry[]> {
    return (await this.#fresh()).list(collection, request);
  }

  commit(commit: Commit): Promise<CommitAnswer> {
    try {
      this.#checkOpen();
      this.#checkRoom(commit);
      this.#copy.engine.check(commit);
      return this.#sender.send({ kind: "commit", commit }) as Promise<CommitAnswer>;
    } catch (error) {
      // It may have been made by somebody else a moment ago.
      if (error instanceof DataError && error.code === "UnknownCollection") return this.#commitLater(commit);
      return Promise.reject(error);
    }
  }

  async #commitLater(commit: Commit): Promise<CommitAnswer> {
    (await this.#fresh()).check(commit);
    return await this.#sender.send({ kind: "commit", commit }) as CommitAnswer;
  }

  async transaction(id: string): Promise<KnownTransaction | undefined> {
    if (this.#sender.has(id)) return "queued";
    return (await this.#fresh()).transaction(id);
  }

  async query(
    collection: string,
    query: Query,
    parameters?: QueryParameters,
    limits?: QueryLimits,
  ): Promise<readonly JsonValue[]> {
    return (await this.#fresh()).query(collection, query, parameters, limits);
  }

  /** What the copy holds: who waits for more is told by `follow`. */
  changes(collection: string, after: number, limit: number): Promise<readonly Change[]> {
    try {
      this.#checkOpen();
      return this.#copy.engine.changes(collection, after, limit);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  follow(collection: string, onChange: () => void): () => void {
    const follow: Follow = { collection, onChange, end: this.#copy.engine.follow(collection, onChange) };
    this.#follows.add(follow);
    return () => {
      this.#follows.delete(follow);
      follow.end();
    };
  }

  followCollections(onChange: () => void): () => void {
    this.#collectionFollowers.add(onChange);
    return () => this.#collectionFollowers.delete(onChange);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelSnapshot();
    const stops = stopped();
    this.#sender.close(stops);
    this.#opened.reject(stops);
    await this.#parts.commits.close();
    await this.#copy.close();
    for (const { onChange } of [...this.#follows]) onChange();
    this.queues.close();
  }

  #sharedEngine(): QueuesEngine & TransactionsEngine {
    return {
      copy: () => this.#copy.engine,
      fresh: () => this.#fresh(),
      send: (operation: LogOperation) => this.#sender.send(operation),
      checkRoom: (commit?: Pick<Commit, "writes">) => this.#checkRoom(commit),
      checkOpen: () => this.#checkOpen(),
      isReached: () => this.#isReached,
      clock: this.#clock,
    };
  }

  /** @returns the copy, once it holds all that was committed before */
  async #fresh(): Promise<EmbeddedEngine> {
    this.#checkOpen();
    await this.#barrier.pass();
    this.#checkOpen();
    return this.#copy.engine;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw stopped();
    if (this.#trouble !== undefined) throw this.#trouble;
  }

  /** What frees room may always be written. */
  #checkRoom({ writes }: Pick<Commit, "writes"> = { writes: [] }): void {
    if (this.#sizeChecks++ % SIZE_CHECK_COMMITS === 0) {
      this.#isFull = this.#copy.usedBytes > (this.#parts.maxBytes ?? MAX_DATABASE_BYTES);
    }
    const isFreeing = writes.length > 0 && writes.every(({ kind }) => kind === "delete");
    if (!this.#isFull || isFreeing) return;
    throw new DataError("DiskFull", "Nothing was written: the collections have as much as they may hold", {
      hint: "What is there can be read and deleted.",
    });
  }

  async #handleOpened(state: LogState): Promise<number | undefined> {
    const copy = this.#copy;
    if (copy.identity === "") copy.adopt(state.identity);
    const before = this.#trouble;
    const isCut = copy.replayFrom < state.first;
    const snapshot = isCut ? await this.#parts.commits.snapshot() : undefined;
    const isNewer = snapshot !== undefined && snapshot.version > RECORD_VERSION;
    if (this.#isClosed) return undefined;
    this.#trouble = whyNotRead(copy, state) ?? (isNewer ? newer() : undefined);
    if (this.#trouble !== undefined) {
      // It is tried again and again.
      if (before?.message === this.#trouble.message) return undefined;
      this.#parts.log.error("the log of the collections can't be read", { error: this.#trouble });
      return undefined;
    }
    if (isCut && !await this.#restore(state, snapshot)) return undefined;
    if (this.#isClosed) return undefined;
    copy.rewind();
    this.#barrier.reach(copy.sequence);
    this.#isReached = true;
    this.#sender.setOpen(true);
    this.#opened.resolve();
    this.#tellCollections();
    return copy.replayFrom - 1;
  }

  /** What was missed is not kept any more: begins with a snapshot. */
  async #restore(state: LogState, snapshot: LogSnapshot | undefined): Promise<boolean> {
    const { log } = this.#parts;
    if (snapshot === undefined || this.#isClosed) return false;
    log.info("reading a snapshot of the collections", { sequence: snapshot.sequence });
    await this.#copy.restore(snapshot);
    for (const follow of this.#follows) {
      follow.end = this.#copy.engine.follow(follow.collection, follow.onChange);
      follow.onChange();
    }
    this.queues.handleRestored();
    return this.#copy.identity === state.identity && this.#copy.replayFrom >= state.first;
  }

  async #handleMessages(messages: readonly LogMessage[]): Promise<boolean> {
    for (const message of messages) {
      if (this.#isClosed) return false;
      this.#isOwn = false;
      try {
        await this.#copy.apply(message);
      } catch (error) {
        if (this.#isClosed) return false;
        this.#trouble = error instanceof DataError
          ? error
          : new DataError("Failed", "The log of the collections can't be followed", { cause: error });
        this.#parts.log.error("the log of the collections can't be followed", { error });
        return false;
      }
      this.#clock.observe(message.at, this.#isOwn);
      this.#barrier.reach(this.#copy.sequence);
      this.#appendedBytes += message.bytes.length;
    }
    this.#considerSnapshot();
    return true;
  }

  #handleAway(): void {
    this.#isReached = false;
    this.#sender.setOpen(false);
    this.#opened = Promise.withResolvers<void>();
    this.#opened.promise.catch(() => {});
  }

  #tellCollections(): void {
    for (const onChange of [...this.#collectionFollowers]) onChange();
  }

  #considerSnapshot(): void {
    const { snapshotBytes, snapshotDelayMs = SNAPSHOT_DELAY_MS, timers, random } = this.#parts;
    if (this.#isSnapshotDue || this.#appendedBytes < (snapshotBytes ?? SNAPSHOT_BYTES)) return;
    if (snapshotBytes === undefined && this.#appendedBytes < this.#copy.usedBytes) return;
    this.#isSnapshotDue = true;
    this.#dueAt = this.#copy.sequence;
    this.#cancelSnapshot = timers.setTimer(randomFraction(random) * snapshotDelayMs, () => {
      void this.#storeSnapshot().catch((error) => {
        if (this.#isClosed) return;
        this.#parts.log.warn("a snapshot of the collections could not be stored", { error });
      }).finally(() => this.#isSnapshotDue = false);
    });
  }

  async #storeSnapshot(): Promise<void> {
    const { commits, keptMessages = KEPT_MESSAGES } = this.#parts;
    const dueAt = this.#dueAt;
    this.#appendedBytes = 0;
    const there = await commits.snapshot();
    // Another node has made one meanwhile.
    if (this.#isClosed || (there !== undefined && there.sequence >= dueAt)) return;
    const { version, sequence, replayFrom } = this.#copy;
    if (there !== undefined && there.replayFrom > replayFrom) return;
    await commits.storeSnapshot(
      { version, sequence, replayFrom, chunks: this.#copy.image() },
      Math.max(1, replayFrom - keptMessages),
    );
  }
}

/** @returns why a copy can't be continued with what is there */
function whyNotRead(copy: LogCopy, { identity, last }: LogState): DataError | undefined {
  if (copy.identity !== identity) {
    return new DataError(
      "Failed",
      "The log of the collections is another one than the copy of this node is of",
      {
        hint:
          "Whoever has the copy has what was in it: export it, or remove the copy to begin with what is there.",
      },
    );
  }
  if (copy.sequence <= last) return undefined;
  return new DataError("Failed", "The log of the collections has lost what this node has read of it", {
    hint:
      "Whoever has the copy has what was in it: export it, or remove the copy to begin with what is there.",
  });
}

function stopped(): DataError {
  return new DataError("OwnerAway", "The node that owns the collection stops");
}

function isMaking(operation: LogOperation): boolean {
  return MAKING.has(operation.kind) ||
    (operation.kind === "move" && (operation.step.kind === "publish" || operation.step.kind === "clean"));
}
