/**
 * ChaCha20-Poly1305 by noble, which is readable, runs everywhere and is the oracle for the faster ones, and by the runtime's
 * `node:crypto`, about two and a half times as fast for packets of 1,420 bytes; and the choice when a program starts.
 * @module
 */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { equalBytes } from "../base/mod.ts";
import { type Aead, CounterKey, type NonceCipher, TAG_BYTES } from "./aead.ts";
import { wasmAead, WasmCipher } from "./aead_wasm.ts";
import { requirePlatformCrypto } from "./platform_crypto.ts";

/** The cipher alone. */
export const nobleCipher: NonceCipher = {
  seal(key, nonce, plaintext, data, out, at) {
    const target = out.subarray(at, at + plaintext.length + TAG_BYTES);
    chacha20poly1305(key, nonce, data).encrypt(plaintext, target);
  },
  open(key, nonce, ciphertext, data, out, at) {
    const target = out.subarray(at, at + ciphertext.length - TAG_BYTES);
    try {
      chacha20poly1305(key, nonce, data).decrypt(ciphertext, target);
      return true;
    } catch {
      return false;
    }
  },
};

/** By noble-ciphers. */
export const nobleAead: Aead = {
  name: "noble",
  key: (bytes, isBorrowed) => new CounterKey(bytes, nobleCipher, isBorrowed),
};

const CIPHER = "chacha20-poly1305";
const OPTIONS = { authTagLength: TAG_BYTES };

/** The cipher alone. */
export const platformCipher: NonceCipher = {
  seal(key, nonce, plaintext, data, out, at) {
    const cipher = requirePlatformCrypto().createCipheriv(CIPHER, key, nonce, OPTIONS);
    if (data.length > 0) cipher.setAAD(data, { plaintextLength: plaintext.length });
    out.set(cipher.update(plaintext), at);
    cipher.final();
    out.set(cipher.getAuthTag(), at + plaintext.length);
  },
  open(key, nonce, ciphertext, data, out, at) {
    const length = ciphertext.length - TAG_BYTES;
    const decipher = requirePlatformCrypto().createDecipheriv(CIPHER, key, nonce, OPTIONS);
    if (data.length > 0) decipher.setAAD(data, { plaintextLength: length });
    decipher.setAuthTag(ciphertext.subarray(length));
    const plaintext = decipher.update(ciphertext.subarray(0, length));
    try {
      decipher.final();
    } catch {
      plaintext.fill(0);
      return false;
    }
    out.set(plaintext, at);
    return true;
  },
};

/** By `node:crypto`. */
export const platformAead: Aead = {
  name: "platform",
  key: (bytes, isBorrowed) => new CounterKey(bytes, platformCipher, isBorrowed),
};

/** From how many bytes on the runtime's cipher is faster than WebAssembly: a call of it costs more, a byte less. */
const MIXED_BYTES = 16_384;

/**
 * By WebAssembly where a message is short, by `node:crypto` where it is long.
 * @throws WebAssembly.CompileError where the runtime has no SIMD
 */
export function mixedAead(): Aead {
  const wasm = new WasmCipher();
  const of = ({ length }: Uint8Array) => length < MIXED_BYTES ? wasm : platformCipher;
  const cipher: NonceCipher = {
    seal: (key, nonce, text, data, out, at) => of(text).seal(key, nonce, text, data, out, at),
    open: (key, nonce, text, data, out, at) => of(text).open(key, nonce, text, data, out, at),
  };
  return { name: "baseline and platform", key: (bytes) => new CounterKey(bytes, cipher) };
}

// Fastest first at the size of a packet: at 1,420 bytes 0.7, 0.25 and 0.07 GB/s.
const CANDIDATES: readonly (() => Aead)[] = [wasmAead, () => platformAead];

// What a vectorised cipher treats apart: nothing, less than the first blocks, whole and broken chunks; and what is long.
const LENGTHS = [0, 1, 16, 129, 192, 448, 449, 960, 961, 1420, 2000, MIXED_BYTES];
const COUNTER = 0x1_2345_6789;

/**
 * Chooses by known answers: an implementation must seal as noble does, open that, and refuse a forgery.
 * @param candidates in the order of preference; one that throws is passed over
 * @returns the first that answers right, else noble's
 */
export function selectAead(candidates: readonly (() => Aead)[] = CANDIDATES): Aead {
  for (const make of candidates) {
    try {
      const aead = make();
      if (answersRight(aead)) return aead;
    } catch {
      // It lacks what it needs here.
    }
  }
  return nobleAead;
}

/**
 * Chooses by known answers among what needs no counter: WebAssembly, where that answers right, else noble.
 * @returns a cipher for messages of some kilobytes, whose nonces are the caller's
 */
export function selectNonceCipher(): NonceCipher {
  try {
    const cipher = new WasmCipher();
    if (answersRight({ name: "wasm", key: (bytes) => new CounterKey(bytes, cipher) })) return cipher;
  } catch {
    // It lacks what it needs here.
  }
  return nobleCipher;
}

/** @returns whether an implementation seals as noble does, opens that, and refuses a forgery */
export function answersRight(aead: Aead): boolean {
  const keyBytes = new Uint8Array(32).fill(0x42);
  const data = new Uint8Array(7).fill(9);
  const key = aead.key(keyBytes);
  const oracle = nobleAead.key(keyBytes);
  return LENGTHS.every((length) => {
    const plaintext = Uint8Array.from({ length }, (_, i) => i);
    const sealed = new Uint8Array(length + TAG_BYTES);
    const expected = new Uint8Array(sealed.length);
    const opened = new Uint8Array(length);
    key.seal(COUNTER, plaintext, data, sealed, 0);
    oracle.seal(COUNTER, plaintext, data, expected, 0);
    if (!equalBytes(sealed, expected)) return false;
    if (key.open(COUNTER, sealed, data, opened, 0) !== length || !equalBytes(opened, plaintext)) return false;
    sealed[length >> 1] = (sealed[length >> 1] ?? 0) ^ 1;
    return key.open(COUNTER, sealed, data, opened, 0) === -1;
  });
}
