/**
 * System calls for tests of the fast path: a socket and an interface in memory, and every fault that a test asks for.
 * @module
 */

import {
  encodeSocketAddress,
  EPOLL,
  EPOLL_EVENT_BYTES,
  epollToken,
  ERRNO,
  MMSGHDR_BYTES,
  MSGHDR,
  PMTU_DISCOVERY_PROBE,
  type RawCalls,
  SocketAddressReader,
  UDP_GRO,
  UDP_SEGMENT,
  writeEpollEvent,
} from "../../../host/mod.ts";
import type { Endpoint } from "../../../net/mod.ts";

/** What stands for addresses of this process: whoever forgets to add it touches nothing. */
export const FAKE_BASE = 0x7000_0000;
export const FAKE_TUN_FD = 70;
export const FAKE_UDP_FD = 71;
export const FAKE_WAKE_FD = 72;
export const FAKE_EPOLL_FD = 73;

/** What one send took. */
export interface FakeSend {
  readonly destination: string;
  readonly datagrams: readonly Uint8Array[];
  /** The size that the host was to cut it to; undefined for a single datagram. */
  readonly segmentBytes: number | undefined;
  /** Whether it was never to be cut, whatever the host knows of the path. */
  readonly isProbe: boolean;
}

/** What one receive brings. */
export interface FakeReceive {
  readonly bytes: Uint8Array;
  readonly source: Endpoint;
  /** As UDP_GRO tells it; a socket without it tells nothing. */
  readonly segmentBytes?: number;
}

/** The calls over `memory`, as if it lay at `FAKE_BASE`. */
export class FakeCalls implements RawCalls {
  errno = 0;
  /** What was sent, and how often it was tried. */
  readonly sends: FakeSend[] = [];
  sendCalls = 0;
  receiveCalls = 0;
  /** What the socket and the interface bring next: bytes, or the error of one call. */
  readonly receives: (FakeReceive | number)[] = [];
  readonly frames: (Uint8Array | number)[] = [];
  /** What was written to the interface. */
  readonly written: Uint8Array[] = [];
  /** Milliseconds of each wait that was asked for. */
  readonly waits: number[] = [];
  /** @returns the error of this send, or 0 */
  sendError: (send: FakeSend) => number = () => 0;
  /** @returns the error of this write, or 0 */
  writeError: (frame: Uint8Array, fd: number) => number = () => 0;
  /** What endpoints bring next, and what was written to them, by descriptor. */
  readonly endpointFrames: Map<number, (Uint8Array | number)[]> = new Map();
  readonly writtenTo: Map<number, Uint8Array[]> = new Map();
  /** What is waited for, with its token; what was closed. */
  readonly tokens: Map<number, number> = new Map();
  readonly closed: number[] = [];
  /** Options of sockets as they are now, by level and name. */
  readonly options: Map<string, number> = new Map();
  /** Called by each wait. @returns revents by descriptor */
  onPoll: (timeoutMs: number) => ReadonlyMap<number, number> = () => new Map();
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(memory: WebAssembly.Memory) {
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
  }

  read(fd: number, address: number, lengthBytes: number): number {
    const frames = fd === FAKE_TUN_FD ? this.frames : this.endpointFrames.get(fd);
    const next = frames?.shift() ?? ERRNO.EAGAIN;
    if (typeof next === "number") return this.#fail(next);
    const taken = next.subarray(0, lengthBytes);
    this.#bytes.set(taken, address - FAKE_BASE);
    return taken.length;
  }

  write(fd: number, address: number, lengthBytes: number): number {
    const frame = this.#bytes.slice(address - FAKE_BASE, address - FAKE_BASE + lengthBytes);
    const errno = this.writeError(frame, fd);
    if (errno !== 0) return this.#fail(errno);
    if (fd === FAKE_TUN_FD) this.written.push(frame);
    else this.writtenTo.set(fd, [...this.writtenTo.get(fd) ?? [], frame]);
    return lengthBytes;
  }

  sendmsg(_fd: number, message: number): number {
    this.sendCalls++;
    const at = message - FAKE_BASE;
    const [name, vector, control] = [this.#pointer(at), this.#pointer(at + 16), this.#pointer(at + 32)];
    const start = this.#pointer(vector);
    const lengthBytes = Number(this.#view.getBigUint64(vector + 8, true));
    const controlBytes = Number(this.#view.getBigUint64(at + 40, true));
    let segmentBytes: number | undefined;
    if (controlBytes > 0 && this.#view.getInt32(control + 12, true) === UDP_SEGMENT) {
      segmentBytes = this.#view.getUint16(control + 16, true);
    }
    const datagrams: Uint8Array[] = [];
    const step = segmentBytes ?? lengthBytes;
    for (let from = start; from < start + lengthBytes; from += step) {
      datagrams.push(this.#bytes.slice(from, Math.min(from + step, start + lengthBytes)));
    }
    const destination = new SocketAddressReader().read(this.#bytes, name).toString();
    const isProbe = [...this.options.values()].includes(PMTU_DISCOVERY_PROBE);
    const send = { destination, datagrams, segmentBytes, isProbe };
    const errno = lengthBytes > 65_507
      ? ERRNO.EMSGSIZE
      : datagrams.length > 64
      ? ERRNO.EINVAL
      : this.sendError(send);
    if (errno !== 0) return this.#fail(errno);
    this.sends.push(send);
    return lengthBytes;
  }

  recvmsg(_fd: number, message: number): number {
    this.receiveCalls++;
    const next = this.receives.shift() ?? ERRNO.EAGAIN;
    if (typeof next === "number") return this.#fail(next);
    const at = message - FAKE_BASE;
    const vector = this.#pointer(at + 16);
    const room = Number(this.#view.getBigUint64(vector + 8, true));
    const taken = next.bytes.subarray(0, room);
    this.#bytes.set(taken, this.#pointer(vector));
    this.#bytes.set(encodeSocketAddress(next.source, 6) ?? [], this.#pointer(at));
    let controlBytes = 0;
    if (next.segmentBytes !== undefined) {
      const control = this.#pointer(at + 32);
      this.#view.setBigUint64(control, 20n, true);
      this.#view.setInt32(control + 8, 17, true);
      this.#view.setInt32(control + 12, UDP_GRO, true);
      this.#view.setInt32(control + 16, next.segmentBytes, true);
      controlBytes = 24;
    }
    this.#view.setBigUint64(at + 40, BigInt(controlBytes), true);
    return taken.length;
  }

  sendmmsg(fd: number, messages: number, count: number): number {
    let sent = 0;
    while (sent < count && this.sendmsg(fd, messages + sent * MMSGHDR_BYTES) >= 0) sent++;
    // As many calls as the host has seen.
    this.sendCalls -= Math.min(count - 1, sent);
    return sent > 0 ? sent : -1;
  }

  recvmmsg(fd: number, messages: number, count: number): number {
    let received = 0;
    while (received < count) {
      const message = messages + received * MMSGHDR_BYTES;
      const lengthBytes = this.recvmsg(fd, message);
      if (lengthBytes < 0) break;
      this.#view.setUint32(message - FAKE_BASE + MSGHDR.CARRIED, lengthBytes, true);
      received++;
    }
    this.receiveCalls -= Math.min(count - 1, received);
    return received > 0 ? received : -1;
  }

  option(_fd: number, level: number, option: number): number {
    return this.options.get(`${level} ${option}`) ?? 1;
  }

  setOption(_fd: number, level: number, option: number, value: number): number {
    this.options.set(`${level} ${option}`, value);
    return 0;
  }

  poll(descriptors: number, count: number, timeoutMs: number): number {
    this.waits.push(timeoutMs);
    const ready = this.onPoll(timeoutMs);
    for (let at = descriptors - FAKE_BASE; count > 0; at += 8, count--) {
      this.#view.setInt16(at + 6, ready.get(this.#view.getInt32(at, true)) ?? 0, true);
    }
    return ready.size;
  }

  epollCreate(): number {
    return FAKE_EPOLL_FD;
  }

  epollControl(_epoll: number, operation: number, fd: number, event: number): number {
    if (operation === EPOLL.ADD) this.tokens.set(fd, epollToken(this.#view, event - FAKE_BASE));
    else this.tokens.delete(fd);
    return 0;
  }

  epollReady(_epoll: number, events: number, count: number): number {
    const ready = [...this.tokens].filter(([fd]) => (this.endpointFrames.get(fd)?.length ?? 0) > 0);
    for (const [i, [, token]] of ready.slice(0, count).entries()) {
      writeEpollEvent(this.#view, events - FAKE_BASE + i * EPOLL_EVENT_BYTES, token);
    }
    return Math.min(count, ready.length);
  }

  close(fd: number): void {
    this.closed.push(fd);
  }

  #pointer(at: number): number {
    return Number(this.#view.getBigUint64(at, true)) - FAKE_BASE;
  }

  #fail(errno: number): number {
    this.errno = errno;
    return -1;
  }
}
