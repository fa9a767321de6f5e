/**
 * Waiting for descriptors, and ending such a wait from elsewhere.
 * @module
 */

import { Descriptor, Libc, O_CLOEXEC, O_NONBLOCK } from "./libc.ts";
import { polledEvents, POLLFD_BYTES, writePollfd } from "./structures.ts";

const ONE: Uint8Array<ArrayBuffer> = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

/** An eventfd: readable from a call of `wake` until somebody reads it (eventfd(2)). */
export class WakeUp {
  /** @throws HostError when the kernel has no descriptor left */
  readonly #descriptor = Descriptor.open(
    "make an eventfd",
    (libc) => libc.eventfd(O_NONBLOCK | O_CLOEXEC),
  );

  /** For the other thread's `poll`; does not block. */
  get fd(): number {
    return this.#descriptor.fd;
  }

  /** Wakes whoever waits. */
  wake(): void {
    const { libc, fd, isClosed } = this.#descriptor;
    if (!isClosed) libc.write(fd, ONE);
  }

  /** Nothing may wait on it any more. Harmless when repeated. */
  close(): void {
    this.#descriptor.close();
  }
}

/** Waits off the event loop for a descriptor to be readable; closes it when nobody waits any more. */
export class DescriptorWait {
  readonly #descriptor: Descriptor;
  readonly #wakeUp: WakeUp;
  readonly #polled = new Uint8Array(2 * POLLFD_BYTES);
  readonly #view = new DataView(this.#polled.buffer);
  // The descriptors are closed only while no poll uses them: the kernel may give their numbers away at once.
  #isWaiting = false;
  #isClosed = false;

  /** @throws HostError when the kernel has no descriptor left; this one is closed then, too */
  constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
    try {
      this.#wakeUp = new WakeUp();
    } catch (error) {
      descriptor.close();
      throw error;
    }
    writePollfd(this.#view, 0, descriptor.fd);
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
    const ready = await this.#descriptor.libc.poll(this.#polled, -1);
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
    this.#descriptor.close();
  }
}

/** Waits for a descriptor that was made elsewhere; it is closed with the wait. @throws HostError */
export function waitForDescriptor(fd: number): DescriptorWait {
  return new DescriptorWait(new Descriptor(Libc.open(), fd));
}

/** Waits once, off the event loop, until one of several descriptors is readable. They stay whose they are. */
export class FirstReadable {
  readonly #wakeUp = new WakeUp();
  readonly #libc = Libc.open();
  readonly #waiting: Promise<number>;
  #isClosed = false;

  /** @throws HostError when the kernel has no descriptor left */
  constructor(fds: readonly number[]) {
    const polled = new Uint8Array((fds.length + 1) * POLLFD_BYTES);
    const view = new DataView(polled.buffer);
    [...fds, this.#wakeUp.fd].forEach((fd, i) => writePollfd(view, i * POLLFD_BYTES, fd));
    this.#waiting = this.#libc.poll(polled, -1).finally(() => {
      this.#wakeUp.close();
      this.#libc.unload();
    });
  }

  /** Whether `close` was called. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Settles when there is something to read, or to look for; with false when it was closed before. */
  async wait(): Promise<boolean> {
    await this.#waiting;
    return !this.#isClosed;
  }

  /** Ends the wait; the descriptors may be closed when that has settled. Harmless when repeated. */
  close(): void {
    this.#isClosed = true;
    this.#wakeUp.wake();
  }
}
