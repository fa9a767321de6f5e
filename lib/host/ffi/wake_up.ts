/**
 * Waiting for descriptors, and ending such a wait from elsewhere.
 * @module
 */

import { HostError } from "../host_error.ts";
import { Libc, O_CLOEXEC, O_NONBLOCK } from "./libc.ts";
import { polledEvents, POLLFD_BYTES, writePollfd } from "./structures.ts";

const ONE: Uint8Array<ArrayBuffer> = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

/** An eventfd: readable from a call of `wake` until somebody reads it (eventfd(2)). */
export class WakeUp {
  /** For the other thread's `poll`; does not block. */
  readonly fd: number;
  readonly #libc: Libc;
  #isClosed = false;

  /** @throws HostError when the kernel has no descriptor left */
  constructor() {
    this.#libc = Libc.open();
    this.fd = this.#libc.eventfd(O_NONBLOCK | O_CLOEXEC);
    if (this.fd >= 0) return;
    const { errno } = this.#libc;
    this.#libc.unload();
    throw new HostError(`Cannot make an eventfd: error ${errno} of the kernel`);
  }

  /** Wakes whoever waits. */
  wake(): void {
    if (!this.#isClosed) this.#libc.write(this.fd, ONE);
  }

  /** Nothing may wait on it any more. Harmless when repeated. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#libc.close(this.fd);
    this.#libc.unload();
  }
}

/** Waits off the event loop for a descriptor to be readable; closes it when nobody waits any more. */
export class DescriptorWait {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #wakeUp: WakeUp;
  readonly #polled = new Uint8Array(2 * POLLFD_BYTES);
  readonly #view = new DataView(this.#polled.buffer);
  // The descriptors are closed only while no poll uses them: the kernel may give their numbers away at once.
  #isWaiting = false;
  #isClosed = false;

  /**
   * @param libc unloaded with the descriptor
   * @throws HostError when the kernel has no descriptor left; both stay the caller's then
   */
  constructor(libc: Libc, fd: number) {
    this.#wakeUp = new WakeUp();
    this.#libc = libc;
    this.#fd = fd;
    writePollfd(this.#view, 0, fd);
    writePollfd(this.#view, POLLFD_BYTES, this.#wakeUp.fd);
  }

  /** Whether a `wait` is under way. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Whether `close` was called; a `wait` that was under way then has 0 events. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @returns the descriptor's events; 0 when it was closed, a signal came, or memory was short for a moment */
  async wait(): Promise<number> {
    this.#isWaiting = true;
    const ready = await this.#libc.poll(this.#polled, -1);
    this.#isWaiting = false;
    if (this.#isClosed) this.#release();
    return this.#isClosed || ready <= 0 ? 0 : polledEvents(this.#view, 0);
  }

  /** Ends a `wait` and closes the descriptor. Harmless when repeated. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isWaiting) this.#wakeUp.wake();
    else this.#release();
  }

  #release(): void {
    this.#wakeUp.close();
    this.#libc.close(this.#fd);
    this.#libc.unload();
  }
}
