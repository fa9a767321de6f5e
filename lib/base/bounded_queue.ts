/**
 * A first-in, first-out queue with a limit and a drop rule.
 * @module
 */

/**
 * Holds at most `capacity` items in a ring. When it is full, `push` drops the oldest item and returns it,
 * so that the caller can count it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { BoundedQueue } from "./bounded_queue.ts";
 * const queue = new BoundedQueue<string>(2);
 * queue.push("a");
 * queue.push("b");
 * assert.equal(queue.push("c"), "a");
 * assert.equal(queue.shift(), "b");
 * ```
 */
export class BoundedQueue<T> {
  readonly #slots: (T | undefined)[];
  #head = 0;
  #size = 0;

  /**
   * @param capacity how many items fit, at least 1
   * @throws RangeError when `capacity` is not a positive integer
   */
  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new RangeError(`Cannot make a queue for ${capacity} items: the capacity is a positive integer`);
    }
    this.#slots = new Array(capacity);
  }

  /** How many items wait. */
  get size(): number {
    return this.#size;
  }

  /** Appends `item`. @returns the oldest item when it had to make room, else undefined */
  push(item: T): T | undefined {
    const dropped = this.#size === this.#slots.length ? this.shift() : undefined;
    this.#slots[(this.#head + this.#size) % this.#slots.length] = item;
    this.#size++;
    return dropped;
  }

  /** Removes the oldest item. @returns it, or undefined when the queue is empty */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#slots.length;
    this.#size--;
    return item;
  }

  /** Drops everything. */
  clear(): void {
    this.#slots.fill(undefined);
    this.#head = 0;
    this.#size = 0;
  }
}
