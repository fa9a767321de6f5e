/**
 * `struct msghdr` and `struct mmsghdr` of Linux on 64-bit machines (recvmsg(2), recvmmsg(2)).
 *
 * ```
 *    0 name              u64 address      32 control           u64 address
 *    8 length of name    u32              40 length of control u64
 *   16 vector            u64 address      48 flags             u32
 *   24 length of vector  u64              56 bytes carried     u32, of mmsghdr alone
 * ```
 * @module
 */

/** Where the fields stand. */
export const MSGHDR = {
  NAME: 0,
  NAME_LENGTH: 8,
  VECTOR: 16,
  VECTOR_LENGTH: 24,
  CONTROL: 32,
  CONTROL_LENGTH: 40,
  CARRIED: 56,
} as const;

/** From one header of an array to the next. */
export const MMSGHDR_BYTES = 64;

const WORD = 0x1_0000_0000;

/** Writes an address in two words, because a bigint would be allocated for it. */
export function writeAddress(view: DataView, at: number, address: number): void {
  view.setUint32(at, address >>> 0, true);
  view.setUint32(at + 4, Math.floor(address / WORD), true);
}
