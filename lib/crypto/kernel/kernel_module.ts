/**
 * The kernel's modules, and instances of them with names and types.
 * @module
 */

import { KERNEL_WASM } from "./gen/kernel_wasm.ts";
import { WIDE_CIPHER_WASM } from "./gen/wide_cipher_wasm.ts";
import { WIDE_KERNEL_WASM } from "./gen/wide_kernel_wasm.ts";

/**
 * Which cipher a kernel has: `baseline` runs wherever there is SIMD; `wide` needs V8's flags
 * `--experimental-wasm-wide-arithmetic`, to run at all, and `--experimental-wasm-revectorize`, to be worth it.
 */
export type KernelTier = "baseline" | "wide";

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

/** The modules of a tier. */
export interface CompiledKernel {
  readonly tier: KernelTier;
  readonly kernel: WebAssembly.Module;
  /** The wide tier's cipher, which the kernel imports. */
  readonly cipher?: WebAssembly.Module;
}

/** @returns whether the runtime takes the modules of `tier`; how fast they are is another matter */
export function canRunKernel(tier: KernelTier): boolean {
  return WebAssembly.validate(decode(tier === "wide" ? WIDE_CIPHER_WASM : KERNEL_WASM));
}

/**
 * Compiles the modules.
 * @throws WebAssembly.CompileError where the runtime lacks what the tier needs
 */
export function compileKernel(tier: KernelTier = "baseline"): CompiledKernel {
  if (tier === "baseline") return { tier, kernel: new WebAssembly.Module(decode(KERNEL_WASM)) };
  const cipher = new WebAssembly.Module(decode(WIDE_CIPHER_WASM));
  return { tier, kernel: new WebAssembly.Module(decode(WIDE_KERNEL_WASM)), cipher };
}

/**
 * Makes memory for a kernel: the baseline's is shared, the wide one's is not, because the runtime pairs no vectors
 * across shared memory.
 * @param pages of 64 KiB
 */
export function kernelMemory(tier: KernelTier, pages: number, maxPages: number = pages): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: pages, maximum: maxPages, shared: tier === "baseline" });
}

/**
 * Makes an instance that works on `memory`, of which nobody else may use the first `KERNEL_BYTES` meanwhile.
 * @param memory of one page at least, shared or not as `kernelMemory` makes it
 * @throws WebAssembly.LinkError when it is not
 */
export function instantiateKernel(compiled: CompiledKernel, memory: WebAssembly.Memory): KernelExports {
  const imports: WebAssembly.Imports = { env: { memory } };
  if (compiled.cipher !== undefined) {
    const { exports } = new WebAssembly.Instance(compiled.cipher, imports);
    imports["wide"] = exports as unknown as WebAssembly.ModuleImports;
  }
  const { exports } = new WebAssembly.Instance(compiled.kernel, imports);
  const kernel = exports as unknown as KernelExports;
  kernel.init();
  return kernel;
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(base64);
}
