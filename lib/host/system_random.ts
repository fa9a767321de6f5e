/**
 * The host's randomness.
 * @module
 */

import type { RandomSource } from "../base/mod.ts";

/** `getRandomValues` fills at most this many bytes a call (Web Cryptography §10.1.1). */
const MAX_BYTES_PER_CALL = 65_536;

/** Cryptographically strong bytes from the operating system. */
export const systemRandom: RandomSource = Object.freeze({
  fill(out: Uint8Array): void {
    for (let at = 0; at < out.length; at += MAX_BYTES_PER_CALL) {
      const part = new Uint8Array(Math.min(MAX_BYTES_PER_CALL, out.length - at));
      out.set(crypto.getRandomValues(part), at);
    }
  },
});
