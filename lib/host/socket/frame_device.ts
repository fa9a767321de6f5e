/**
 * Frames to and from a descriptor on the event loop: a TAP without virtio headers, a packet socket, one of a pair of
 * sockets.
 * @module
 */

import { Descriptor, DescriptorWait, ERRNO, Libc, POLLERR, POLLNVAL } from "../ffi/mod.ts";

/** Bounds the time that one turn of the event loop spends in the kernel. */
const BATCH_FRAMES = 64;

/** Reads and writes a descriptor that does not block, and that somebody else closes once `run` has returned. */
export class FrameDevice {
  readonly #descriptor: Descriptor;
  readonly #wait: DescriptorWait;

  /** @throws HostError without the C library, or when the kernel has no descriptor left */
  constructor(fd: number) {
    this.#descriptor = new Descriptor(Libc.open(), fd, true);
    this.#wait = new DescriptorWait(this.#descriptor);
  }

  /**
   * Waits for frames and hands over each.
   * @param room where they are read to, one after the other; longer ones are cut off
   * @param take is told how long the frame is that lies in `room`
   * @returns when the device is gone, or is released
   */
  async run(
    room: Uint8Array<ArrayBuffer>,
    take: (lengthBytes: number) => void,
  ): Promise<"gone" | "released"> {
    while (!this.#wait.isClosed) {
      const events = await this.#wait.wait();
      if (events === 0 || this.#wait.isClosed) continue;
      const { isAlive, count } = this.#drain(room, take);
      if (!isAlive || (count === 0 && (events & (POLLERR | POLLNVAL)) !== 0)) {
        const isReleased = this.#wait.isClosed;
        this.release();
        return isReleased ? "released" : "gone";
      }
    }
    return "released";
  }

  /** @returns whether the device took the frame */
  write(frame: Uint8Array): boolean {
    if (this.#wait.isClosed) return false;
    return this.#descriptor.libc.write(this.#descriptor.fd, frame as Uint8Array<ArrayBuffer>) ===
      frame.length;
  }

  /** Ends `run`. Harmless when repeated. */
  release(): void {
    this.#wait.close();
  }

  #drain(
    room: Uint8Array<ArrayBuffer>,
    take: (lengthBytes: number) => void,
  ): { readonly isAlive: boolean; readonly count: number } {
    const { libc, fd } = this.#descriptor;
    for (let count = 0; count < BATCH_FRAMES; count++) {
      if (this.#wait.isClosed) return { isAlive: true, count };
      const lengthBytes = libc.read(fd, room);
      if (lengthBytes > 0) take(lengthBytes);
      else {
        const { errno } = libc;
        // Nothing to read is the end of a pair's other end.
        const isLater = errno === ERRNO.EAGAIN || errno === ERRNO.EINTR || errno === ERRNO.ENETDOWN;
        return { isAlive: lengthBytes < 0 && isLater, count };
      }
    }
    return { isAlive: true, count: BATCH_FRAMES };
  }
}
