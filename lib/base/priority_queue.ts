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
 * A binary heap of items by the time at which each is due: `push` and `pop` take logarithmic time, `first` constant,
 * `retain` linear. There is no removal of one item: whoever no longer wants it replaces it, and passes over it later.
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
  /** The parent of the item at `i` is at `(i - 1) >> 1`, and never due after it. */
  #heap: Due<T>[] = [];
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
    siftUp(this.#heap, due);
    return due;
  }

  /** Takes the first out. @returns it, or undefined when nothing waits */
  pop(): Due<T> | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) siftDown(heap, last);
    return first;
  }

  /** Keeps only the items for which `isKept` holds. */
  retain(isKept: (item: T) => boolean): void {
    const kept = this.#heap.filter(({ item }) => isKept(item));
    this.#heap = [];
    for (const due of kept) siftUp(this.#heap, due);
  }
}

/** Puts `due` at the end, and moves it before what is due later. */
function siftUp(heap: Due<unknown>[], due: Due<unknown>): void {
  let at = heap.push(due) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (isBefore(heap[parent] as Due<unknown>, due)) break;
    heap[at] = heap[parent] as Due<unknown>;
    at = parent;
  }
  heap[at] = due;
}

/** Puts `due` in the first place, and moves it behind what is due earlier. */
function siftDown(heap: Due<unknown>[], due: Due<unknown>): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Due<unknown>, heap[child] as Due<unknown>)) {
      child++;
    }
    if (isBefore(due, heap[child] as Due<unknown>)) break;
    heap[at] = heap[child] as Due<unknown>;
    at = child;
  }
  heap[at] = due;
}

function isBefore(a: Due<unknown>, b: Due<unknown>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
