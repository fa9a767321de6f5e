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
} from "./kernel/mod.ts";

const PAGE_BYTES = 0x1_0000;
const INITIAL_PAGES = 3;
// Address space is reserved for it, memory is taken only as it grows.
const MAX_PAGES = 0x4000;

/** The cipher alone, in a memory of its own. Keys are in that memory only while a call runs. */
export class KernelCipher implements NonceCipher {
  readonly #memory: WebAssembly.Memory;
  readonly #kernel: KernelExports;
  #bytes: Uint8Array<ArrayBufferLike>;

  /** @throws WebAssembly.CompileError where the runtime lacks SIMD */
  constructor() {
    this.#memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_PAGES, shared: true });
    this.#kernel = instantiateKernel(compileKernel(), this.#memory);
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

/**
 * By the kernel.
 * @throws WebAssembly.CompileError where the runtime lacks SIMD
 */
export function kernelAead(): Aead {
  const cipher = new KernelCipher();
  return { name: "kernel", key: (bytes) => new CounterKey(bytes, cipher) };
}
