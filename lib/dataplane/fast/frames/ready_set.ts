/**
 * Many descriptors behind one, so that those that rest cost nothing.
 * @module
 */

import { EPOLL, EPOLL_EVENT_BYTES, epollToken, type RawCalls, writeEpollEvent } from "../../../host/mod.ts";
import { MAX_READY } from "../engine_memory.ts";

/** Calls and memory of a set. */
export interface ReadySetParts {
  readonly io: RawCalls;
  readonly memory: WebAssembly.Memory;
  /** The memory's address in this process. */
  readonly base: number;
  /** Room for `MAX_READY` events and one more, 16 bytes each. */
  readonly readyAt: number;
}

/** Descriptors, each with a token of 32 bits. */
export class ReadySet {
  readonly #parts: ReadySetParts;
  readonly #view: DataView;
  #followed: ReadonlySet<number> = new Set();
  #fd = -1;

  constructor(parts: ReadySetParts) {
    this.#parts = parts;
    this.#view = new DataView(parts.memory.buffer);
  }

  /** Readable when one of its descriptors is; -1 while there was none. */
  get descriptor(): number {
    return this.#fd;
  }

  /** @returns false when the kernel refuses the descriptor */
  add(fd: number, token: number): boolean {
    const { io, base, readyAt } = this.#parts;
    if (this.#fd < 0) this.#fd = io.epollCreate();
    const at = readyAt + MAX_READY * 16;
    writeEpollEvent(this.#view, at, token);
    return this.#fd >= 0 && io.epollControl(this.#fd, EPOLL.ADD, fd, base + at) >= 0;
  }

  /** Waits for a descriptor no more; harmless when that is closed already. */
  remove(fd: number): void {
    const { io, base, readyAt } = this.#parts;
    if (this.#fd >= 0) io.epollControl(this.#fd, EPOLL.REMOVE, fd, base + readyAt + MAX_READY * 16);
  }

  /** Waits for these of an underlay, and for no others of it. @param firstToken a descriptor's own number is added to it */
  follow(descriptors: Iterable<number>, firstToken: number): void {
    const wanted = new Set(descriptors);
    for (const fd of this.#followed) if (!wanted.has(fd)) this.remove(fd);
    for (const fd of wanted) if (!this.#followed.has(fd)) this.add(fd, firstToken + fd);
    this.#followed = wanted;
  }

  /** @returns how many are ready now, `MAX_READY` at most */
  poll(): number {
    const { io, base, readyAt } = this.#parts;
    return this.#fd < 0 ? 0 : Math.max(0, io.epollReady(this.#fd, base + readyAt, MAX_READY));
  }

  /** The token of the ready descriptor `index`. */
  token(index: number): number {
    return epollToken(this.#view, this.#parts.readyAt + index * EPOLL_EVENT_BYTES);
  }

  /** Closes its own descriptor. */
  close(): void {
    if (this.#fd >= 0) this.#parts.io.close(this.#fd);
    this.#fd = -1;
  }
}
