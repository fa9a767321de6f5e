/**
 * What is due, the earliest first: a binary heap.
 * @module
 */

import type { Millis } from "../../base/mod.ts";

interface Due<T> {
  readonly at: Millis;
  readonly item: T;
}

/** Items by when they are due. */
export class DueHeap<T> {
  #items: Due<T>[] = [];

  /** When the earliest is due. */
  get nextAt(): Millis | undefined {
    return this.#items[0]?.at;
  }

  /** Adds an item. */
  push(at: Millis, item: T): void {
    const items = this.#items;
    let index = items.length;
    const due = { at, item };
    items.push(due);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = items[parent];
      if (above === undefined || above.at <= at) break;
      items[index] = above;
      index = parent;
    }
    items[index] = due;
  }

  /** @returns the earliest, when it is due */
  peek(now: Millis): T | undefined {
    const first = this.#items[0];
    return first === undefined || first.at > now ? undefined : first.item;
  }

  /** Takes the earliest out. */
  pop(): void {
    const items = this.#items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return;
    let index = 0;
    while (true) {
      let child = 2 * index + 1;
      const left = items[child];
      if (left === undefined) break;
      const right = items[child + 1];
      const least = right !== undefined && right.at < left.at ? right : left;
      if (least === right) child++;
      if (least.at >= last.at) break;
      items[index] = least;
      index = child;
    }
    items[index] = last;
  }

  /** Takes all out. @returns them in any order */
  drain(): readonly T[] {
    const items = this.#items.map(({ item }) => item);
    this.#items = [];
    return items;
  }
}
