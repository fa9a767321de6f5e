/**
 * Queues and messages: what they may be.
 * @module
 */

import type { JsonValue } from "../query/mod.ts";
import {
  DEFAULT_QUEUE_LENGTH,
  MAX_ATTEMPTS,
  MAX_BATCH,
  MAX_DELAY_MS,
  MAX_ID_LENGTH,
  MAX_LEASE_MS,
  MAX_MESSAGE_BYTES,
  MAX_MESSAGES,
} from "./bounds.ts";
import { isCollectionName, isIdText, jsonText, keyText } from "./documents.ts";
import { DataError } from "./errors.ts";
import type { NewMessage, QueueSpec } from "./queue_engine.ts";

/** What a queue is where nothing else is said. */
export const QUEUE_DEFAULTS: Omit<QueueSpec, "name" | "push" | "work"> = Object.freeze({
  maxAttempts: 10,
  leaseMs: 30_000,
  maxLeaseMs: 900_000,
  backoffMs: 1_000,
  maxBackoffMs: 300_000,
  maxLength: DEFAULT_QUEUE_LENGTH,
});

const NONCE = /^[\w-]{1,64}$/;
const LIMITS = {
  maxAttempts: [1, MAX_ATTEMPTS],
  leaseMs: [100, MAX_LEASE_MS],
  maxLeaseMs: [100, MAX_LEASE_MS],
  backoffMs: [0, MAX_DELAY_MS],
  maxBackoffMs: [0, MAX_DELAY_MS],
  maxLength: [1, MAX_MESSAGES],
} as const;

/** @returns the same, read strictly @throws DataError with code `InvalidQueue` */
export function checkQueueSpec(spec: QueueSpec): QueueSpec {
  const { name, push, work } = spec;
  if (!isCollectionName(name)) {
    throw invalid(`${JSON.stringify(String(name).slice(0, 64))} is no name of a queue`);
  }
  const limits = Object.fromEntries(
    Object.entries(LIMITS).map(([limit, [least, most]]) => {
      const value = spec[limit as keyof typeof LIMITS];
      if (Number.isSafeInteger(value) && value >= least && value <= most) return [limit, value];
      throw invalid(`${limit} is a whole number from ${least} to ${most}`);
    }),
  ) as unknown as typeof QUEUE_DEFAULTS;
  if (limits.maxLeaseMs < limits.leaseMs) throw invalid("maxLeaseMs is at least leaseMs");
  for (const selector of [push, work]) {
    if (selector !== undefined && (typeof selector !== "string" || selector.length > 255)) {
      throw invalid("who may push and work is said by selectors of at most 255 characters");
    }
  }
  return { name, ...limits, ...push !== undefined && { push }, ...work !== undefined && { work } };
}

/** A message that was read and found to be one. */
export interface ReadyMessage extends Omit<NewMessage, "value"> {
  /** The JSON of its value. */
  readonly text: string;
}

/** @throws DataError with code `InvalidValue`, `InvalidKey` or `TooLarge` */
export function checkMessages(messages: readonly NewMessage[]): readonly ReadyMessage[] {
  checkBatch(messages.length, "pushed");
  return messages.map(({ value, id, nonce, origin, delayMs, orderKey }) => {
    if (id !== undefined && !isIdText(id)) {
      throw new DataError("InvalidKey", `The id of a message has 1 to ${MAX_ID_LENGTH} characters`);
    }
    if (nonce !== undefined && (typeof nonce !== "string" || !NONCE.test(nonce))) {
      throw new DataError("InvalidValue", "A nonce has 1 to 64 letters, digits, _ and -");
    }
    if (delayMs !== undefined) checkDelay(delayMs);
    return {
      text: messageText(value),
      ...id !== undefined && { id },
      ...nonce !== undefined && { nonce },
      ...origin !== undefined && { origin },
      ...delayMs !== undefined && { delayMs },
      ...orderKey !== undefined && { orderKey: keyText(orderKey) },
    };
  });
}

/** @returns the JSON of a message @throws DataError with code `InvalidValue` or `TooLarge` */
export function messageText(value: JsonValue): string {
  return jsonText(value, MAX_MESSAGE_BYTES, "A message");
}

/** @throws DataError with code `InvalidValue` */
export function checkDelay(delayMs: unknown): asserts delayMs is number {
  if (Number.isFinite(delayMs) && (delayMs as number) >= 0 && (delayMs as number) <= MAX_DELAY_MS) return;
  throw new DataError("InvalidValue", `A delay is a number of milliseconds, at most ${MAX_DELAY_MS}`);
}

/** @param what is done with so many at once @throws DataError with code `TooLarge` */
export function checkBatch(length: number, what: string): void {
  if (length <= MAX_BATCH) return;
  throw new DataError("TooLarge", `At most ${MAX_BATCH} messages are ${what} at once`);
}

function invalid(problem: string): DataError {
  return new DataError("InvalidQueue", `Cannot make the queue: ${problem}`, {
    hint: "Names are a letter, then letters, digits, _ and -, at most 64.",
  });
}
