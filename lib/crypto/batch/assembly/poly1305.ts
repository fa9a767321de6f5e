/**
 * Poly1305 (RFC 8439 §2.5) in limbs of 32 bits, each in a 64-bit word so that sums of products need no carries. The
 * uppermost limb has 34 bits and more, up to 2^130, which saves a fifth one.
 * @module
 */

import { POLY } from "./layout";

const LOW: u64 = 0xffff_ffff;
const LOW_34: u64 = 0x3_ffff_ffff;
/** What is added to each block: 2^128. */
const HIGH_BIT: u64 = 0x1_0000_0000;

/** Starts with the first half of the one-time key at `key`, clamped (RFC 8439 §2.5.1). */
export function initPoly1305(key: usize): void {
  const r0: u64 = load<u32>(key) & 0x0fff_ffff, r1: u64 = load<u32>(key, 4) & 0x0fff_fffc;
  const r2: u64 = load<u32>(key, 8) & 0x0fff_fffc, r3: u64 = load<u32>(key, 12) & 0x0fff_fffc;
  store<u64>(POLY, r0);
  store<u64>(POLY, r1, 8);
  store<u64>(POLY, r2, 16);
  store<u64>(POLY, r3, 24);
  // 2^128 is 5/4 modulo 2^130 - 5, and the clamped limbs are multiples of four.
  store<u64>(POLY, r1 + (r1 >> 2), 32);
  store<u64>(POLY, r2 + (r2 >> 2), 40);
  store<u64>(POLY, r3 + (r3 >> 2), 48);
  memory.fill(POLY + 56, 0, 32);
}

// In units of 2^60: r is below 1/16 of 2^32, s below 5/4 of that. With what a block adds, h0 is below 3.25 * 2^32, h1 and
// h2 below 2 * 2^32, h3 below 6 * 2^32; so the largest sum, the first one, stays below 3.25 + 2.5 + 2.5 + 7.5 < 16.
@inline
function sum(a: u64, w: u64, b: u64, x: u64, c: u64, y: u64, d: u64, z: u64): u64 {
  return a * w + b * x + c * y + d * z;
}

@inline
/** What stands above bit 130 comes back times five; `d3` counts units of 2^96. */
function fold(d0: u64, d3: u64): u64 {
  const above = d3 >> 34;
  return (d0 & LOW) + above + (above << 2);
}

@inline
/** h = (h + block + 2^128) * r for two blocks one after the other, not fully reduced. */
export function absorbPair(at: usize): void {
  const r0 = load<u64>(POLY), r1 = load<u64>(POLY, 8), r2 = load<u64>(POLY, 16), r3 = load<u64>(POLY, 24);
  const s1 = load<u64>(POLY, 32), s2 = load<u64>(POLY, 40), s3 = load<u64>(POLY, 48);
  let low = load<u64>(at), high = load<u64>(at, 8);
  let h0 = load<u64>(POLY, 56) + (low & LOW), h1 = load<u64>(POLY, 64) + (low >> 32);
  let h2 = load<u64>(POLY, 72) + (high & LOW), h3 = load<u64>(POLY, 80) + (high >> 32) + HIGH_BIT;
  let d0 = sum(h0, r0, h1, s3, h2, s2, h3, s1);
  let d1 = sum(h0, r1, h1, r0, h2, s3, h3, s2) + (d0 >> 32);
  let d2 = sum(h0, r2, h1, r1, h2, r0, h3, s3) + (d1 >> 32);
  let d3 = sum(h0, r3, h1, r2, h2, r1, h3, r0) + (d2 >> 32);
  low = load<u64>(at, 16);
  high = load<u64>(at, 24);
  h0 = fold(d0, d3) + (low & LOW);
  h1 = (d1 & LOW) + (low >> 32);
  h2 = (d2 & LOW) + (high & LOW);
  h3 = (d3 & LOW_34) + (high >> 32) + HIGH_BIT;
  d0 = sum(h0, r0, h1, s3, h2, s2, h3, s1);
  d1 = sum(h0, r1, h1, r0, h2, s3, h3, s2) + (d0 >> 32);
  d2 = sum(h0, r2, h1, r1, h2, r0, h3, s3) + (d1 >> 32);
  d3 = sum(h0, r3, h1, r2, h2, r1, h3, r0) + (d2 >> 32);
  store<u64>(POLY, fold(d0, d3), 56);
  store<u64>(POLY, d1 & LOW, 64);
  store<u64>(POLY, d2 & LOW, 72);
  store<u64>(POLY, d3 & LOW_34, 80);
}

/** The same for one block. */
function absorbBlock(at: usize): void {
  const r0 = load<u64>(POLY), r1 = load<u64>(POLY, 8), r2 = load<u64>(POLY, 16), r3 = load<u64>(POLY, 24);
  const s1 = load<u64>(POLY, 32), s2 = load<u64>(POLY, 40), s3 = load<u64>(POLY, 48);
  const low = load<u64>(at), high = load<u64>(at, 8);
  const h0 = load<u64>(POLY, 56) + (low & LOW), h1 = load<u64>(POLY, 64) + (low >> 32);
  const h2 = load<u64>(POLY, 72) + (high & LOW), h3 = load<u64>(POLY, 80) + (high >> 32) + HIGH_BIT;
  const d0 = sum(h0, r0, h1, s3, h2, s2, h3, s1);
  const d1 = sum(h0, r1, h1, r0, h2, s3, h3, s2) + (d0 >> 32);
  const d2 = sum(h0, r2, h1, r1, h2, r0, h3, s3) + (d1 >> 32);
  const d3 = sum(h0, r3, h1, r2, h2, r1, h3, r0) + (d2 >> 32);
  store<u64>(POLY, fold(d0, d3), 56);
  store<u64>(POLY, d1 & LOW, 64);
  store<u64>(POLY, d2 & LOW, 72);
  store<u64>(POLY, d3 & LOW_34, 80);
}

/** Takes `count` blocks of 16 bytes. */
export function absorbBlocks(at: usize, count: usize): void {
  for (const end = at + (count >> 1 << 5); at < end; at += 32) absorbPair(at);
  if ((count & 1) !== 0) absorbBlock(at);
}

/** Reduces, adds the second half of the one-time key at `pad`, and writes the tag (RFC 8439 §2.5.1). */
export function finishPoly1305(pad: usize, tag: usize): void {
  let h0 = load<u64>(POLY, 56), h1 = load<u64>(POLY, 64), h2 = load<u64>(POLY, 72), h3 = load<u64>(POLY, 80);
  // Twice, since the first carry out of bit 130 may carry again.
  for (let i = 0; i < 2; i++) {
    h1 += h0 >> 32;
    h2 += h1 >> 32;
    h3 += h2 >> 32;
    h0 = fold(h0, h3);
    h1 &= LOW;
    h2 &= LOW;
    h3 &= LOW_34;
  }
  h1 += h0 >> 32;
  h0 &= LOW;
  // Subtracts p = 2^130 - 5 when h is not below it: then h + 5 reaches bit 130.
  const g0 = h0 + 5, g1 = h1 + (g0 >> 32), g2 = h2 + (g1 >> 32), g3 = h3 + (g2 >> 32);
  const mask: u64 = 0 - ((g3 >> 34) & 1);
  h0 ^= mask & (h0 ^ (g0 & LOW));
  h1 ^= mask & (h1 ^ (g1 & LOW));
  h2 ^= mask & (h2 ^ (g2 & LOW));
  h3 ^= mask & (h3 ^ (g3 & LOW));
  h0 += load<u32>(pad);
  h1 += (h0 >> 32) + load<u32>(pad, 4);
  h2 += (h1 >> 32) + load<u32>(pad, 8);
  h3 += (h2 >> 32) + load<u32>(pad, 12);
  store<u32>(tag, <u32>h0);
  store<u32>(tag, <u32>h1, 4);
  store<u32>(tag, <u32>h2, 8);
  store<u32>(tag, <u32>h3, 12);
}
