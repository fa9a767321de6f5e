/**
 * ChaCha20 on four blocks at once, with Poly1305 beside it: the vector units work on one while the multipliers work on
 * the other (RFC 8439 §2.3, §2.5).
 * @module
 */

import { absorbPair } from "./poly1305";
import { BLOCK, KEY, ROTATE_16, ROTATE_8 } from "./layout";

/** Writes the shuffles; to be called once. */
export function initChaCha20(): void {
  v128.store(ROTATE_16, i8x16(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
  v128.store(ROTATE_8, i8x16(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14));
}

// With all indices below 16 it is the same as the strict one, and a single instruction.
@inline
function swizzle(lanes: v128, by: v128): v128 {
  return i8x16.relaxed_swizzle(lanes, by);
}

@inline
function rotate12(lanes: v128): v128 {
  return v128.or(i32x4.shl(lanes, 12), i32x4.shr_u(lanes, 20));
}

@inline
function rotate7(lanes: v128): v128 {
  return v128.or(i32x4.shl(lanes, 7), i32x4.shr_u(lanes, 25));
}

@inline
function word(offset: usize): v128 {
  return v128.load32_splat(KEY + offset);
}

@inline
function blockNumbers(): v128 {
  return i32x4.add(v128.load32_splat(BLOCK), i32x4(0, 1, 2, 3));
}

/**
 * Encrypts 256 bytes with the next four blocks of key stream, and counts them. `from` may be `to`.
 *
 * @param absorb where Poly1305 reads `2 * pairs` blocks, all before the first byte is written; at most ten
 */
export function encrypt256(from: usize, to: usize, absorb: usize, pairs: usize): void {
  const by16 = v128.load(ROTATE_16), by8 = v128.load(ROTATE_8);
  let x0 = i32x4.splat(0x61707865), x1 = i32x4.splat(0x3320646e);
  let x2 = i32x4.splat(0x79622d32), x3 = i32x4.splat(0x6b206574);
  let x4 = word(0), x5 = word(4), x6 = word(8), x7 = word(12);
  let x8 = word(16), x9 = word(20), x10 = word(24), x11 = word(28);
  let x12 = blockNumbers(), x13 = word(36), x14 = word(40), x15 = word(44);
  for (let i: usize = 0; i < 10; i++) {
    if (i < pairs) {
      absorbPair(absorb);
      absorb += 32;
    }
    x0 = i32x4.add(x0, x4); x1 = i32x4.add(x1, x5);
    x2 = i32x4.add(x2, x6); x3 = i32x4.add(x3, x7);
    x12 = swizzle(v128.xor(x12, x0), by16); x13 = swizzle(v128.xor(x13, x1), by16);
    x14 = swizzle(v128.xor(x14, x2), by16); x15 = swizzle(v128.xor(x15, x3), by16);
    x8 = i32x4.add(x8, x12); x9 = i32x4.add(x9, x13);
    x10 = i32x4.add(x10, x14); x11 = i32x4.add(x11, x15);
    x4 = rotate12(v128.xor(x4, x8)); x5 = rotate12(v128.xor(x5, x9));
    x6 = rotate12(v128.xor(x6, x10)); x7 = rotate12(v128.xor(x7, x11));
    x0 = i32x4.add(x0, x4); x1 = i32x4.add(x1, x5);
    x2 = i32x4.add(x2, x6); x3 = i32x4.add(x3, x7);
    x12 = swizzle(v128.xor(x12, x0), by8); x13 = swizzle(v128.xor(x13, x1), by8);
    x14 = swizzle(v128.xor(x14, x2), by8); x15 = swizzle(v128.xor(x15, x3), by8);
    x8 = i32x4.add(x8, x12); x9 = i32x4.add(x9, x13);
    x10 = i32x4.add(x10, x14); x11 = i32x4.add(x11, x15);
    x4 = rotate7(v128.xor(x4, x8)); x5 = rotate7(v128.xor(x5, x9));
    x6 = rotate7(v128.xor(x6, x10)); x7 = rotate7(v128.xor(x7, x11));
    x0 = i32x4.add(x0, x5); x1 = i32x4.add(x1, x6);
    x2 = i32x4.add(x2, x7); x3 = i32x4.add(x3, x4);
    x15 = swizzle(v128.xor(x15, x0), by16); x12 = swizzle(v128.xor(x12, x1), by16);
    x13 = swizzle(v128.xor(x13, x2), by16); x14 = swizzle(v128.xor(x14, x3), by16);
    x10 = i32x4.add(x10, x15); x11 = i32x4.add(x11, x12);
    x8 = i32x4.add(x8, x13); x9 = i32x4.add(x9, x14);
    x5 = rotate12(v128.xor(x5, x10)); x6 = rotate12(v128.xor(x6, x11));
    x7 = rotate12(v128.xor(x7, x8)); x4 = rotate12(v128.xor(x4, x9));
    x0 = i32x4.add(x0, x5); x1 = i32x4.add(x1, x6);
    x2 = i32x4.add(x2, x7); x3 = i32x4.add(x3, x4);
    x15 = swizzle(v128.xor(x15, x0), by8); x12 = swizzle(v128.xor(x12, x1), by8);
    x13 = swizzle(v128.xor(x13, x2), by8); x14 = swizzle(v128.xor(x14, x3), by8);
    x10 = i32x4.add(x10, x15); x11 = i32x4.add(x11, x12);
    x8 = i32x4.add(x8, x13); x9 = i32x4.add(x9, x14);
    x5 = rotate7(v128.xor(x5, x10)); x6 = rotate7(v128.xor(x6, x11));
    x7 = rotate7(v128.xor(x7, x8)); x4 = rotate7(v128.xor(x4, x9));
  }
  x0 = i32x4.add(x0, i32x4.splat(0x61707865));
  x1 = i32x4.add(x1, i32x4.splat(0x3320646e));
  x2 = i32x4.add(x2, i32x4.splat(0x79622d32));
  x3 = i32x4.add(x3, i32x4.splat(0x6b206574));
  xorLanes(from, to, x0, x1, x2, x3);
  xorLanes(from + 16, to + 16, i32x4.add(x4, word(0)), i32x4.add(x5, word(4)), i32x4.add(x6, word(8)), i32x4.add(x7, word(12)));
  xorLanes(from + 32, to + 32, i32x4.add(x8, word(16)), i32x4.add(x9, word(20)), i32x4.add(x10, word(24)), i32x4.add(x11, word(28)));
  xorLanes(from + 48, to + 48, i32x4.add(x12, blockNumbers()), i32x4.add(x13, word(36)), i32x4.add(x14, word(40)), i32x4.add(x15, word(44)));
  store<u32>(BLOCK, load<u32>(BLOCK) + 4);
}

@inline
/** Turns four words of four blocks into 16 bytes of each block, and encrypts with them. */
function xorLanes(from: usize, to: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
  const ef = v128.shuffle<u32>(a, b, 2, 6, 3, 7), gh = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.xor(v128.load(from), v128.shuffle<u64>(ab, cd, 0, 2)));
  v128.store(to, v128.xor(v128.load(from, 64), v128.shuffle<u64>(ab, cd, 1, 3)), 64);
  v128.store(to, v128.xor(v128.load(from, 128), v128.shuffle<u64>(ef, gh, 0, 2)), 128);
  v128.store(to, v128.xor(v128.load(from, 192), v128.shuffle<u64>(ef, gh, 1, 3)), 192);
}
