/**
 * The Internet checksum (RFC 1071). Sums are of 16-bit words as they stand in memory; their order of bytes does not
 * matter as long as the result is stored the same way (RFC 1071 §2 B).
 * @module
 */

/** @returns the sum of `length` bytes, at most 64 KiB, an odd last one padded with zero */
export function sum(at: usize, length: usize): u64 {
  let a = i32x4.splat(0), b = i32x4.splat(0), c = i32x4.splat(0), d = i32x4.splat(0);
  const end = at + (length & ~63);
  for (; at < end; at += 64) {
    a = i32x4.add(a, pairs(v128.load(at)));
    b = i32x4.add(b, pairs(v128.load(at, 16)));
    c = i32x4.add(c, pairs(v128.load(at, 32)));
    d = i32x4.add(d, pairs(v128.load(at, 48)));
  }
  for (const last = at + (length & 48); at < last; at += 16) a = i32x4.add(a, pairs(v128.load(at)));
  return lanes(i32x4.add(i32x4.add(a, b), i32x4.add(c, d))) + sumRest(at, length & 15);
}

/** @returns a sum in 16 bits, carries added (RFC 1071 §1) */
export function fold(sum: u64): u32 {
  sum = (sum & 0xffff_ffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return <u32> ((sum & 0xffff) + (sum >> 16));
}

/** @returns a number of 16 bits in the order of the network, or back */
export function swap16(value: u32): u32 {
  return ((value & 0xff) << 8) | ((value >> 8) & 0xff);
}

@inline
function pairs(bytes: v128): v128 {
  return i32x4.extadd_pairwise_i16x8_u(bytes);
}

@inline
function lanes(sums: v128): u64 {
  const wide = i64x2.add(i64x2.extend_low_i32x4_u(sums), i64x2.extend_high_i32x4_u(sums));
  return i64x2.extract_lane(wide, 0) + i64x2.extract_lane(wide, 1);
}

@inline
function sumRest(at: usize, length: usize): u64 {
  let total: u64 = 0;
  for (; length >= 2; length -= 2, at += 2) total += load<u16>(at);
  return length === 0 ? total : total + load<u8>(at);
}
