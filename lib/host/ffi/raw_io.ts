/**
 * Calls of the C library on memory that is given by its address: what a data plane's worker runs on. Nothing is
 * allocated for a call, and a call that waits blocks its thread.
 * @module
 */

import { type Millis, millis } from "../../base/mod.ts";
import { errnoAt, loadLibc, O_CLOEXEC } from "./libc.ts";

/**
 * Addresses go in as pointer objects: a number in the place of 64 bits makes V8 throw its optimised code away again and
 * again, because it expects a BigInt there; lengths of 64 bits as well. Buffers whose place changes go in by way of a
 * `struct iovec`; what is read goes to few places, and read(2) is a seventh faster than readv(2).
 */
const SYMBOLS = {
  read: { parameters: ["i32", "pointer", "pointer"], result: "i32" },
  writev: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  recvmsg: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  sendmmsg: { parameters: ["i32", "pointer", "u32", "i32"], result: "i32" },
  recvmmsg: { parameters: ["i32", "pointer", "u32", "i32", "pointer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "pointer", "pointer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "pointer", "u32"], result: "i32" },
  poll: { parameters: ["pointer", "u32", "i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "pointer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "pointer", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "pointer"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;
/** A `struct iovec` as 32-bit words: address, length. */
const VECTOR_WORDS = 4;
const WORD = 0x1_0000_0000;
/** linux/time.h */
const CLOCK_BOOTTIME = 7;

/** The address of memory that never moves: a WebAssembly memory, or what stands outside of the heap, as all but tiny arrays do. */
export function addressOf(memory: { readonly buffer: ArrayBufferLike }): number {
  const pointer = Deno.UnsafePointer.of(new Uint8Array(memory.buffer) as Uint8Array<ArrayBuffer>);
  return Number(Deno.UnsafePointer.value(pointer));
}

/** The calls as a port. Results are those of C: -1 means that `errno` says why. */
export interface RawCalls {
  /** Why the last call on this thread failed. */
  readonly errno: number;
  /** Reads to one of few places, which are remembered. @returns how many bytes were read, or -1 */
  read(fd: number, address: number, lengthBytes: number): number;
  /** @returns how many bytes were written, or -1 */
  write(fd: number, address: number, lengthBytes: number): number;
  /** @param message the address of a `struct msghdr` @returns how many bytes were sent, or -1 */
  sendmsg(fd: number, message: number): number;
  /** @param message the address of a `struct msghdr` @returns how many bytes were received, or -1 */
  recvmsg(fd: number, message: number): number;
  /**
   * @param messages the address of an array of `struct mmsghdr`
   * @returns how many were sent: fewer than `count` when the next one failed, -1 when the first did
   */
  sendmmsg(fd: number, messages: number, count: number): number;
  /** @param messages the address of an array of `struct mmsghdr` @returns how many were received, or -1 */
  recvmmsg(fd: number, messages: number, count: number): number;
  /** @returns 32 bits, or -1 when there is no such option */
  option(fd: number, level: number, option: number): number;
  /** @param value 32 bits @returns -1 when the kernel did not take it */
  setOption(fd: number, level: number, option: number, value: number): number;
  /**
   * Waits on this thread.
   * @param descriptors the address of an array of `struct pollfd`
   * @param timeoutMs -1 waits for ever
   */
  poll(descriptors: number, count: number, timeoutMs: number): number;
  /** @returns a descriptor that is readable when one of those is that were added to it, or -1 (epoll(7)) */
  epollCreate(): number;
  /**
   * Adds a descriptor, or takes it away.
   * @param operation one of `EPOLL`
   * @param event the address of a `struct epoll_event` @returns -1 when it failed
   */
  epollControl(epoll: number, operation: number, fd: number, event: number): number;
  /**
   * Asks which descriptors are ready, and waits for none.
   * @param events the address of an array of `struct epoll_event` @returns how many there are, or -1
   */
  epollReady(epoll: number, events: number, count: number): number;
  /** Closes a descriptor that was made by these calls. */
  close(fd: number): void;
}

/** The calls, on the thread that made it. */
export class RawIo implements RawCalls {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  readonly #errno: Int32Array;
  /** A `struct timespec` as 32-bit words: seconds, nanoseconds. */
  readonly #time = new Uint32Array(new ArrayBuffer(16));
  readonly #timePointer: Deno.PointerValue = Deno.UnsafePointer.of(this.#time);
  /** The value of an option, and its length. */
  readonly #option = new Int32Array(new ArrayBuffer(8));
  readonly #optionLengthPointer: Deno.PointerValue = Deno.UnsafePointer.of(this.#option.subarray(1));
  readonly #optionPointer: Deno.PointerValue = Deno.UnsafePointer.of(this.#option);
  readonly #vector = new Uint32Array(new ArrayBuffer(VECTOR_WORDS * 4));
  readonly #vectorPointer: Deno.PointerValue = Deno.UnsafePointer.of(this.#vector);
  /** Of structures and places to read to, and of lengths, which are few and stay what they are. */
  readonly #pointers = new Map<number, Deno.PointerValue>();

  private constructor(library: Deno.DynamicLibrary<typeof SYMBOLS>) {
    this.#library = library;
    this.#symbols = library.symbols;
    this.#errno = errnoAt(library.symbols.__errno_location());
  }

  /** @throws HostError when this is not Linux with the GNU C library, or foreign functions are not allowed */
  static open(): RawIo {
    const hint =
      "The fast data plane needs Linux with the GNU C library; use --dataplane portable elsewhere.";
    return new RawIo(loadLibc(SYMBOLS, hint));
  }

  get errno(): number {
    return this.#errno[0] ?? 0;
  }

  /** The time since the machine started, that in which it slept included: so old is a session for its other end. */
  now(): Millis {
    this.#symbols.clock_gettime(CLOCK_BOOTTIME, this.#timePointer);
    const time = this.#time;
    return millis(((time[1] ?? 0) * WORD + (time[0] ?? 0)) * 1000 + (time[2] ?? 0) / 1e6);
  }

  read(fd: number, address: number, lengthBytes: number): number {
    return this.#symbols.read(fd, this.#pointer(address), this.#pointer(lengthBytes));
  }

  write(fd: number, address: number, lengthBytes: number): number {
    this.#describe(address, lengthBytes);
    return this.#symbols.writev(fd, this.#vectorPointer, 1);
  }

  sendmsg(fd: number, message: number): number {
    return this.#symbols.sendmsg(fd, this.#pointer(message), 0);
  }

  recvmsg(fd: number, message: number): number {
    return this.#symbols.recvmsg(fd, this.#pointer(message), 0);
  }

  sendmmsg(fd: number, messages: number, count: number): number {
    return this.#symbols.sendmmsg(fd, this.#pointer(messages), count, 0);
  }

  recvmmsg(fd: number, messages: number, count: number): number {
    return this.#symbols.recvmmsg(fd, this.#pointer(messages), count, 0, null);
  }

  option(fd: number, level: number, option: number): number {
    this.#option[1] = 4;
    const pointer = this.#optionPointer;
    const result = this.#symbols.getsockopt(fd, level, option, pointer, this.#optionLengthPointer);
    return result < 0 ? result : this.#option[0] ?? 0;
  }

  setOption(fd: number, level: number, option: number, value: number): number {
    this.#option[0] = value;
    return this.#symbols.setsockopt(fd, level, option, this.#optionPointer, 4);
  }

  poll(descriptors: number, count: number, timeoutMs: number): number {
    return this.#symbols.poll(this.#pointer(descriptors), count, timeoutMs);
  }

  epollCreate(): number {
    return this.#symbols.epoll_create1(O_CLOEXEC);
  }

  epollControl(epoll: number, operation: number, fd: number, event: number): number {
    return this.#symbols.epoll_ctl(epoll, operation, fd, this.#pointer(event));
  }

  epollReady(epoll: number, events: number, count: number): number {
    return this.#symbols.epoll_wait(epoll, this.#pointer(events), count, 0);
  }

  close(fd: number): void {
    this.#symbols.close(fd);
  }

  /** Unloads the library; nothing may be called afterwards. */
  unload(): void {
    this.#library.close();
  }

  #describe(address: number, lengthBytes: number): void {
    const vector = this.#vector;
    vector[0] = address % WORD;
    vector[1] = Math.floor(address / WORD);
    vector[2] = lengthBytes;
  }

  #pointer(address: number): Deno.PointerValue {
    const known = this.#pointers.get(address);
    if (known !== undefined) return known;
    const pointer = Deno.UnsafePointer.create(BigInt(address));
    this.#pointers.set(address, pointer);
    return pointer;
  }
}
