/**
 * The few calls of the C library that Deno does not offer.
 * @module
 */

import { HostError } from "../host_error.ts";

// open, ioctl and fcntl are variadic in C; the Linux ABIs of x86-64 and aarch64 pass their third argument alike.
const SYMBOLS = {
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  ioctlValue: { name: "ioctl", parameters: ["i32", "u64", "u64"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  setns: { parameters: ["i32", "i32"], result: "i32" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  statfs: { parameters: ["buffer", "buffer"], result: "i32" },
  malloc_trim: { parameters: ["usize"], result: "i32" },
  madvise: { parameters: ["u64", "usize", "i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** What `errno` says, of asm-generic/errno.h, as far as weft tells it apart. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  ENOTDIR: 20,
  EINVAL: 22,
  EBADFD: 77,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENOBUFS: 105,
  ENETUNREACH: 101,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
} as const;

// asm-generic/fcntl.h; eventfd and socket take the same values
/** For reading. */
export const O_RDONLY = 0x0;
/** For reading and writing. */
export const O_RDWR = 0x2;
/** Calls that would wait fail with EAGAIN. */
export const O_NONBLOCK = 0x800;
/** Programs that are started do not inherit it. */
export const O_CLOEXEC = 0x80000;

const F_DUPFD_CLOEXEC = 1030;

/** @throws HostError with this hint when the library is not there, or foreign functions are not allowed */
export function loadLibc<const T extends Deno.ForeignLibraryInterface>(
  symbols: T,
  hint: string,
): Deno.DynamicLibrary<T> {
  try {
    return Deno.dlopen("libc.so.6", symbols);
  } catch (cause) {
    throw new HostError("Cannot load libc.so.6", { hint, cause });
  }
}

/** @returns the `errno` of this thread, as the library changes it */
export function errnoAt(location: Deno.PointerValue): Int32Array {
  // Never null in C; the fallback only satisfies the type.
  return new Int32Array(
    location === null ? new ArrayBuffer(4) : Deno.UnsafePointerView.getArrayBuffer(location, 4),
  );
}

/**
 * What one thread has loaded, while anybody in it has the library open. Loading it compiles each of the calls, which
 * takes 5 ms; a node opens a dozen descriptors while it starts.
 */
class LoadedLibrary {
  static #loaded: LoadedLibrary | undefined;

  readonly symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  readonly errno: Int32Array;
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  #users = 0;

  private constructor(library: Deno.DynamicLibrary<typeof SYMBOLS>) {
    this.#library = library;
    this.symbols = library.symbols;
    this.errno = errnoAt(library.symbols.__errno_location());
  }

  /** @returns the library, for one user more @throws HostError */
  static use(): LoadedLibrary {
    const hint = "A network interface needs Linux with the GNU C library; use --rootless elsewhere.";
    const loaded = LoadedLibrary.#loaded ??= new LoadedLibrary(loadLibc(SYMBOLS, hint));
    loaded.#users++;
    return loaded;
  }

  /** Whether somebody has it open. */
  static get isThere(): boolean {
    return LoadedLibrary.#loaded !== undefined;
  }

  /** The last user's takes it out of memory. */
  release(): void {
    if (--this.#users > 0) return;
    LoadedLibrary.#loaded = undefined;
    this.#library.close();
  }
}

/** The library, loaded. Results are those of C: -1 means that `errno` says why. */
export class Libc {
  readonly #symbols: LoadedLibrary["symbols"];
  readonly #errno: Int32Array;
  #loaded: LoadedLibrary | undefined;

  private constructor(loaded: LoadedLibrary) {
    this.#loaded = loaded;
    this.#symbols = loaded.symbols;
    this.#errno = loaded.errno;
  }

  /**
   * Loads the library, unless it is loaded; nothing is loaded before.
   * @throws HostError when this is not Linux with the GNU C library, or foreign functions are not allowed
   */
  static open(): Libc {
    return new Libc(LoadedLibrary.use());
  }

  /** @returns the library where this thread has it loaded anyway; a node without an interface never has */
  static openLoaded(): Libc | undefined {
    return LoadedLibrary.isThere ? Libc.open() : undefined;
  }

  /** Why the last synchronous call on this thread failed. */
  get errno(): number {
    return this.#errno[0] ?? 0;
  }

  /** @returns a descriptor, or -1 */
  open(path: string, flags: number): number {
    return this.#symbols.open(cString(path), flags, 0);
  }

  close(fd: number): void {
    this.#symbols.close(fd);
  }

  ioctl(fd: number, request: number, argument: Uint8Array<ArrayBuffer>): number {
    return this.#symbols.ioctl(fd, BigInt(request), argument);
  }

  /** An ioctl whose argument is a number. @returns -1 when it failed */
  ioctlValue(fd: number, request: number, value: number): number {
    return this.#symbols.ioctlValue(fd, BigInt(request), BigInt(value));
  }

  /** Reads at most `out.length` bytes. @returns how many, or -1 */
  read(fd: number, out: Uint8Array<ArrayBuffer>): number {
    return Number(this.#symbols.read(fd, out, BigInt(out.length)));
  }

  /** @returns how many bytes were written, or -1 */
  write(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
    return Number(this.#symbols.write(fd, bytes, BigInt(bytes.length)));
  }

  eventfd(flags: number): number {
    return this.#symbols.eventfd(0, flags);
  }

  /**
   * Waits on a thread of its own; `errno` does not reach this one.
   * @param descriptors an array of `struct pollfd`, 8 bytes each, alive and untouched until it is done
   * @param timeoutMs -1 waits for ever
   */
  poll(descriptors: Uint8Array<ArrayBuffer>, timeoutMs: number): Promise<number> {
    return this.#symbols.poll(descriptors, BigInt(descriptors.length >> 3), timeoutMs);
  }

  socket(family: number, type: number, protocol: number): number {
    return this.#symbols.socket(family, type, protocol);
  }

  /** @returns two descriptors that are connected to each other, or undefined */
  socketPair(family: number, type: number): readonly [number, number] | undefined {
    const both = new Int32Array(2);
    const result = this.#symbols.socketpair(family, type, 0, new Uint8Array(both.buffer));
    return result < 0 ? undefined : [both[0] ?? -1, both[1] ?? -1];
  }

  /** Moves this thread into another namespace (setns(2)). @returns -1 when it failed */
  enterNamespace(fd: number, type: number): number {
    return this.#symbols.setns(fd, type);
  }

  bind(fd: number, address: Uint8Array<ArrayBuffer>): number {
    return this.#symbols.bind(fd, address, address.length);
  }

  /** Writes the address that `fd` is bound to. @returns -1 when it failed */
  getsockname(fd: number, out: Uint8Array<ArrayBuffer>): number {
    const length = new Uint8Array(Int32Array.of(out.length).buffer);
    return this.#symbols.getsockname(fd, out, length);
  }

  /** @param value 32 bits, or a structure @returns whether the kernel took it */
  setOption(fd: number, level: number, option: number, value: number | Uint8Array<ArrayBuffer>): boolean {
    const bytes = typeof value === "number" ? new Uint8Array(Int32Array.of(value).buffer) : value;
    return this.#symbols.setsockopt(fd, level, option, bytes, bytes.length) >= 0;
  }

  /** @returns another descriptor of the same file or socket, which programs that are started do not inherit, or -1 */
  duplicate(fd: number): number {
    return this.#symbols.fcntl(fd, F_DUPFD_CLOEXEC, 0);
  }

  /** @param address a `struct sockaddr` @returns how many bytes were sent, or -1 */
  sendTo(fd: number, bytes: Uint8Array<ArrayBuffer>, address: Uint8Array<ArrayBuffer>): number {
    return Number(this.#symbols.sendto(fd, bytes, BigInt(bytes.length), 0, address, address.length));
  }

  send(fd: number, bytes: Uint8Array<ArrayBuffer>, flags: number): number {
    return Number(this.#symbols.send(fd, bytes, BigInt(bytes.length), flags));
  }

  recv(fd: number, out: Uint8Array<ArrayBuffer>, flags: number): number {
    return Number(this.#symbols.recv(fd, out, BigInt(out.length), flags));
  }

  /** @param out a `struct statfs` of 64 bits (statfs(2)) @returns -1 when it failed */
  fileSystem(path: string, out: Uint8Array<ArrayBuffer>): number {
    return this.#symbols.statfs(cString(path), out);
  }

  /** @param advice what is to become of the pages in the range (madvise(2)) @returns -1 when it failed */
  adviseMemory(start: bigint, lengthBytes: bigint, advice: number): number {
    return this.#symbols.madvise(start, lengthBytes, advice);
  }

  /** Gives free memory of the library's heap back to the kernel (malloc_trim(3)). */
  trimHeap(): void {
    this.#symbols.malloc_trim(0n);
  }

  /** @returns the interface's index, or 0 when there is none */
  interfaceIndex(name: string): number {
    return this.#symbols.if_nametoindex(cString(name));
  }

  /** Gives the library up; nothing may be called afterwards, and no `poll` may be under way. Harmless when repeated. */
  unload(): void {
    this.#loaded?.release();
    this.#loaded = undefined;
  }
}

/** A descriptor with the library that it was opened by, of whoever has it alone: both go by `close`. */
export class Descriptor {
  readonly libc: Libc;
  readonly fd: number;
  readonly #isBorrowed: boolean;
  #isClosed = false;

  /** @param isBorrowed somebody else closes the descriptor; the library alone goes by `close` */
  constructor(libc: Libc, fd: number, isBorrowed = false) {
    this.libc = libc;
    this.fd = fd;
    this.#isBorrowed = isBorrowed;
  }

  /**
   * @param what for the message of an error, as in `make an eventfd`
   * @param make gives a descriptor, or -1 for `errno`
   * @throws HostError, and what `make` throws
   */
  static open(what: string, make: (libc: Libc) => number): Descriptor {
    const libc = Libc.open();
    try {
      const fd = make(libc);
      if (fd >= 0) return new Descriptor(libc, fd);
      throw new HostError(`Cannot ${what}: error ${libc.errno} of the kernel`);
    } catch (error) {
      libc.unload();
      throw error;
    }
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Nothing may use the descriptor any more. Harmless when repeated. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isBorrowed) this.libc.close(this.fd);
    this.libc.unload();
  }
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text + "\0");
}
