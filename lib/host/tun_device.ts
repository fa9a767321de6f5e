/**
 * A TUN device of the Linux kernel (Documentation/networking/tuntap.rst).
 *
 * The device is not persistent: the kernel removes it when its last descriptor is closed, so that an agent that
 * is killed leaves no interface behind.
 * @module
 */

import { HostError } from "./host_error.ts";
import { ERRNO, Libc, O_CLOEXEC, O_NONBLOCK } from "./libc.ts";
import type { PacketBatch, PacketDevice } from "./packet_device.ts";
import { attachTun, type TunOptions } from "./tun_attach.ts";

// asm-generic/poll.h
const POLLIN = 0x1;
const POLLERR = 0x8;
const POLLNVAL = 0x20;

/** Bounds the time that one turn of the event loop spends in the kernel. */
const BATCH_PACKETS = 64;

/**
 * Makes a TUN interface; it is down and has no address.
 * @throws RangeError when the name or MTU is none
 * @throws NoTunDeviceError without the driver, NotPermittedError without CAP_NET_ADMIN, InterfaceExistsError when
 * the name is taken, HostError for anything else
 */
export function openTun(options: TunOptions): PacketDevice {
  const libc = Libc.open();
  let tunFd = -1;
  try {
    tunFd = attachTun(libc, options);
    const wakeFd = libc.eventfd(O_NONBLOCK | O_CLOEXEC);
    if (wakeFd < 0) throw new HostError(`Cannot make an eventfd: error ${libc.errno} of the kernel`);
    return new TunDevice(libc, { ...options, tunFd, wakeFd });
  } catch (error) {
    if (tunFd >= 0) libc.close(tunFd);
    libc.unload();
    throw error;
  }
}

class TunDevice implements PacketDevice, PacketBatch {
  readonly name: string;
  readonly #libc: Libc;
  readonly #tunFd: number;
  readonly #wakeFd: number;
  /** Two `struct pollfd { int fd; short events; short revents }`: the TUN device, then the eventfd. */
  readonly #polled = new Uint8Array(16);
  readonly #polledView = new DataView(this.#polled.buffer);

  // Where packets lie: slot i holds packet i of the batch, and #packets[i] is the part that it fills.
  readonly #slots: readonly Uint8Array<ArrayBuffer>[];
  readonly #packets: Uint8Array[];
  #count = 0;

  // The descriptors are closed only while no poll uses them: the kernel may give their numbers away at once.
  #isPolling = false;
  #isClosed = false;

  constructor(libc: Libc, options: TunOptions & { readonly tunFd: number; readonly wakeFd: number }) {
    this.name = options.name;
    this.#libc = libc;
    this.#tunFd = options.tunFd;
    this.#wakeFd = options.wakeFd;
    const memory = new Uint8Array(BATCH_PACKETS * options.mtuBytes);
    this.#slots = Array.from(
      { length: BATCH_PACKETS },
      (_, i) => memory.subarray(i * options.mtuBytes, (i + 1) * options.mtuBytes),
    );
    this.#packets = [...this.#slots];
    for (const [at, fd] of [[0, this.#tunFd], [8, this.#wakeFd]] as const) {
      this.#polledView.setInt32(at, fd, true);
      this.#polledView.setInt16(at + 4, POLLIN, true);
    }
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
    if (this.#isPolling) throw new TypeError(`Cannot read from ${this.name}: a read is under way`);
    this.#count = 0;
    // It polls also when packets wait: each batch then ends a turn of the event loop, and nothing else starves.
    while (!this.#isClosed) {
      this.#isPolling = true;
      const ready = await this.#libc.poll(this.#polled, -1);
      this.#isPolling = false;
      if (this.#isClosed) {
        this.#release();
        return undefined;
      }
      // A signal interrupted it, or memory was short for a moment.
      if (ready <= 0) continue;
      const isAlive = this.#drain();
      if (this.#count > 0) return this;
      const events = this.#polledView.getInt16(6, true);
      if (!isAlive || (events & (POLLERR | POLLNVAL)) !== 0) return undefined;
    }
    return undefined;
  }

  write(packet: Uint8Array): boolean {
    if (this.#isClosed || packet.length === 0) return false;
    return this.#libc.write(this.#tunFd, packet as Uint8Array<ArrayBuffer>) === packet.length;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isPolling) this.#libc.write(this.#wakeFd, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
    else this.#release();
  }

  /** Reads what waits. @returns false when the interface is gone */
  #drain(): boolean {
    while (this.#count < BATCH_PACKETS) {
      const slot = this.#slots[this.#count] as Uint8Array<ArrayBuffer>;
      const length = this.#libc.read(this.#tunFd, slot);
      if (length <= 0) {
        const { errno } = this.#libc;
        return length < 0 && (errno === ERRNO.EAGAIN || errno === ERRNO.EINTR);
      }
      if (this.#packets[this.#count]?.length !== length) {
        this.#packets[this.#count] = slot.subarray(0, length);
      }
      this.#count++;
    }
    return true;
  }

  #release(): void {
    this.#libc.close(this.#tunFd);
    this.#libc.close(this.#wakeFd);
    this.#libc.unload();
  }
}
