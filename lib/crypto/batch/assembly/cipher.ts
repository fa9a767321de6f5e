/**
 * What packets are sealed with: the cipher of four blocks.
 * @module
 */

import { encrypt256, initChaCha20 } from "./chacha20";
import { BLOCK, NONCE } from "./layout";

export { absorbBlocks, finishPoly1305, initPoly1305 } from "./poly1305";

/** How many bytes are encrypted at once. */
export const CHUNK_BYTES: usize = 256;
/** Poly1305 takes its bytes meanwhile in units of so many. */
export const UNIT_BYTES: usize = 32;
/** Units that are taken at most beside one chunk: one beside each double round. */
export const MAX_UNITS: usize = 10;

/** To be called once. */
export function init(): void {
  initChaCha20();
}

/** Has to be called when the key has changed. */
export function loadKey(): void {}

/** Sets the three words of the nonce, and the number of the block of key stream that comes next. */
export function setNonce(first: u32, second: u32, third: u32, block: u32): void {
  store<u32>(BLOCK, block);
  store<u32>(NONCE, first);
  store<u32>(NONCE, second, 4);
  store<u32>(NONCE, third, 8);
}

@inline
/**
 * Encrypts a chunk with the key stream that comes next. `from` may be `to`.
 * @param absorb where Poly1305 reads `units`, all before the first byte is written
 */
export function encryptChunk(from: usize, to: usize, absorb: usize, units: usize): void {
  encrypt256(from, to, absorb, units);
}
