/**
 * A queue between one side that waits for room and one that takes.
 * @module
 */

/** How much may wait. */
export interface MessageQueueLimits {
  readonly items: number;
  /** An item that is larger than this fits when the queue is empty. */
  readonly bytes: number;
  /** How many calls of `push` may wait for room. */
  readonly waiting: number;
}

interface Waiting<T> {
  readonly item: T;
  readonly settle: (accepted: boolean) => void;
}

/** First in, first out, within limits of count and bytes. Nothing is dropped: who pushes waits for room. */
export class MessageQueue<T> {
  readonly #lengthOf: (item: T) => number;
  readonly #limits: MessageQueueLimits;
  #items: T[] = [];
  #bytes = 0;
  #waiting: Waiting<T>[] = [];
  #closed = false;

  /** @param lengthOf an item's length in bytes */
  constructor(lengthOf: (item: T) => number, limits: MessageQueueLimits) {
    this.#lengthOf = lengthOf;
    this.#limits = limits;
  }

  /** How many items are in the queue. */
  get size(): number {
    return this.#items.length;
  }

  /** Whether one more `push` would neither find room nor a place to wait. */
  get isOverflowing(): boolean {
    return this.#waiting.length >= this.#limits.waiting;
  }

  /** @returns whether `item` is in the queue: it is not when there is no room, or others wait */
  add(item: T): boolean {
    if (this.#closed || this.#waiting.length > 0 || !this.#hasRoomFor(item)) return false;
    this.#add(item);
    return true;
  }

  /** @returns true once `item` is in the queue, false when the queue was closed before or nobody more may wait */
  push(item: T): Promise<boolean> {
    if (this.add(item)) return Promise.resolve(true);
    if (this.#closed || this.isOverflowing) return Promise.resolve(false);
    return new Promise((settle) => this.#waiting.push({ item, settle }));
  }

  /** Removes the oldest item and lets in who waits. @returns it, or undefined when the queue is empty */
  shift(): T | undefined {
    const item = this.#items.shift();
    if (item === undefined) return undefined;
    this.#bytes -= this.#lengthOf(item);
    this.#admit();
    return item;
  }

  /** Removes all that are `wanted`, those that wait for room too, and lets in who waits. @returns them in order */
  extract(wanted: (item: T) => boolean): T[] {
    const found: T[] = [];
    const items: T[] = [];
    for (const item of this.#items) (wanted(item) ? found : items).push(item);
    this.#items = items;
    for (const item of found) this.#bytes -= this.#lengthOf(item);
    const waiting: Waiting<T>[] = [];
    for (const one of this.#waiting) {
      if (!wanted(one.item)) waiting.push(one);
      else {
        found.push(one.item);
        one.settle(true);
      }
    }
    this.#waiting = waiting;
    this.#admit();
    return found;
  }

  /** Lets nothing more in; what is in the queue can still be taken. */
  close(): void {
    this.#closed = true;
    for (const { settle } of this.#waiting.splice(0)) settle(false);
  }

  /** Drops what is in the queue, and closes it. */
  clear(): void {
    this.close();
    this.#items = [];
    this.#bytes = 0;
  }

  #admit(): void {
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined || !this.#hasRoomFor(first.item)) return;
      this.#waiting.shift();
      this.#add(first.item);
      first.settle(true);
    }
  }

  #hasRoomFor(item: T): boolean {
    if (this.#items.length === 0) return true;
    return this.#items.length < this.#limits.items &&
      this.#bytes + this.#lengthOf(item) <= this.#limits.bytes;
  }

  #add(item: T): void {
    this.#items.push(item);
    this.#bytes += this.#lengthOf(item);
  }
}
