/**
 * Waking a thread that is blocked in `poll`.
 * @module
 */

import { HostError } from "./host_error.ts";
import { Libc, O_CLOEXEC, O_NONBLOCK } from "./libc.ts";

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
