/**
 * Primitives under names that say their role: keys, the AEAD port and its implementations, Diffie-Hellman, hashes,
 * signatures. It draws no randomness of its own, and a secret never shows itself. RFC 7748, 8439, 7693, 8032.
 * @module
 */

export * from "./aead.ts";
export { wasmAead } from "./aead_wasm.ts";
export { nobleAead } from "./aead_noble.ts";
export { platformAead } from "./aead_platform.ts";
export * from "./blake2s.ts";
export * from "./constant_time.ts";
export * from "./ed25519.ts";
export * from "./batch/mod.ts";
export * from "./keys.ts";
export * from "./secret.ts";
export { selectAead } from "./select_aead.ts";
export { nobleX25519, platformX25519, selectX25519, type X25519 } from "./x25519.ts";
export * from "./xchacha.ts";
