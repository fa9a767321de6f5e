/**
 * The kernel's module, and an instance of it with names and types.
 * @module
 */

import { KERNEL_WASM } from "./gen/kernel_wasm.ts";

/** The first byte that is the host's; what stands before is the kernel's own (`assembly/layout.ts`). */
export const KERNEL_BYTES = 0x1_0000;
/** How many datagrams a batch holds at most. */
export const MAX_BATCH = 2048;
/** Bytes that sealing adds in front and behind (WireGuard paper §5.4.6). */
export const MESSAGE_OVERHEAD_BYTES = 32;

/** Where the host writes what a call works with; all lengths in bytes. */
export const KERNEL_LAYOUT = {
  KEY: 0x4c0,
  NONCE: 0x4e4,
  RESULT: 0x520,
  TABLE_AT: 0x2000,
  TABLE_LENGTH: 0x4000,
  TABLE_RESULT: 0x6000,
  TABLE_COUNTER: 0x8000,
  FRAMES: 0xc000,
} as const;

/**
 * What the module exports; all parameters are addresses, lengths and numbers, and nothing is checked. The key has to
 * be put to `KERNEL_LAYOUT.KEY` before each call that seals or opens, which leaves zeroes there.
 */
export interface KernelExports {
  /** Once, before all others. */
  init(): void;
  /** Encrypts `length` bytes at `at` in place, and appends the tag; key and nonce stand in the layout. */
  seal(at: number, length: number, data: number, dataLength: number): void;
  /** Decrypts in place; `length` is without the tag. @returns 1, or 0 when zeroes were written instead of a forgery */
  open(at: number, length: number, data: number, dataLength: number): number;
  /** Seals `count` packets `stride` bytes apart, with 16 bytes before and behind each for header and tag. */
  sealBatch(
    at: number,
    stride: number,
    length: number,
    lastLength: number,
    count: number,
    remoteIndex: number,
    counter: number,
  ): void;
  /** Opens the first `count` messages of the table. */
  openBatch(count: number): void;
  /**
   * Cuts and seals a superframe whose virtio header stands before `at`; `RESULT` has the number of packets, and the
   * length of all messages but the last.
   * @returns the bytes of all messages, 0 when there is too little room, -1 when the header contradicts the packet
   */
  sealSuperframe(
    at: number,
    length: number,
    to: number,
    room: number,
    remoteIndex: number,
    mtu: number,
    counter: number,
  ): number;
  /** Starts to join packets; `joinsUdp` is 1 where the host takes superframes of UDP. */
  beginJoin(joinsUdp: number): void;
  /** Adds a packet, and overwrites the 10 bytes before it. */
  joinPacket(at: number, length: number): void;
  /** @returns how many frames stand in `FRAMES`, each two words: where its virtio header begins, its length with that */
  endJoin(): number;
}

/**
 * Compiles the module.
 * @throws WebAssembly.CompileError where the runtime lacks SIMD
 */
export function compileKernel(): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.fromBase64(KERNEL_WASM));
}

/**
 * Makes an instance that works on `memory`, of which nobody else may use the first `KERNEL_BYTES` meanwhile.
 * @param memory shared, of one page at least
 */
export function instantiateKernel(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelExports {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const kernel = exports as unknown as KernelExports;
  kernel.init();
  return kernel;
}
