/**
 * Calls of the C library on memory that is given by its address: what a data plane's worker runs on. Nothing is
 * allocated for a call, and a call that waits blocks its thread.
 * @module
 */

import { HostError } from "./host_error.ts";

const SYMBOLS = {
  read: { parameters: ["i32", "usize", "usize"], result: "i32" },
  write: { parameters: ["i32", "usize", "usize"], result: "i32" },
  sendmsg: { parameters: ["i32", "usize", "i32"], result: "i32" },
  recvmsg: { parameters: ["i32", "usize", "i32"], result: "i32" },
  sendmmsg: { parameters: ["i32", "usize", "u32", "i32"], result: "i32" },
  recvmmsg: { parameters: ["i32", "usize", "u32", "i32", "usize"], result: "i32" },
  poll: { parameters: ["usize", "u64", "i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** The address of memory that never moves, such as a shared WebAssembly memory. */
export function addressOf(memory: WebAssembly.Memory): number {
  const pointer = Deno.UnsafePointer.of(new Uint8Array(memory.buffer) as Uint8Array<ArrayBuffer>);
  return Number(Deno.UnsafePointer.value(pointer));
}

/** The calls as a port. Results are those of C: -1 means that `errno` says why. */
export interface RawCalls {
  /** Why the last call on this thread failed. */
  readonly errno: number;
  /** @returns how many bytes were read, or -1 */
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
  /**
   * Waits on this thread.
   * @param descriptors the address of an array of `struct pollfd`
   * @param timeoutMs -1 waits for ever
   */
  poll(descriptors: number, count: number, timeoutMs: number): number;
}

/** The calls, on the thread that made it. */
export class RawIo implements RawCalls {
  readonly #symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  readonly #errno: Int32Array;

  private constructor(symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"]) {
    this.#symbols = symbols;
    const location = symbols.__errno_location();
    // Never null in C; the fallback only satisfies the type.
    const bytes = location === null ? new ArrayBuffer(4) : Deno.UnsafePointerView.getArrayBuffer(location, 4);
    this.#errno = new Int32Array(bytes);
  }

  /** @throws HostError when this is not Linux with the GNU C library, or foreign functions are not allowed */
  static open(): RawIo {
    try {
      return new RawIo(Deno.dlopen("libc.so.6", SYMBOLS).symbols);
    } catch (cause) {
      throw new HostError("Cannot load libc.so.6", {
        hint: "The fast data plane needs Linux with the GNU C library; use --dataplane portable elsewhere.",
        cause,
      });
    }
  }

  get errno(): number {
    return this.#errno[0] ?? 0;
  }

  read(fd: number, address: number, lengthBytes: number): number {
    return this.#symbols.read(fd, address as unknown as bigint, lengthBytes as unknown as bigint);
  }

  write(fd: number, address: number, lengthBytes: number): number {
    return this.#symbols.write(fd, address as unknown as bigint, lengthBytes as unknown as bigint);
  }

  sendmsg(fd: number, message: number): number {
    return this.#symbols.sendmsg(fd, message as unknown as bigint, 0);
  }

  recvmsg(fd: number, message: number): number {
    return this.#symbols.recvmsg(fd, message as unknown as bigint, 0);
  }

  sendmmsg(fd: number, messages: number, count: number): number {
    return this.#symbols.sendmmsg(fd, messages as unknown as bigint, count, 0);
  }

  recvmmsg(fd: number, messages: number, count: number): number {
    return this.#symbols.recvmmsg(fd, messages as unknown as bigint, count, 0, 0 as unknown as bigint);
  }

  poll(descriptors: number, count: number, timeoutMs: number): number {
    return this.#symbols.poll(descriptors as unknown as bigint, count as unknown as bigint, timeoutMs);
  }
}
