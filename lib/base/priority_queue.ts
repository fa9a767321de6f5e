/**
 * A priority queue by time.
 * @module
 */

/** An item in a queue; `push` returns it, so that the item can be replaced while it waits. */
export interface Due<T> {
  /** When it is due; the smallest comes first. */
  readonly at: number;
  /** Of two that are due at the same time the one that was pushed earlier comes first. */
  readonly order: number;
  item: T;
}

/**
 * A heap of items by the time at which each is due, four below each: `push` and `pop` take logarithmic time, `first`
 * constant, `retain` linear. There is no removal of one item: whoever no longer wants it replaces it, and passes over it later.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { PriorityQueue } from "./priority_queue.ts";
 * const queue = new PriorityQueue<string>();
 * const slow = queue.push(20, "rekey");
 * queue.push(8, "ping");
 * assert.equal(queue.first?.at, 8);
 * assert.equal(queue.pop()?.item, "ping");
 * slow.item = "nothing";
 * assert.equal(queue.pop()?.item, "nothing");
 * assert.equal(queue.pop(), undefined);
 * ```
 */
export class PriorityQueue<T> {
  /** The parent of the item at `i` is at `(i - 1) >> 2`, and never due after it. */
  #heap: Due<T>[] = [];
  /** When each of them is due: numbers in one piece, since to ask each item would be most of the work. */
  #times: number[] = [];
  #order = 0;

  /** How many items wait. */
  get size(): number {
    return this.#heap.length;
  }

  /** What `pop` gives out next. */
  get first(): Due<T> | undefined {
    return this.#heap[0];
  }

  /**
   * Adds an item.
   * @param at when it is due, in any unit
   * @returns where `item` may be replaced as long as it waits
   */
  push(at: number, item: T): Due<T> {
    const due: Due<T> = { at, order: this.#order++, item };
    this.#siftUp(due);
    return due;
  }

  /** Takes the first out. @returns it, or undefined when nothing waits */
  pop(): Due<T> | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    this.#times.pop();
    if (last !== undefined && this.#heap.length > 0) this.#siftDown(last);
    return first;
  }

  /** Keeps only the items for which `isKept` holds. */
  retain(isKept: (item: T) => boolean): void {
    const kept = this.#heap.filter(({ item }) => isKept(item));
    this.#heap = [];
    this.#times = [];
    for (const due of kept) this.#siftUp(due);
  }

  /** Puts `due` at the end, and moves it before what is due later. */
  #siftUp(due: Due<T>): void {
    const heap = this.#heap;
    const times = this.#times;
    let at = heap.push(due) - 1;
    times.push(due.at);
    while (at > 0) {
      const parent = (at - 1) >> 2;
      const time = times[parent] as number;
      if (time < due.at || (time === due.at && (heap[parent] as Due<T>).order < due.order)) break;
      heap[at] = heap[parent] as Due<T>;
      times[at] = time;
      at = parent;
    }
    heap[at] = due;
    times[at] = due.at;
  }

  /** Puts `due` in the first place, and moves it behind what is due earlier. */
  #siftDown(due: Due<T>): void {
    const heap = this.#heap;
    const times = this.#times;
    let at = 0;
    for (;;) {
      let child = 4 * at + 1;
      if (child >= heap.length) break;
      let time = times[child] as number;
      const end = Math.min(child + 4, heap.length);
      for (let other = child + 1; other < end; other++) {
        const otherTime = times[other] as number;
        if (otherTime > time) continue;
        if (otherTime === time && (heap[child] as Due<T>).order < (heap[other] as Due<T>).order) continue;
        child = other;
        time = otherTime;
      }
      if (due.at < time || (due.at === time && due.order < (heap[child] as Due<T>).order)) break;
      heap[at] = heap[child] as Due<T>;
      times[at] = time;
      at = child;
    }
    heap[at] = due;
    times[at] = due.at;
  }
}
