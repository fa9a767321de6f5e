/**
 * What is done to queues, as it stands in a log.
 * @module
 */

import type { EmbeddedQueues } from "../embedded/mod.ts";
import type { Commit } from "../engine.ts";
import type { NewMessage, QueueSpec, Settlement, TakeRequest } from "../queue_engine.ts";

/** One of them; each is a method of `QueueEngine`, or takes back what was not settled in time. */
export type QueueOperation =
  | { readonly kind: "createQueue"; readonly spec: QueueSpec }
  | { readonly kind: "dropQueue"; readonly queue: string }
  | { readonly kind: "push"; readonly queue: string; readonly messages: readonly NewMessage[] }
  | { readonly kind: "take"; readonly queue: string; readonly request: TakeRequest }
  | {
    readonly kind: "renew";
    readonly queue: string;
    readonly holder: string;
    readonly leases: readonly string[];
    readonly leaseMs?: number;
  }
  | {
    readonly kind: "keepOnly";
    readonly queue: string;
    readonly holder: string;
    readonly leases: readonly string[];
  }
  | {
    readonly kind: "settle";
    readonly queue: string;
    readonly holder: string;
    readonly settlements: readonly Settlement[];
  }
  | {
    readonly kind: "finish";
    readonly queue: string;
    readonly holder: string;
    readonly lease: string;
    readonly commit: Commit;
  }
  | { readonly kind: "retry" | "discard"; readonly queue: string; readonly numbers?: readonly number[] }
  | { readonly kind: "expire"; readonly queue: string };

const KINDS: Readonly<Record<QueueOperation["kind"], true>> = {
  ...{ createQueue: true, dropQueue: true, push: true, take: true, renew: true, keepOnly: true },
  ...{ settle: true, finish: true, retry: true, discard: true, expire: true },
};

/** Whether there is such a kind of operations. */
export function isQueueKind(kind: string): kind is QueueOperation["kind"] {
  return Object.hasOwn(KINDS, kind);
}

/** Whether it is one, as far as doing it needs; what it says is checked when it is done. */
export function isQueueOperation(
  operation: QueueOperation,
  isCommit: (commit: Commit) => boolean,
): boolean {
  if (operation.kind === "createQueue") return isObject(operation.spec);
  if (typeof operation.queue !== "string") return false;
  switch (operation.kind) {
    case "push":
      return isListOf(operation.messages, isObject);
    case "take": {
      const { request } = operation;
      return isObject(request) && typeof request.holder === "string" && Number.isFinite(request.limit);
    }
    case "renew":
    case "keepOnly":
      return typeof operation.holder === "string" && isListOf(operation.leases, isText);
    case "settle":
      return typeof operation.holder === "string" && isListOf(operation.settlements, isSettlement);
    case "finish":
      return typeof operation.holder === "string" && isText(operation.lease) && isCommit(operation.commit);
    case "retry":
    case "discard":
      return operation.numbers === undefined || isListOf(operation.numbers, Number.isSafeInteger);
    case "dropQueue":
    case "expire":
      return true;
  }
}

/** Does one in a copy. */
export function doQueueOperation(queues: EmbeddedQueues, operation: QueueOperation): Promise<unknown> {
  switch (operation.kind) {
    case "createQueue":
      return queues.create(operation.spec);
    case "dropQueue":
      return queues.drop(operation.queue);
    case "push":
      return queues.push(operation.queue, operation.messages);
    case "take":
      return queues.take(operation.queue, operation.request);
    case "renew":
      return queues.renew(operation.queue, operation.holder, operation.leases, operation.leaseMs);
    case "keepOnly":
      return queues.keepOnly(operation.queue, operation.holder, operation.leases);
    case "settle":
      return queues.settle(operation.queue, operation.holder, operation.settlements);
    case "finish":
      return queues.commit(operation.queue, operation.holder, operation.lease, operation.commit);
    case "retry":
      return queues.retry(operation.queue, operation.numbers);
    case "discard":
      return queues.discard(operation.queue, operation.numbers);
    case "expire":
      return queues.expire(operation.queue);
  }
}

function isSettlement(settlement: Settlement): boolean {
  if (!isObject(settlement) || !isText(settlement.lease)) return false;
  const { kind } = settlement;
  return kind === "done" || kind === "returned" || (kind === "failed" && isText(settlement.error));
}

function isListOf<Item>(list: readonly Item[], isItem: (item: Item) => boolean): boolean {
  return Array.isArray(list) && list.every(isItem);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
