/**
 * Queues that several nodes keep by one log, beside the collections of it. What becomes of messages is decided where an
 * operation stands in the log, and by the time that the log says there: no node's clock is asked.
 * @module
 */

import { checkLeaseMs, type EmbeddedEngine, type QueueReads, readSettlement } from "../embedded/mod.ts";
import type { Commit, CommitAnswer } from "../engine.ts";
import { DataError } from "../errors.ts";
import { checkBatch, checkMessages, checkQueueSpec } from "../messages.ts";
import type {
  DeadLetter,
  Delivery,
  NewMessage,
  PushAnswer,
  QueueEngine,
  QueueSpec,
  QueueState,
  Settlement,
  TakeRequest,
} from "../queue_engine.ts";
import type { LogClock } from "./log_clock.ts";
import type { QueueOperation } from "./queue_operations.ts";

/** What of their engine queues need. */
export interface QueuesEngine {
  /** Of this node, as it is now. */
  copy(): EmbeddedEngine;
  /** @returns the copy, once it holds all that was appended before @throws DataError with code `OwnerAway` */
  fresh(): Promise<EmbeddedEngine>;
  /** Appends an operation. @returns what comes of it @throws DataError */
  send(operation: QueueOperation): Promise<unknown>;
  /** @throws DataError with code `DiskFull` */
  checkRoom(): void;
  /** @throws DataError where nothing can be done */
  checkOpen(): void;
  /** Whether the log can be reached. */
  isReached(): boolean;
  readonly clock: LogClock;
}

interface Follow {
  readonly queue: string;
  readonly onReady: () => void;
  end: () => void;
}

/** Keeps queues by a log, beside other nodes that do. */
export class ReplicatedQueues implements QueueEngine {
  readonly #engine: QueuesEngine;
  readonly #follows = new Set<Follow>();

  constructor(engine: QueuesEngine) {
    this.#engine = engine;
  }

  /** As far as this node knows, also while the log is away. */
  async queues(): Promise<readonly QueueState[]> {
    return await Promise.resolve(this.#read().states());
  }

  async describe(queue: string): Promise<QueueState> {
    return (await this.#settled(queue)).state(queue);
  }

  async create(given: QueueSpec): Promise<QueueState> {
    const spec = checkQueueSpec(given);
    return await this.#send({ kind: "createQueue", spec }) as QueueState;
  }

  async drop(queue: string): Promise<boolean> {
    return await this.#send({ kind: "dropQueue", queue }) as boolean;
  }

  async push(queue: string, messages: readonly NewMessage[]): Promise<readonly PushAnswer[]> {
    checkMessages(messages);
    this.#engine.checkRoom();
    return await this.#send({ kind: "push", queue, messages }) as readonly PushAnswer[];
  }

  /** Nothing is appended for it where nothing is ready here: who follows is told when that changes. */
  async take(queue: string, request: TakeRequest): Promise<readonly Delivery[]> {
    this.#engine.checkOpen();
    checkLeaseMs(request.leaseMs);
    const reads = await this.#known(queue);
    if (!this.#isDue(reads, queue)) return [];
    return await this.#send({ kind: "take", queue, request }) as readonly Delivery[];
  }

  async renew(
    queue: string,
    holder: string,
    leases: readonly string[],
    leaseMs?: number,
  ): Promise<readonly boolean[]> {
    checkLeaseMs(leaseMs);
    checkBatch(leases.length, "renewed");
    if (leases.length === 0) return [];
    const operation = {
      kind: "renew",
      queue,
      holder,
      leases,
      ...leaseMs !== undefined && { leaseMs },
    } as const;
    return await this.#send(operation) as readonly boolean[];
  }

  async keepOnly(queue: string, holder: string, leases: readonly string[]): Promise<void> {
    await this.#send({ kind: "keepOnly", queue, holder, leases });
  }

  async settle(queue: string, holder: string, given: readonly Settlement[]): Promise<readonly boolean[]> {
    checkBatch(given.length, "settled");
    const settlements = given.map(readSettlement);
    if (settlements.length === 0) return [];
    return await this.#send({ kind: "settle", queue, holder, settlements }) as readonly boolean[];
  }

  async commit(queue: string, holder: string, lease: string, commit: Commit): Promise<CommitAnswer> {
    (await this.#whereChecked(commit)).check(commit);
    return await this.#send({ kind: "finish", queue, holder, lease, commit }) as CommitAnswer;
  }

  async deadLetters(
    queue: string,
    { after = 0, limit }: { readonly after?: number; readonly limit: number },
  ): Promise<readonly DeadLetter[]> {
    return (await this.#settled(queue)).deadLetters(queue, after, limit);
  }

  async retry(queue: string, numbers?: readonly number[]): Promise<number> {
    return await this.#send({ kind: "retry", queue, ...numbers !== undefined && { numbers } }) as number;
  }

  async discard(queue: string, numbers?: readonly number[]): Promise<number> {
    return await this.#send({ kind: "discard", queue, ...numbers !== undefined && { numbers } }) as number;
  }

  async untilDueMs(queue: string): Promise<number | undefined> {
    return this.#untilDueMs(await this.#known(queue), queue);
  }

  follow(queue: string, onReady: () => void): () => void {
    const follow: Follow = { queue, onReady, end: this.#engine.copy().queues.follow(queue, onReady) };
    this.#follows.add(follow);
    return () => {
      this.#follows.delete(follow);
      follow.end();
    };
  }

  /** Another copy has taken the place of the one that was. */
  handleRestored(): void {
    for (const follow of this.#follows) {
      follow.end = this.#engine.copy().queues.follow(follow.queue, follow.onReady);
      follow.onReady();
    }
  }

  /** Ends what waits. */
  close(): void {
    for (const { onReady } of [...this.#follows]) onReady();
  }

  async #send(operation: QueueOperation): Promise<unknown> {
    this.#engine.checkOpen();
    return await this.#engine.send(operation);
  }

  #read(): QueueReads {
    return this.#engine.copy().queues.read();
  }

  /** @returns what this node knows, with the queue among it if there is one: somebody else may have made it a moment ago */
  async #known(queue: string): Promise<QueueReads> {
    const reads = this.#read();
    const isKnown = this.#engine.isReached() && reads.states().some(({ name }) => name === queue);
    return isKnown ? reads : (await this.#engine.fresh()).queues.read();
  }

  /** @returns what is there, with the leases that have run out taken back */
  async #settled(queue: string): Promise<QueueReads> {
    const reads = (await this.#engine.fresh()).queues.read();
    if (reads.state(queue).leased === 0 || !this.#isDue(reads, queue)) return reads;
    await this.#send({ kind: "expire", queue });
    return this.#read();
  }

  #isDue(reads: QueueReads, queue: string): boolean {
    return this.#untilDueMs(reads, queue) === 0;
  }

  #untilDueMs(reads: QueueReads, queue: string): number | undefined {
    const dueMs = reads.untilDueMs(queue);
    if (dueMs === undefined) return undefined;
    const passedMs = Math.max(0, this.#engine.clock.at - (reads.lastAt ?? 0));
    return Math.max(0, dueMs - passedMs);
  }

  /** Its collections may have been made by somebody else a moment ago. */
  async #whereChecked(commit: Commit): Promise<EmbeddedEngine> {
    this.#engine.checkOpen();
    const copy = this.#engine.copy();
    try {
      copy.check(commit);
      return copy;
    } catch (error) {
      if (error instanceof DataError && error.code === "UnknownCollection") return await this.#engine.fresh();
      throw error;
    }
  }
}
