/**
 * What keeps queues, as a port. An engine knows no nodes and no rights.
 *
 * ```
 *   push ──▶ waiting ──take──▶ leased ──settle "done", commit──▶ gone
 *             ▲  ▲ delay         │ settle "failed", or the lease has run out
 *             │  └───────────────┤
 *             │                  └── for the last time ──▶ dead ──discard──▶ gone
 *             └────────────────────────── retry ───────────┘
 * ```
 *
 * Messages with one order key are handled one at a time, in the order of their pushes: the first of them that is not dead
 * is waiting or leased, and all behind it wait for it, whatever becomes of it.
 *
 * @module
 */

import type { JsonValue } from "../query/mod.ts";
import type { Commit, CommitAnswer } from "./commit.ts";

/** What a queue is. */
export interface QueueSpec {
  /** A letter, then letters, digits, `_` and `-`; at most 64. */
  readonly name: string;
  /** How often a message is delivered before it is a dead letter. */
  readonly maxAttempts: number;
  /** How long a worker has a message unless it says or renews, in milliseconds. */
  readonly leaseMs: number;
  /** How long it has one at most, with all renewals, in milliseconds. */
  readonly maxLeaseMs: number;
  /** How long a message waits after its first failure, in milliseconds; twice as long after each further one. */
  readonly backoffMs: number;
  /** How long it waits at most after a failure, in milliseconds. */
  readonly maxBackoffMs: number;
  /** How many messages it holds, dead letters included. */
  readonly maxLength: number;
  /** Who may push beside those of its owner: a selector; everybody unless given. */
  readonly push?: string;
  /** Who may work. */
  readonly work?: string;
}

/** A queue as it is now. */
export interface QueueState extends QueueSpec {
  /** How many messages wait: for a worker, their time, or one before them that has the same order key. */
  readonly waiting: number;
  /** How many workers have. */
  readonly leased: number;
  /** How many are dead letters. */
  readonly dead: number;
}

/** A message to be pushed. */
export interface NewMessage {
  /** What JSON says. */
  readonly value: JsonValue;
  /** Under an id it is pushed once, however often it comes. */
  readonly id?: string;
  /** What nobody can guess who has not had the message: 1 to 64 letters, digits, _ and -. */
  readonly nonce?: string;
  /** Whose it is: bounds and kept ids are of each. */
  readonly origin?: string;
  /** How long it waits before the first delivery, in milliseconds. */
  readonly delayMs?: number;
  /** Those of one key are handled one at a time, in the order of their pushes. */
  readonly orderKey?: string;
}

/** What came of a push. */
export interface PushAnswer {
  /** The number of the message: those of one queue go up, and none comes twice. */
  readonly number: number;
  /** Whether it had been pushed before, under its id. */
  readonly isRepeated: boolean;
}

/** Asks for messages. */
export interface TakeRequest {
  /** Who asks: nobody else can settle what it is given. */
  readonly holder: string;
  /** At most so many. */
  readonly limit: number;
  /** How long it has them, in milliseconds; as the queue says unless given. */
  readonly leaseMs?: number;
}

/** A message that a holder has for some time. */
export interface Delivery {
  readonly number: number;
  /** Names this delivery; the next one of the same message has another. */
  readonly lease: string;
  readonly value: JsonValue;
  /** Which delivery it is; the first is 1. */
  readonly attempt: number;
  /** How long the holder has it, in milliseconds from the answer's departure. */
  readonly leaseMs: number;
  /** Milliseconds since 1970, by the clock of the owner. */
  readonly pushedAt: number;
  readonly orderKey?: string;
  readonly id?: string;
  /** What was pushed with it, the same in each delivery. */
  readonly nonce?: string;
}

/** What has become of a delivery. */
export type Settlement =
  | { readonly kind: "done"; readonly lease: string }
  /** Comes again after a while, or is dead when it was delivered as often as it may. */
  | {
    readonly kind: "failed";
    readonly lease: string;
    /** Is kept with the message. */
    readonly error: string;
    /** In place of the queue's backoff. */
    readonly delayMs?: number;
    /** Dead at once. */
    readonly isFinal?: boolean;
  }
  /** Was not begun: comes again at once, and the delivery does not count. */
  | { readonly kind: "returned"; readonly lease: string };

/** A message that was delivered as often as it may be. */
export interface DeadLetter {
  /** Names it in its queue. */
  readonly number: number;
  /** What was pushed. */
  readonly value: JsonValue;
  /** How often it was delivered. */
  readonly attempts: number;
  /** What the last worker has said; that its lease has run out when it has said nothing. */
  readonly error: string;
  /** Milliseconds since 1970, by the clock of the owner. */
  readonly pushedAt: number;
  /** By the same clock. */
  readonly diedAt: number;
  /** Which messages it was handled in turn with. */
  readonly orderKey?: string;
  /** Under which it was pushed. */
  readonly id?: string;
}

/**
 * Keeps queues. What it has answered is on disk: a push, that a message was delivered, and what has become of it. Leases
 * run by a clock that does not jump, and from their beginning again when the engine is opened anew, so that a worker keeps
 * what it has. Methods throw `DataError`, with code `UnknownQueue` where there is no such queue.
 */
export interface QueueEngine {
  /** @returns all queues, by name */
  queues(): Promise<readonly QueueState[]>;
  describe(queue: string): Promise<QueueState>;
  /** Makes a queue. One that is there stays, and takes the limits, and who may push and work. */
  create(spec: QueueSpec): Promise<QueueState>;
  /** Forgets a queue with all that it holds. @returns whether there was one */
  drop(queue: string): Promise<boolean>;
  /**
   * Adds messages in their order, all or none.
   * @throws DataError with code `QueueFull`, `InvalidValue`, `TooLarge` or `DiskFull`
   */
  push(queue: string, messages: readonly NewMessage[]): Promise<readonly PushAnswer[]>;
  /** Leases what is ready, the longest ready first. @returns nothing when there is nothing */
  take(queue: string, request: TakeRequest): Promise<readonly Delivery[]>;
  /**
   * Begins leases anew, at most until `maxLeaseMs` after their beginning.
   * @returns which of them the holder still has
   */
  renew(
    queue: string,
    holder: string,
    leases: readonly string[],
    leaseMs?: number,
  ): Promise<readonly boolean[]>;
  /** Takes back all that a holder has but these leases: what it never heard of. */
  keepOnly(queue: string, holder: string, leases: readonly string[]): Promise<void>;
  /**
   * Says what has become of deliveries.
   * @returns which of them the holder still had; what somebody else has meanwhile does not change
   */
  settle(queue: string, holder: string, settlements: readonly Settlement[]): Promise<readonly boolean[]>;
  /**
   * Commits writes to collections together with the end of a delivery: both or none.
   * @param commit with an id; one that has happened is answered again, whoever has the message now. The id of one that
   *   neither reads nor writes is not kept
   * @throws DataError with code `LeaseLost` when the holder does not have it any more, and as `DataEngine.commit`; then
   * nothing was written
   */
  commit(queue: string, holder: string, lease: string, commit: Commit): Promise<CommitAnswer>;
  /** @returns dead letters by number, those after a number, at most so many, and as many as one answer holds */
  deadLetters(
    queue: string,
    request: { readonly after?: number; readonly limit: number },
  ): Promise<readonly DeadLetter[]>;
  /** Lets dead letters be delivered again, as if for the first time. @param numbers all unless given @returns how many */
  retry(queue: string, numbers?: readonly number[]): Promise<number>;
  /** Forgets dead letters. @param numbers all unless given @returns how many */
  discard(queue: string, numbers?: readonly number[]): Promise<number>;
  /** @returns in how many milliseconds something may be ready or a lease ends; undefined when nothing will by itself */
  untilDueMs(queue: string): Promise<number | undefined>;
  /** Calls back when something may be ready that was not. @returns what ends that */
  follow(queue: string, onReady: () => void): () => void;
}

/** @returns how long a message waits after its failed delivery, in milliseconds @param attempt the first is 1 */
export function backoffOf(spec: Pick<QueueSpec, "backoffMs" | "maxBackoffMs">, attempt: number): number {
  return Math.min(spec.backoffMs * 2 ** Math.min(Math.max(attempt, 1) - 1, 50), spec.maxBackoffMs);
}
