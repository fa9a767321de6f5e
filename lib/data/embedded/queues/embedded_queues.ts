/**
 * The queues of one SQLite database.
 * @module
 */

import { MAX_BATCH, MAX_ERROR_LENGTH, MAX_LEASE_MS, MAX_QUEUES } from "../../bounds.ts";
import { AnswerRoom } from "../../documents.ts";
import type { Commit, CommitAnswer } from "../../engine.ts";
import { DataError } from "../../errors.ts";
import { checkBatch, checkDelay, checkMessages, checkQueueSpec } from "../../messages.ts";
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
} from "../../queue_engine.ts";
import type { CommitWriter } from "../commit_writer.ts";
import { engineFailure } from "../failure.ts";
import { Followers } from "../followers.ts";
import type { GroupCommit } from "../group_commit.ts";
import type { SqlDatabase } from "../sql_database.ts";
import { contentOf, EmbeddedQueue, type QueueContent, type QueueParts } from "./embedded_queue.ts";
import { MessageTable } from "./message_table.ts";
import { QueueCounts } from "./queue_counts.ts";
import { LogTime, MachineTime } from "./queue_time.ts";

/** What queues stand on. */
export interface EmbeddedQueuesParts {
  readonly database: SqlDatabase;
  readonly group: GroupCommit;
  readonly writer: CommitWriter;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  /** Milliseconds of a clock that does not jump. */
  readonly now: () => number;
  /** Of a copy of a log: when the message was appended that is being done, in milliseconds since 1970. */
  readonly loggedAt?: () => number;
  /** Does what makes room in the end, in a database that is full. */
  readonly withReserve: <Answer>(work: () => Answer) => Answer;
}

/** Keeps queues in SQLite, beside the collections of the same engine. */
export class EmbeddedQueues implements QueueEngine {
  readonly #parts: QueueParts;
  readonly #writer: CommitWriter;
  readonly #withReserve: EmbeddedQueuesParts["withReserve"];
  readonly #queues = new Map<string, EmbeddedQueue>();
  readonly #followers = new Followers();
  /** Queues that are pushed to in this turn. */
  readonly #pushed = new Set<string>();
  #nextNumber = 1;
  #isClosed = false;

  constructor(parts: EmbeddedQueuesParts) {
    const { database, group, writer, wall, now, loggedAt, withReserve } = parts;
    const table = new MessageTable(database);
    this.#writer = writer;
    this.#withReserve = withReserve;
    const counts = table.counts();
    const time = loggedAt === undefined ? new MachineTime(table, wall, now) : new LogTime(table, loggedAt);
    this.#parts = { table, group, time, counts: new QueueCounts(counts) };
    for (const { number, spec: text } of table.queues()) {
      const spec = checkQueueSpec(JSON.parse(text));
      this.#add(number, spec, contentOf(counts, number));
    }
  }

  queues(): Promise<readonly QueueState[]> {
    return this.#run(() => {
      return [...this.#queues.keys()].sort().map((name) => this.#current(name).state);
    });
  }

  describe(queue: string): Promise<QueueState> {
    return this.#run(() => this.#current(queue).state);
  }

  create(given: QueueSpec): Promise<QueueState> {
    return this.#run(() => {
      const spec = checkQueueSpec(given);
      const there = this.#queues.get(spec.name);
      if (there === undefined && this.#queues.size === MAX_QUEUES) {
        throw new DataError("InvalidQueue", `Cannot make ${spec.name}: a node owns ${MAX_QUEUES} at most`);
      }
      const { table, group } = this.#parts;
      const number = there?.number ?? this.#nextNumber;
      table.keepQueue(spec.name, number, JSON.stringify(spec));
      if (there === undefined) {
        this.#add(number, spec, { origins: new Map(), dead: 0 });
        group.undo(() => this.#queues.delete(spec.name));
      } else {
        const before = there.spec;
        there.spec = spec;
        group.undo(() => there.spec = before);
      }
      return this.#queue(spec.name).state;
    });
  }

  drop(name: string): Promise<boolean> {
    return this.#run(() => {
      const queue = this.#queues.get(name);
      if (queue === undefined) return false;
      const { table, counts, group } = this.#parts;
      for (const { queue: number, origin, count, bytes } of table.counts()) {
        if (number !== queue.number) continue;
        counts.add(origin, -count, -bytes);
        group.undo(() => counts.add(origin, count, bytes));
      }
      table.dropQueue(queue.number);
      this.#queues.delete(name);
      group.undo(() => this.#queues.set(name, queue));
      group.tell(() => this.#followers.tell(name));
      return true;
    });
  }

  push(queue: string, messages: readonly NewMessage[]): Promise<readonly PushAnswer[]> {
    this.#tellSoon(queue);
    return this.#run(() => checkMessages(messages), (ready) => this.#queue(queue).push(ready));
  }

  take(queue: string, request: TakeRequest): Promise<readonly Delivery[]> {
    return this.#run(() => checkLeaseMs(request.leaseMs), () => {
      const limit = Math.min(request.limit, MAX_BATCH);
      const of = this.#current(queue);
      return this.#withReserve(() => of.take({ ...request, limit }));
      // What is pushed in the same turn is given with the same write; in a copy of a log all stands where the log has it.
    }, !this.#parts.time.isLasting);
  }

  renew(
    queue: string,
    holder: string,
    leases: readonly string[],
    leaseMs?: number,
  ): Promise<readonly boolean[]> {
    return this.#run(() => {
      checkLeaseMs(leaseMs);
      checkBatch(leases.length, "renewed");
      const of = this.#current(queue);
      return leases.map((lease) => of.renew(holder, lease, leaseMs));
    });
  }

  keepOnly(queue: string, holder: string, leases: readonly string[]): Promise<void> {
    return this.#run(() => this.#withReserve(() => this.#queue(queue).keepOnly(holder, leases)));
  }

  settle(queue: string, holder: string, settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    return this.#run(() => {
      checkBatch(settlements.length, "settled");
      return settlements.map(readSettlement);
    }, (ready) => {
      const of = this.#queue(queue);
      return this.#withReserve(() => ready.map((settlement) => of.settle(holder, settlement)));
    });
  }

  commit(queue: string, holder: string, lease: string, commit: Commit): Promise<CommitAnswer> {
    const { id: given, ...rest } = commit;
    // What touches nothing asks for no right, and must not take an id.
    const id = commit.reads.length + commit.writes.length === 0 ? undefined : given;
    const kept: Commit = id === undefined ? rest : commit;
    return this.#run(() => this.#writer.read(kept), (ready) => {
      const of = this.#queue(queue);
      const hasHappened = id !== undefined && this.#writer.hasHappened(id);
      if (!hasHappened) of.checkLease(holder, lease);
      const answer = this.#writer.apply(ready);
      if (!hasHappened) of.settle(holder, { kind: "done", lease });
      return answer;
    });
  }

  deadLetters(
    queue: string,
    { after = 0, limit }: { readonly after?: number; readonly limit: number },
  ): Promise<readonly DeadLetter[]> {
    return this.#run(() => {
      this.#current(queue);
      return this.read().deadLetters(queue, after, limit);
    });
  }

  retry(queue: string, numbers?: readonly number[]): Promise<number> {
    return this.#run(() => this.#queue(queue).retry(numbers ?? this.#allDead(queue)));
  }

  discard(queue: string, numbers?: readonly number[]): Promise<number> {
    return this.#run(() =>
      this.#withReserve(() => this.#queue(queue).discard(numbers ?? this.#allDead(queue)))
    );
  }

  /** Takes back what was not settled in time. */
  expire(queue: string): Promise<void> {
    return this.#run(() => void this.#current(queue));
  }

  untilDueMs(queue: string): Promise<number | undefined> {
    try {
      return Promise.resolve(this.#queue(queue).untilDueMs());
    } catch (error) {
      return Promise.reject(engineFailure(error));
    }
  }

  /** @returns what is there, as the last work has left it: nothing is changed by that */
  read(): QueueReads {
    const { table, time } = this.#parts;
    const opened = <Answer>(read: () => Answer): Answer => {
      this.#checkOpen();
      try {
        return read();
      } catch (error) {
        throw engineFailure(error);
      }
    };
    return {
      lastAt: time instanceof LogTime ? time.lastAt : undefined,
      states: () => opened(() => [...this.#queues.keys()].sort().map((name) => this.#queue(name).state)),
      state: (name) => opened(() => this.#queue(name).state),
      untilDueMs: (name) => opened(() => this.#queue(name).untilDueMs()),
      deadLetters: (name, after, limit) =>
        opened(() => lettersOf(table, this.#queue(name).number, after, limit)),
    };
  }

  /**
   * Who waits for messages asks for them before the group of a push begins, and so within it: one transaction pushes them
   * and gives them. In a copy of a log that is not so: what is done there stands in the log.
   */
  #tellSoon(queue: string): void {
    if (this.#parts.time.isLasting || this.#pushed.has(queue)) return;
    this.#pushed.add(queue);
    this.#parts.group.precede(() => {
      this.#pushed.delete(queue);
      this.#followers.tell(queue);
    });
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new DataError("OwnerAway", "The node that owns the queue stops");
  }

  follow(queue: string, onReady: () => void): () => void {
    return this.#followers.add(queue, onReady);
  }

  /** Answers nothing any more. */
  close(): void {
    this.#isClosed = true;
    this.#followers.tellAll();
  }

  #add(number: number, spec: QueueSpec, content: QueueContent): void {
    const tell = () => this.#followers.tell(spec.name);
    this.#queues.set(spec.name, new EmbeddedQueue(this.#parts, number, spec, content, tell));
    this.#nextNumber = Math.max(this.#nextNumber, number + 1);
  }

  /** @throws DataError with code `UnknownQueue` */
  #queue(name: string): EmbeddedQueue {
    const queue = this.#queues.get(name);
    if (queue !== undefined) return queue;
    throw new DataError(
      "UnknownQueue",
      `There is no queue ${JSON.stringify(String(name).slice(0, 64))} here`,
    );
  }

  /** @returns a queue whose leases that have run out are taken back */
  #current(name: string): EmbeddedQueue {
    const queue = this.#queue(name);
    if (queue.hasEnded) this.#withReserve(() => queue.expire());
    return queue;
  }

  #allDead(queue: string): readonly number[] {
    const { number } = this.#queue(queue);
    return [...this.#parts.table.dead(number, 0, MAX_RETRIED)].map(({ number }) => number);
  }

  /** Reads what is asked for at once, and does it with the next group. */
  #run<Answer>(work: () => Answer): Promise<Answer>;
  #run<Read, Answer>(read: () => Read, work: (read: Read) => Answer, isLast?: boolean): Promise<Answer>;
  async #run(first: () => unknown, second?: (read: unknown) => unknown, isLast?: boolean): Promise<unknown> {
    this.#checkOpen();
    try {
      if (second === undefined) return await this.#parts.group.run(() => this.#timed(first));
      const read = first();
      return await this.#parts.group.run(() => this.#timed(() => second(read)), isLast);
    } catch (error) {
      throw engineFailure(error);
    }
  }

  #timed<Answer>(work: () => Answer): Answer {
    const { time, group } = this.#parts;
    time.keep(group);
    return work();
  }
}

/** What queues are, without changing them. Methods throw `DataError` with code `UnknownQueue`, and `OwnerAway` when closed. */
export interface QueueReads {
  /** Of a copy of a log: what that has said last of the time, in milliseconds since 1970. */
  readonly lastAt: number | undefined;
  states(): readonly QueueState[];
  state(queue: string): QueueState;
  /** As of `QueueEngine`, counted from the last work. */
  untilDueMs(queue: string): number | undefined;
  deadLetters(queue: string, after: number, limit: number): readonly DeadLetter[];
}

function lettersOf(table: MessageTable, queue: number, after: number, limit: number): readonly DeadLetter[] {
  const room = new AnswerRoom();
  const letters: DeadLetter[] = [];
  for (const message of table.dead(queue, after, Math.min(limit, MAX_BATCH))) {
    if (!room.take(message.text) && letters.length > 0) break;
    const { number, orderKey, id, attempts, error, pushedAt, diedAt } = message;
    letters.push({
      ...{ number, value: JSON.parse(message.text), attempts, error, pushedAt, diedAt },
      ...orderKey !== undefined && { orderKey },
      ...id !== undefined && { id },
    });
  }
  return letters;
}

/** So many are retried or discarded at once where all are meant. */
const MAX_RETRIED = 10_000;

/** @throws DataError with code `InvalidValue` */
export function checkLeaseMs(leaseMs: number | undefined): void {
  if (leaseMs === undefined || (Number.isFinite(leaseMs) && leaseMs >= 1 && leaseMs <= MAX_LEASE_MS)) return;
  throw new DataError("InvalidValue", `A lease has 1 to ${MAX_LEASE_MS} milliseconds`);
}

/** @returns what is kept of it @throws DataError with code `InvalidValue` */
export function readSettlement(settlement: Settlement): Settlement {
  if (settlement.kind !== "failed") return settlement;
  if (settlement.delayMs !== undefined) checkDelay(settlement.delayMs);
  const { error } = settlement;
  return { ...settlement, error: error.toWellFormed().replaceAll("\0", "").slice(0, MAX_ERROR_LENGTH) };
}
