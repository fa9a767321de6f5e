/**
 * How many messages there are, of each queue and of each origin, and how many there may be.
 * @module
 */

import {
  MAX_MESSAGES,
  MAX_MESSAGES_BYTES,
  MAX_MESSAGES_BYTES_PER_ORIGIN,
  MAX_MESSAGES_PER_ORIGIN,
} from "../../bounds.ts";
import { DataError } from "../../errors.ts";
import type { MessageCount } from "./message_table.ts";

interface Tally {
  count: number;
  bytes: number;
}

/** Counts the messages of all queues of a node. */
export class QueueCounts {
  readonly #all: Tally = { count: 0, bytes: 0 };
  readonly #origins = new Map<string, Tally>();

  constructor(counts: readonly MessageCount[]) {
    for (const { origin, count, bytes } of counts) this.add(origin, count, bytes);
  }

  /** @param origin empty for the owner's own programs, which are bounded by what all may have @throws DataError */
  checkRoom(origin: string, count: number, bytes: number): void {
    const own = this.#origins.get(origin) ?? { count: 0, bytes: 0 };
    if (this.#all.count + count > MAX_MESSAGES || this.#all.bytes + bytes > MAX_MESSAGES_BYTES) {
      throw full(`this node's queues have ${this.#all.count} messages`);
    }
    if (origin === "") return;
    if (own.count + count > MAX_MESSAGES_PER_ORIGIN || own.bytes + bytes > MAX_MESSAGES_BYTES_PER_ORIGIN) {
      throw full(`${own.count} messages from there are in this node's queues`);
    }
  }

  /** @param count negative to take away */
  add(origin: string, count: number, bytes: number): void {
    const own = this.#origins.get(origin) ?? { count: 0, bytes: 0 };
    own.count += count;
    own.bytes += bytes;
    if (own.count === 0) this.#origins.delete(origin);
    else this.#origins.set(origin, own);
    this.#all.count += count;
    this.#all.bytes += bytes;
  }
}

/** @returns what says that there is no room */
export function full(why: string): DataError {
  return new DataError("QueueFull", `Nothing was pushed: ${why}, and no more have room`, {
    hint: "Try again when workers have done some; dead letters count until they are discarded or retried.",
  });
}
