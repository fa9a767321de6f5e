/**
 * ChaCha20-Poly1305 by our own kernel, one packet at a time: what leaves JavaScript is copied into the kernel's memory
 * and back, which costs little beside the cipher.
 * @module
 */

import { type Aead, TAG_BYTES } from "./aead.ts";
import { CounterKey, type NonceCipher } from "./counter_key.ts";
import {
  compileKernel,
  instantiateKernel,
  KERNEL_BYTES,
  KERNEL_LAYOUT,
  type KernelExports,
  kernelMemory,
  type KernelTier,
} from "./kernel/kernel_module.ts";

const PAGE_BYTES = 0x1_0000;
const INITIAL_PAGES = 3;
// Address space is reserved for it, memory is taken only as it grows.
const MAX_PAGES = 0x4000;

/** The cipher alone, in a memory of its own. Keys are in that memory only while a call runs. */
export class KernelCipher implements NonceCipher {
  readonly #memory: WebAssembly.Memory;
  readonly #kernel: KernelExports;
  #bytes: Uint8Array<ArrayBufferLike>;

  /** @throws WebAssembly.CompileError where the runtime lacks what the tier needs */
  constructor(tier: KernelTier = "baseline") {
    this.#memory = kernelMemory(tier, INITIAL_PAGES, MAX_PAGES);
    this.#kernel = instantiateKernel(compileKernel(tier), this.#memory);
    this.#bytes = new Uint8Array(this.#memory.buffer);
  }

  seal(
    key: Uint8Array,
    nonce: Uint8Array,
    plaintext: Uint8Array,
    data: Uint8Array,
    out: Uint8Array,
    at: number,
  ): void {
    const text = this.#load(key, nonce, data, plaintext);
    this.#kernel.seal(text, plaintext.length, KERNEL_BYTES, data.length);
    out.set(this.#bytes.subarray(text, text + plaintext.length + TAG_BYTES), at);
  }

  open(
    key: Uint8Array,
    nonce: Uint8Array,
    ciphertext: Uint8Array,
    data: Uint8Array,
    out: Uint8Array,
    at: number,
  ): boolean {
    const text = this.#load(key, nonce, data, ciphertext);
    const length = ciphertext.length - TAG_BYTES;
    if (this.#kernel.open(text, length, KERNEL_BYTES, data.length) === 0) return false;
    out.set(this.#bytes.subarray(text, text + length), at);
    return true;
  }

  /** @returns where the text stands */
  #load(key: Uint8Array, nonce: Uint8Array, data: Uint8Array, text: Uint8Array): number {
    const at = KERNEL_BYTES + ((data.length + 15) & ~15);
    const missing = at + text.length + TAG_BYTES - this.#bytes.length;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
      this.#bytes = new Uint8Array(this.#memory.buffer);
    }
    this.#bytes.set(key, KERNEL_LAYOUT.KEY);
    this.#bytes.set(nonce, KERNEL_LAYOUT.NONCE);
    if (data.length > 0) this.#bytes.set(data, KERNEL_BYTES);
    this.#bytes.set(text, at);
    return at;
  }
}

/** A key that the kernel can also use for whole batches. */
export class KernelKey extends CounterKey {
  readonly #bytes: Uint8Array;
  #isGone = false;

  /**
   * @param bytes 32 of them, copied
   * @throws RangeError when the length is wrong
   */
  constructor(bytes: Uint8Array, cipher: KernelCipher) {
    super(bytes, cipher);
    this.#bytes = bytes.slice();
  }

  /**
   * Hands the key to a kernel for one call.
   * @param memory of that kernel
   * @returns false when the key was wiped
   */
  load(memory: Uint8Array): boolean {
    if (this.#isGone) return false;
    memory.set(this.#bytes, KERNEL_LAYOUT.KEY);
    return true;
  }

  override wipe(): void {
    super.wipe();
    this.#bytes.fill(0);
    this.#isGone = true;
  }
}

/**
 * By the kernel.
 * @throws WebAssembly.CompileError where the runtime lacks what the tier needs
 */
export function kernelAead(tier: KernelTier = "baseline"): Aead {
  const cipher = new KernelCipher(tier);
  return { name: tier === "wide" ? "wide kernel" : "kernel", key: (bytes) => new KernelKey(bytes, cipher) };
}
