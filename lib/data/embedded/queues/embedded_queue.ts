/**
 * One queue: what becomes of its messages. All of it happens within work of the group that commits it.
 * @module
 */

import { MAX_LEASES, MAX_LEASES_PER_HOLDER } from "../../bounds.ts";
import { AnswerRoom } from "../../documents.ts";
import { DataError } from "../../errors.ts";
import type { ReadyMessage } from "../../messages.ts";
import {
  backoffOf,
  type Delivery,
  type PushAnswer,
  type QueueSpec,
  type QueueState,
  type Settlement,
  type TakeRequest,
} from "../../queue_engine.ts";
import type { GroupCommit } from "../group_commit.ts";
import { type Lease, leaseName, Leases } from "./leases.ts";
import { type MessageCount, type MessageHead, type MessageTable, STATES } from "./message_table.ts";
import { full, type QueueCounts } from "./queue_counts.ts";
import type { QueueTime } from "./queue_time.ts";

/** What the queues of one database share. */
export interface QueueParts {
  readonly table: MessageTable;
  readonly counts: QueueCounts;
  readonly group: GroupCommit;
  readonly time: QueueTime;
}

/** What is in a queue when it is opened. */
export interface QueueContent {
  /** How many messages each origin has there, dead letters included. */
  readonly origins: ReadonlyMap<string, number>;
  /** How many of all are dead. */
  readonly dead: number;
}

/** One queue of a database. */
export class EmbeddedQueue {
  readonly number: number;
  spec: QueueSpec;
  readonly #parts: QueueParts;
  readonly #tell: () => void;
  readonly #leases = new Leases();
  readonly #origins: Map<string, number>;
  #length = 0;
  #dead = 0;

  /** @param tell tells those who follow the queue */
  constructor(
    parts: QueueParts,
    number: number,
    spec: QueueSpec,
    { origins, dead }: QueueContent,
    tell: () => void,
  ) {
    this.#parts = parts;
    this.number = number;
    this.spec = spec;
    this.#tell = tell;
    this.#origins = new Map(origins);
    for (const count of origins.values()) this.#length += count;
    this.#dead = dead;
    for (const message of parts.table.leased(number)) {
      const lease = this.#leaseOf(message, message.holder ?? "", message.leaseMs);
      // Where a time does not go on, whoever had one before the engine was opened has it anew.
      this.#leases.add(parts.time.isLasting ? { ...lease, ...message.leaseEnds } : lease);
    }
  }

  get state(): QueueState {
    const leased = this.#leases.size;
    return { ...this.spec, waiting: this.#length - this.#dead - leased, leased, dead: this.#dead };
  }

  /** @throws DataError with code `QueueFull` */
  push(messages: readonly ReadyMessage[]): readonly PushAnswer[] {
    const answers = messages.map((message) => this.#push(message));
    this.#parts.group.tell(this.#tell);
    return answers;
  }

  /** @returns how many messages a holder may be given more */
  roomOf(holder: string): number {
    return Math.min(MAX_LEASES - this.#leases.size, MAX_LEASES_PER_HOLDER - this.#leases.of(holder));
  }

  take({ holder, limit, leaseMs = this.spec.leaseMs }: TakeRequest): readonly Delivery[] {
    const { table, time } = this.#parts;
    const most = Math.min(limit, this.roomOf(holder));
    if (most <= 0) return [];
    const room = new AnswerRoom();
    const deliveries: Delivery[] = [];
    for (const message of table.ready(this.number, time.due(), most)) {
      if (!room.take(message.text) && deliveries.length > 0) break;
      const wholeMs = Math.min(leaseMs, this.spec.maxLeaseMs);
      const taken = {
        ...message,
        ...{ state: STATES.leased, holder, leaseMs: wholeMs },
        ...{ attempts: message.attempts + 1, deliveries: message.deliveries + 1 },
      };
      const lease = this.#leaseOf(taken, holder, wholeMs);
      table.lease(message.number, holder, wholeMs, time.isLasting ? lease : undefined);
      this.#addLease(lease);
      const { number, attempts, orderKey, id, nonce, pushedAt } = taken;
      deliveries.push({
        ...{ number, lease: lease.name, value: JSON.parse(message.text), attempt: attempts },
        ...{ leaseMs: wholeMs, pushedAt },
        ...orderKey !== undefined && { orderKey },
        ...id !== undefined && { id },
        ...nonce !== undefined && { nonce },
      });
    }
    return deliveries;
  }

  /** @returns whether the holder has it still */
  renew(holder: string, name: string, leaseMs: number = this.spec.leaseMs): boolean {
    const lease = this.#leases.find(name, holder);
    if (lease === undefined) return false;
    const { table, time, group } = this.#parts;
    const before = lease.until;
    lease.until = Math.min(time.now() + leaseMs, lease.untilAtMost);
    if (time.isLasting) table.renew(lease.message.number, lease.until);
    group.undo(() => lease.until = before);
    return true;
  }

  keepOnly(holder: string, names: readonly string[]): void {
    for (const lease of this.#leases.others(holder, new Set(names))) this.#giveBack(lease);
  }

  /** @throws DataError with code `LeaseLost` */
  checkLease(holder: string, name: string): void {
    if (this.#leases.find(name, holder) !== undefined) return;
    throw new DataError(
      "LeaseLost",
      `The message was not settled in time, and may be with another worker: nothing of ${this.spec.name} was written`,
    );
  }

  /** @returns whether the holder had it still */
  settle(holder: string, settlement: Settlement): boolean {
    const lease = this.#leases.find(settlement.lease, holder);
    if (lease === undefined) return false;
    if (settlement.kind === "returned") this.#giveBack(lease);
    else if (settlement.kind === "done") this.#finish(lease);
    else {
      const { error, delayMs, isFinal = false } = settlement;
      if (isFinal || lease.message.attempts >= this.spec.maxAttempts) this.#bury(lease, error);
      else {
        const { time, table } = this.#parts;
        const { number, attempts } = lease.message;
        this.#removeLease(lease);
        table.wait(number, attempts, error, time.due() + (delayMs ?? backoffOf(this.spec, attempts)));
      }
    }
    this.#parts.group.tell(this.#tell);
    return true;
  }

  /** Whether something was not settled in time. */
  get hasEnded(): boolean {
    return this.#leases.ended(this.#parts.time.now()).length > 0;
  }

  /** Takes that back. */
  expire(): void {
    for (const lease of this.#leases.ended(this.#parts.time.now())) {
      const { message: { number, attempts } } = lease;
      const error = "the worker did not settle it before its lease had run out";
      if (attempts >= this.spec.maxAttempts) this.#bury(lease, error);
      else {
        this.#removeLease(lease);
        // It was ready before, and still is.
        this.#parts.table.wait(number, attempts, error);
      }
      this.#parts.group.tell(this.#tell);
    }
  }

  /** @returns how many were dead letters */
  retry(numbers: readonly number[]): number {
    const { table, time } = this.#parts;
    return this.#eachDead(numbers, ({ number, orderKey }) => {
      const isBlocked = orderKey !== undefined && table.hasKey(this.number, orderKey, false);
      table.revive(number, isBlocked ? STATES.blocked : STATES.waiting, time.due());
    });
  }

  /** @returns how many were dead letters */
  discard(numbers: readonly number[]): number {
    return this.#eachDead(numbers, (message) => {
      this.#parts.table.remove(this.number, message);
      this.#count(message.origin, -1, -message.sizeBytes);
    });
  }

  /** @returns in how many milliseconds something may be ready; undefined when nothing will */
  untilDueMs(): number | undefined {
    const { table, time } = this.#parts;
    const isFull = this.#leases.size >= MAX_LEASES;
    const due = isFull ? undefined : table.nextDue(this.number);
    const end = this.#leases.nextEnd();
    if (due === undefined && end === undefined) return undefined;
    return Math.max(0, Math.min((due ?? Infinity) - time.due(), (end ?? Infinity) - time.now()));
  }

  #push({ text, id, nonce, origin = "", delayMs = 0, orderKey }: ReadyMessage): PushAnswer {
    const { table, counts, time } = this.#parts;
    const before = id === undefined ? undefined : table.numberOf(this.number, id);
    if (before !== undefined) return { number: before, isRepeated: true };
    this.#checkRoom(origin);
    counts.checkRoom(origin, 1, text.length);
    const isBlocked = orderKey !== undefined && table.hasKey(this.number, orderKey, true);
    const now = time.due();
    const number = table.insert(this.number, {
      ...{ state: isBlocked ? STATES.blocked : STATES.waiting, due: now + delayMs, pushedAt: now },
      ...{ origin, orderKey, id, nonce, text },
    });
    this.#count(origin, 1, text.length);
    return { number, isRepeated: false };
  }

  /**
   * However many push as fast as they can, there is room for one more: what an origin has is no more than what is free
   * beside it. The owner's own programs, whose origin is empty, have all of it.
   * @throws DataError with code `QueueFull`
   */
  #checkRoom(origin: string): void {
    const { name, maxLength } = this.spec;
    const free = maxLength - this.#length;
    if (free <= 0) throw full(`${name} has ${this.#length} messages`);
    const own = this.#origins.get(origin) ?? 0;
    if (origin === "" || own + 1 <= free) return;
    throw full(`${own} messages from there are in ${name}, which has room for ${free}, left to others`);
  }

  #leaseOf(message: MessageHead, holder: string, leaseMs: number): Lease {
    const now = this.#parts.time.now();
    const untilAtMost = now + this.spec.maxLeaseMs;
    return { message, holder, name: leaseName(message), until: now + leaseMs, untilAtMost };
  }

  #addLease(lease: Lease): void {
    this.#leases.add(lease);
    this.#parts.group.undo(() => this.#leases.remove(lease));
  }

  #removeLease(lease: Lease): void {
    this.#leases.remove(lease);
    this.#parts.group.undo(() => this.#leases.add(lease));
  }

  #finish(lease: Lease): void {
    const { message } = lease;
    this.#removeLease(lease);
    this.#parts.table.remove(this.number, message);
    this.#count(message.origin, -1, -message.sizeBytes);
    this.#unblock(message);
  }

  #giveBack(lease: Lease): void {
    const { number, attempts } = lease.message;
    this.#removeLease(lease);
    this.#parts.table.wait(number, attempts - 1, undefined);
    this.#parts.group.tell(this.#tell);
  }

  #bury(lease: Lease, error: string): void {
    this.#removeLease(lease);
    this.#parts.table.bury(lease.message.number, error, this.#parts.time.due());
    this.#countDead(1);
    this.#unblock(lease.message);
  }

  #unblock({ orderKey }: MessageHead): void {
    if (orderKey !== undefined) this.#parts.table.unblock(this.number, orderKey);
  }

  #eachDead(numbers: readonly number[], change: (message: MessageHead) => void): number {
    let found = 0;
    for (const number of numbers) {
      const message = this.#parts.table.deadOf(this.number, number);
      if (message === undefined) continue;
      change(message);
      this.#countDead(-1);
      found++;
    }
    if (found > 0) this.#parts.group.tell(this.#tell);
    return found;
  }

  #count(origin: string, count: number, bytes: number): void {
    const { counts, group } = this.#parts;
    const add = (sign: number) => {
      counts.add(origin, sign * count, sign * bytes);
      this.#length += sign * count;
      const own = (this.#origins.get(origin) ?? 0) + sign * count;
      if (own === 0) this.#origins.delete(origin);
      else this.#origins.set(origin, own);
    };
    add(1);
    group.undo(() => add(-1));
  }

  #countDead(count: number): void {
    this.#dead += count;
    this.#parts.group.undo(() => this.#dead -= count);
  }
}

/** @returns what a queue has, of what all have */
export function contentOf(counts: readonly MessageCount[], queue: number): QueueContent {
  const origins = new Map<string, number>();
  let dead = 0;
  for (const { origin, state, count } of counts.filter((one) => one.queue === queue)) {
    origins.set(origin, (origins.get(origin) ?? 0) + count);
    if (state === STATES.dead) dead += count;
  }
  return { origins, dead };
}
