/**
 * What packets are sealed with where the runtime multiplies 64 by 64 bits and pairs vectors: the cipher of eight blocks,
 * a module of its own that no optimiser may touch (`scripts/cipher/wide_cipher.ts` writes it). It stands in for
 * `cipher.ts` when the wide module is built.
 * @module
 */

import { KEY, WIDE_STATE, WIDE_STREAM } from "./layout";

@external("wide", "rounds")
declare function rounds(): void;
@external("wide", "roundsBeside")
declare function roundsBeside(absorb: usize, units: usize): void;
@external("wide", "roundsBesideAll")
declare function roundsBesideAll(absorb: usize): void;
@external("wide", "initPoly1305")
/** See `poly1305.ts`. */
export declare function initPoly1305(key: usize): void;
@external("wide", "absorbBlocks")
/** See `poly1305.ts`. */
export declare function absorbBlocks(at: usize, count: usize): void;
@external("wide", "finishPoly1305")
/** See `poly1305.ts`. */
export declare function finishPoly1305(pad: usize, tag: usize): void;

/** How many bytes are encrypted at once. */
export const CHUNK_BYTES: usize = 512;
/** Poly1305 takes its bytes meanwhile in units of so many. */
export const UNIT_BYTES: usize = 64;
/** Units that are taken at most beside one chunk: one beside each double round. */
export const MAX_UNITS: usize = 10;

/** To be called once. */
export function init(): void {}

/** Has to be called when the key has changed. */
export function loadKey(): void {
  // The whole state was cleared with the key before.
  spread(0, 0x61707865);
  spread(1, 0x3320646e);
  spread(2, 0x79622d32);
  spread(3, 0x6b206574);
  for (let i: usize = 0; i < 8; i++) spread(4 + i, load<u32>(KEY + (i << 2)));
}

/** Sets the three words of the nonce, and the number of the block of key stream that comes next. */
export function setNonce(first: u32, second: u32, third: u32, block: u32): void {
  setBlock(i32x4.splat(block));
  spread(13, first);
  spread(14, second);
  spread(15, third);
}

/**
 * Encrypts a chunk with the key stream that comes next. `from` may be `to`.
 * @param absorb where Poly1305 reads `units`, all before the first byte is written
 */
export function encryptChunk(from: usize, to: usize, absorb: usize, units: usize): void {
  if (units === 0) rounds();
  else if (units === MAX_UNITS) roundsBesideAll(absorb);
  else roundsBeside(absorb, units);
  // Words 0 to 3 of all blocks are the first 16 bytes of each, and so on; the last four blocks are in the other halves.
  for (let i: usize = 0; i < 64; i += 16) {
    xorLanes(from + i, to + i, WIDE_STREAM + (i << 3));
    xorLanes(from + i + 256, to + i + 256, WIDE_STREAM + (i << 3) + 16);
  }
  const block = WIDE_STATE + 384;
  v128.store(block, i32x4.add(v128.load(block), i32x4.splat(8)));
  v128.store(block, i32x4.add(v128.load(block, 16), i32x4.splat(8)), 16);
}

/** Turns four words of four blocks into 16 bytes of each block, and encrypts with them. */
@inline
function xorLanes(from: usize, to: usize, words: usize): void {
  const a = v128.load(words), b = v128.load(words, 32), c = v128.load(words, 64), d = v128.load(words, 96);
  const ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
  const ef = v128.shuffle<u32>(a, b, 2, 6, 3, 7), gh = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.xor(v128.load(from), v128.shuffle<u64>(ab, cd, 0, 2)));
  v128.store(to, v128.xor(v128.load(from, 64), v128.shuffle<u64>(ab, cd, 1, 3)), 64);
  v128.store(to, v128.xor(v128.load(from, 128), v128.shuffle<u64>(ef, gh, 0, 2)), 128);
  v128.store(to, v128.xor(v128.load(from, 192), v128.shuffle<u64>(ef, gh, 1, 3)), 192);
}

/** Gives a word of the state to all eight blocks. */
@inline
function spread(word: usize, value: u32): void {
  const lanes = i32x4.splat(value);
  v128.store(WIDE_STATE + (word << 5), lanes);
  v128.store(WIDE_STATE + (word << 5), lanes, 16);
}

@inline
function setBlock(first: v128): void {
  v128.store(WIDE_STATE + 384, i32x4.add(first, i32x4(0, 1, 2, 3)));
  v128.store(WIDE_STATE + 384, i32x4.add(first, i32x4(4, 5, 6, 7)), 16);
}
