/**
 * A first-in, first-out queue with a limit and a drop rule.
 * @module
 */

/** A queue begins with so many places, and doubles them as it needs: most queues of many stay empty. */
const FIRST_SLOTS = 4;

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
  readonly #capacity: number;
  #slots: (T | undefined)[] = [];
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
    this.#capacity = capacity;
  }

  /** How many items wait. */
  get size(): number {
    return this.#size;
  }

  /** Appends `item`. @returns the oldest item when it had to make room, else undefined */
  push(item: T): T | undefined {
    const dropped = this.#size === this.#capacity ? this.shift() : undefined;
    if (this.#size === this.#slots.length) this.#grow();
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

  #grow(): void {
    const slots = new Array<T | undefined>(Math.min(this.#capacity, Math.max(FIRST_SLOTS, 2 * this.#size)));
    for (let i = 0; i < this.#size; i++) slots[i] = this.#slots[(this.#head + i) % this.#size];
    this.#slots = slots;
    this.#head = 0;
  }
}
