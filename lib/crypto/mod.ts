/**
 * Primitives under names that say their role: keys, the AEAD port and its implementations, Diffie-Hellman, hashes,
 * signatures. It draws no randomness of its own, and a secret never shows itself. RFC 7748, 8439, 7693, 8032.
 * @module
 */

export { type Aead, type AeadKey, CounterKey, NONCE_BYTES, type NonceCipher, TAG_BYTES } from "./aead.ts";
export { wasmAead } from "./aead_wasm.ts";
export * from "./batch/mod.ts";
export { blake2s, blake2sMac, HASH_BYTES, hkdf, hmacBlake2s } from "./blake2s.ts";
export * from "./ed25519.ts";
export * from "./keys.ts";
export * from "./passphrase.ts";
export * from "./recovery_key.ts";
export * from "./secret.ts";
export { mixedAead, nobleAead, platformAead, selectAead, selectNonceCipher } from "./select_aead.ts";
export { loadX25519 } from "./x25519.ts";
export * from "./xchacha.ts";
