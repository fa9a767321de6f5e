/**
 * The queues of a node that has an engine of its own, and may have one that it shares with others.
 * @module
 */

import type { Commit, CommitAnswer } from "../engine.ts";
import { DataError } from "../errors.ts";
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
import { SharedFollows } from "./shared_follows.ts";

/** What of their engines queues need. */
export interface QueueSetParts {
  readonly own: QueueEngine;
  /** As it is now; undefined when there is none. */
  readonly shared: () => QueueEngine | undefined;
  /** @returns which engine keeps the collections of a commit @throws DataError with code `NotOwner` when two do */
  readonly isOwnCommit: (commit: Commit) => boolean;
}

/** What is in the node's own engine stays there; what is made anew is in the shared one, while there is one. */
export class QueueSet implements QueueEngine {
  readonly #parts: QueueSetParts;
  /** The queues of its own. */
  readonly #names = new Set<string>();
  readonly #ready: Promise<void>;
  readonly #follows: SharedFollows<QueueEngine>;

  constructor(parts: QueueSetParts) {
    this.#parts = parts;
    this.#follows = new SharedFollows(parts.own, parts.shared);
    this.#ready = parts.own.queues().then((states) => {
      for (const { name } of states) this.#names.add(name);
    });
    this.#ready.catch(() => {});
  }

  /** The shared engine is another one now. */
  handleShared(): void {
    this.#follows.handleShared();
  }

  async queues(): Promise<readonly QueueState[]> {
    const own = await this.#parts.own.queues();
    await this.#ready;
    const shared = await this.#parts.shared()?.queues() ?? [];
    return [...own, ...shared.filter(({ name }) => !this.#names.has(name))]
      .sort((a, b) => a.name < b.name ? -1 : 1);
  }

  async describe(queue: string): Promise<QueueState> {
    return (await this.#of(queue)).describe(queue);
  }

  async create(spec: QueueSpec): Promise<QueueState> {
    const engine = await this.#of(spec.name);
    const state = await engine.create(spec);
    if (engine === this.#parts.own) this.#names.add(spec.name);
    return state;
  }

  async drop(queue: string): Promise<boolean> {
    const engine = await this.#of(queue);
    const isDropped = await engine.drop(queue);
    if (engine === this.#parts.own) this.#names.delete(queue);
    return isDropped;
  }

  async push(queue: string, messages: readonly NewMessage[]): Promise<readonly PushAnswer[]> {
    return (await this.#of(queue)).push(queue, messages);
  }

  async take(queue: string, request: TakeRequest): Promise<readonly Delivery[]> {
    return (await this.#of(queue)).take(queue, request);
  }

  async renew(
    queue: string,
    holder: string,
    leases: readonly string[],
    leaseMs?: number,
  ): Promise<readonly boolean[]> {
    return (await this.#of(queue)).renew(queue, holder, leases, leaseMs);
  }

  async keepOnly(queue: string, holder: string, leases: readonly string[]): Promise<void> {
    await (await this.#of(queue)).keepOnly(queue, holder, leases);
  }

  async settle(
    queue: string,
    holder: string,
    settlements: readonly Settlement[],
  ): Promise<readonly boolean[]> {
    return (await this.#of(queue)).settle(queue, holder, settlements);
  }

  async commit(queue: string, holder: string, lease: string, commit: Commit): Promise<CommitAnswer> {
    const engine = await this.#of(queue);
    const isEmpty = commit.reads.length + commit.writes.length === 0;
    if (isEmpty || this.#parts.isOwnCommit(commit) === (engine === this.#parts.own)) {
      return await engine.commit(queue, holder, lease, commit);
    }
    throw new DataError(
      "NotOwner",
      `${queue} and the collections of the transaction are kept by two engines`,
      {
        hint:
          "What was made after the servers began to keep new ones is with them, what was there before is not.",
      },
    );
  }

  async deadLetters(
    queue: string,
    request: { readonly after?: number; readonly limit: number },
  ): Promise<readonly DeadLetter[]> {
    return (await this.#of(queue)).deadLetters(queue, request);
  }

  async retry(queue: string, numbers?: readonly number[]): Promise<number> {
    return (await this.#of(queue)).retry(queue, numbers);
  }

  async discard(queue: string, numbers?: readonly number[]): Promise<number> {
    return (await this.#of(queue)).discard(queue, numbers);
  }

  async untilDueMs(queue: string): Promise<number | undefined> {
    return (await this.#of(queue)).untilDueMs(queue);
  }

  follow(queue: string, onReady: () => void): () => void {
    return this.#follows.add((engine) => engine.follow(queue, onReady));
  }

  async #of(queue: string): Promise<QueueEngine> {
    await this.#ready;
    const { own, shared } = this.#parts;
    return this.#names.has(queue) ? own : shared() ?? own;
  }
}
