/**
 * A TUN device of the Linux kernel (Documentation/networking/tuntap.rst).
 *
 * The device is not persistent: the kernel removes it when its last descriptor is closed, so that an agent that
 * is killed leaves no interface behind.
 * @module
 */

import { type Descriptor, DescriptorWait, ERRNO, POLLERR, POLLNVAL } from "../ffi/mod.ts";
import { attachTun, type TunOptions } from "./tun_attach.ts";

/** Bounds the time that one turn of the event loop spends in the kernel. */
const BATCH_PACKETS = 64;

/** Packets that were read together. */
export interface PacketBatch {
  /** How many packets there are, at least 1. */
  readonly count: number;
  /**
   * @param index from 0 to `count - 1`
   * @returns a view of one IP packet, valid until the next `readBatch`
   * @throws RangeError when there is no such packet
   */
  packet(index: number): Uint8Array;
}

/** A layer-3 interface. At most one `readBatch` is under way at a time. */
export interface PacketDevice {
  /** The interface's name, as `ip link` shows it. */
  readonly name: string;
  /** Waits for packets. @returns what has arrived, or undefined when the device is closed or was deleted */
  readBatch(): Promise<PacketBatch | undefined>;
  /** Hands one IP packet to the host. @returns false when it did not take it */
  write(packet: Uint8Array): boolean;
  /** Removes the interface; a read under way returns undefined. Harmless when repeated. */
  close(): void;
}

/**
 * Makes a TUN interface; it is down and has no address.
 * @throws RangeError when the name or MTU is none
 * @throws NoTunDeviceError without the driver, NotPermittedError without CAP_NET_ADMIN, InterfaceExistsError when
 * the name is taken, HostError for anything else
 */
export function openTun(options: TunOptions): PacketDevice {
  return new TunDevice(attachTun(options), options);
}

class TunDevice implements PacketDevice, PacketBatch {
  readonly name: string;
  readonly #descriptor: Descriptor;
  readonly #wait: DescriptorWait;

  // Where packets lie: slot i holds packet i of the batch, and #packets[i] is the part that it fills.
  readonly #slots: readonly Uint8Array<ArrayBuffer>[];
  readonly #packets: Uint8Array[];
  #count = 0;

  constructor(descriptor: Descriptor, { name, mtuBytes }: TunOptions) {
    this.name = name;
    this.#descriptor = descriptor;
    this.#wait = new DescriptorWait(descriptor);
    const memory = new Uint8Array(BATCH_PACKETS * mtuBytes);
    this.#slots = Array.from(
      { length: BATCH_PACKETS },
      (_, i) => memory.subarray(i * mtuBytes, (i + 1) * mtuBytes),
    );
    this.#packets = [...this.#slots];
  }

  get count(): number {
    return this.#count;
  }

  packet(index: number): Uint8Array {
    const packet = index < this.#count ? this.#packets[index] : undefined;
    if (packet === undefined) {
      throw new RangeError(`Cannot give packet ${index}: the batch has ${this.#count}`);
    }
    return packet;
  }

  async readBatch(): Promise<PacketBatch | undefined> {
    if (this.#wait.isWaiting) throw new TypeError(`Cannot read from ${this.name}: a read is under way`);
    this.#count = 0;
    // It polls also when packets wait: each batch then ends a turn of the event loop, and nothing else starves.
    while (!this.#wait.isClosed) {
      const events = await this.#wait.wait();
      if (events === 0 || this.#wait.isClosed) continue;
      const isAlive = this.#drain();
      if (this.#count > 0) return this;
      if (!isAlive || (events & (POLLERR | POLLNVAL)) !== 0) return undefined;
    }
    return undefined;
  }

  write(packet: Uint8Array): boolean {
    if (this.#wait.isClosed || packet.length === 0) return false;
    const { libc, fd } = this.#descriptor;
    return libc.write(fd, packet as Uint8Array<ArrayBuffer>) === packet.length;
  }

  close(): void {
    this.#wait.close();
  }

  /** Reads what waits. @returns false when the interface is gone */
  #drain(): boolean {
    const { libc, fd } = this.#descriptor;
    while (this.#count < BATCH_PACKETS) {
      const slot = this.#slots[this.#count] as Uint8Array<ArrayBuffer>;
      const length = libc.read(fd, slot);
      if (length <= 0) {
        const { errno } = libc;
        return length < 0 && (errno === ERRNO.EAGAIN || errno === ERRNO.EINTR);
      }
      if (this.#packets[this.#count]?.length !== length) {
        this.#packets[this.#count] = slot.subarray(0, length);
      }
      this.#count++;
    }
    return true;
  }
}
