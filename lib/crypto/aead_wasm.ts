/**
 * ChaCha20-Poly1305 by our own WebAssembly, one packet at a time: what leaves JavaScript is copied into the cipher's memory
 * and back, which costs little beside the cipher.
 * @module
 */

import { type Aead, CounterKey, type NonceCipher, TAG_BYTES } from "./aead.ts";
import {
  CIPHER_BYTES,
  CIPHER_LAYOUT,
  type CipherExports,
  cipherMemory,
  instantiateCipher,
} from "./wasm_module.ts";

const PAGE_BYTES = 0x1_0000;
const INITIAL_PAGES = 3;
// Address space is reserved for it, memory is taken only as it grows.
const MAX_PAGES = 0x4000;

/** The cipher alone, in a memory of its own. Keys are in that memory only while a call runs. */
export class WasmCipher implements NonceCipher {
  readonly #memory: WebAssembly.Memory;
  readonly #wasm: CipherExports;
  #bytes: Uint8Array<ArrayBufferLike>;

  /** @throws WebAssembly.CompileError where the runtime has no SIMD */
  constructor() {
    this.#memory = cipherMemory(INITIAL_PAGES, MAX_PAGES);
    this.#wasm = instantiateCipher(this.#memory);
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
    this.#wasm.seal(text, plaintext.length, CIPHER_BYTES, data.length);
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
    if (this.#wasm.open(text, length, CIPHER_BYTES, data.length) === 0) return false;
    out.set(this.#bytes.subarray(text, text + length), at);
    return true;
  }

  /** @returns where the text stands */
  #load(key: Uint8Array, nonce: Uint8Array, data: Uint8Array, text: Uint8Array): number {
    const at = CIPHER_BYTES + ((data.length + 15) & ~15);
    const missing = at + text.length + TAG_BYTES - this.#bytes.length;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
      this.#bytes = new Uint8Array(this.#memory.buffer);
    }
    this.#bytes.set(key, CIPHER_LAYOUT.KEY);
    this.#bytes.set(nonce, CIPHER_LAYOUT.NONCE);
    if (data.length > 0) this.#bytes.set(data, CIPHER_BYTES);
    this.#bytes.set(text, at);
    return at;
  }
}

/** A key that a batch cipher takes too. */
export class WasmKey extends CounterKey {
  /**
   * Hands the key to a batch cipher for one call.
   * @param memory of that cipher
   * @param at where it looks for the key
   * @returns false when the key was wiped
   */
  load(memory: Uint8Array, at: number = CIPHER_LAYOUT.KEY): boolean {
    return this.copyTo(memory, at);
  }
}

/**
 * By our own WebAssembly.
 * @throws WebAssembly.CompileError where the runtime has no SIMD
 */
export function wasmAead(): Aead {
  const cipher = new WasmCipher();
  return { name: "baseline cipher", key: (bytes, isBorrowed) => new WasmKey(bytes, cipher, isBorrowed) };
}
