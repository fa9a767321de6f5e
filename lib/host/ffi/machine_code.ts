/**
 * Machine code in memory of its own, which is writable or executable but never both (W^X), and calls of it.
 *
 *     guard page | code: written, then executable | guard page | context: read and written | guard page
 *
 * @module
 */

import { HostError } from "../host_error.ts";
import { loadLibc } from "./libc.ts";

const SYMBOLS = {
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  mprotect: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  bsearch: { parameters: ["pointer", "pointer", "usize", "usize", "pointer"], result: "pointer" },
} as const;

// asm-generic/mman-common.h
const PROT = { NONE: 0, READ: 1, WRITE: 2, EXEC: 4 } as const;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
/** The smallest page of a processor that the code may be for. */
const PAGE_BYTES = 4096;
/** For the library: one element of one byte. */
const ONE = 1n;

// deno-lint-ignore no-explicit-any -- an address has no type of its own
type Address = Deno.PointerObject<any>;

/** Functions that get the address of their context and return 0; whatever they do, they do not come back to JavaScript. */
export class MachineCode {
  /** What the functions work with; it stays where it is until `unload`. */
  readonly context: Uint8Array<ArrayBuffer>;
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #base: Address;
  readonly #lengthBytes: number;
  readonly #codeAt: Address;
  readonly #contextAt: Address;
  /** By where they are entered. */
  readonly #functions = new Map<number, Address>();

  private constructor(library: Deno.DynamicLibrary<typeof SYMBOLS>, code: Uint8Array, contextBytes: number) {
    const [codeBytes, dataBytes] = [wholePages(code.length), wholePages(contextBytes)];
    const lengthBytes = codeBytes + dataBytes + 3 * PAGE_BYTES;
    const { mmap, mprotect } = library.symbols;
    const base = mmap(null, BigInt(lengthBytes), PROT.NONE, MAP_PRIVATE_ANONYMOUS, -1, 0n);
    if (base === null || BigInt(Deno.UnsafePointer.value(base)) === MAP_FAILED) {
      throw new HostError("Cannot map memory for machine code");
    }
    this.#library = library;
    this.#base = base;
    this.#lengthBytes = lengthBytes;
    this.#codeAt = offset(base, PAGE_BYTES);
    this.#contextAt = offset(base, PAGE_BYTES + codeBytes + PAGE_BYTES);
    const protect = (address: Address, bytes: number, protection: number) =>
      mprotect(address, BigInt(bytes), protection) === 0;
    const isReady = protect(this.#contextAt, dataBytes, PROT.READ | PROT.WRITE) &&
      protect(this.#codeAt, codeBytes, PROT.READ | PROT.WRITE);
    if (isReady) viewOf(this.#codeAt, codeBytes).set(code);
    if (!isReady || !protect(this.#codeAt, codeBytes, PROT.READ | PROT.EXEC)) {
      library.symbols.munmap(base, BigInt(lengthBytes));
      throw new HostError("Cannot make memory executable", {
        hint: "The host forbids it: see MemoryDenyWriteExecute of systemd, or execmem of SELinux.",
      });
    }
    this.context = viewOf(this.#contextAt, dataBytes);
  }

  /**
   * Loads code that runs wherever it stands.
   * @param contextBytes how much memory its functions work with
   * @throws HostError where this is not Linux with the GNU C library, or the host allows no foreign functions or no code
   * that is made at run time
   */
  static load(code: Uint8Array, contextBytes: number): MachineCode {
    const library = loadLibc(SYMBOLS, "Machine code needs Linux with the GNU C library.");
    try {
      return new MachineCode(library, code, contextBytes);
    } catch (error) {
      library.close();
      throw error;
    }
  }

  /**
   * Calls the function that begins so many bytes into the code.
   *
   * bsearch(3) does it: of one element it calls the comparison once, with the key first, and V8 calls functions of a
   * library at once. The call of a bare address by `Deno.UnsafeFnPointer` takes 0.5 to 1 us more, as long as sealing
   * half a packet or a whole one, and makes garbage.
   */
  call(entry: number): void {
    let address = this.#functions.get(entry);
    if (address === undefined) this.#functions.set(entry, address = offset(this.#codeAt, entry));
    this.#library.symbols.bsearch(this.#contextAt, this.#contextAt, ONE, ONE, address);
  }

  /** Gives the memory back; nothing may be called, and the context not be touched, afterwards. */
  unload(): void {
    this.#library.symbols.munmap(this.#base, BigInt(this.#lengthBytes));
    this.#library.close();
  }
}

function wholePages(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

function offset(address: Address, bytes: number): Address {
  // Never null, for `address` is not.
  return Deno.UnsafePointer.offset(address, bytes) as Address;
}

function viewOf(address: Address, bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(address, bytes));
}
