/**
 * Where the module keeps what in the first 64 KiB of its memory; all that follows is the host's.
 *
 *     0x0400  state of cipher and joining    0x4000  table: length of each datagram
 *     0x0800  head of a superpacket           0x6000  table: length of each plaintext, or -1
 *     0x0a00  key stream and last blocks     0x8000  table: counter of each datagram, as f64
 *     0x2000  table: where datagrams are     0xc000  frames: where; how long, and their tags above
 *
 * @module
 */

/** Byte shuffles that rotate each 32-bit lane left by 16 and by 8. */
export const ROTATE_16: usize = 0x400;
/** See `ROTATE_16`. */
export const ROTATE_8: usize = 0x410;
/** Poly1305: its key and accumulator, up to twelve words of 64 bits. */
export const POLY: usize = 0x440;
/** Words 4 to 15 of ChaCha20's state: the key, the number of the next block, the nonce (RFC 8439 §2.3). */
export const KEY: usize = 0x4c0;
/** See `KEY`. */
export const BLOCK: usize = KEY + 32;
/** See `KEY`: 12 bytes. */
export const NONCE: usize = KEY + 36;
/** The half of the one-time key that is added at the end, and the tag that was computed. */
export const PAD: usize = 0x500;
/** See `PAD`. */
export const TAG: usize = 0x510;
/** What a call returns beside its result: two words. */
export const RESULT: usize = 0x520;
/** State of joining. */
export const JOIN: usize = 0x540;
/** What is encrypted to get bare key stream. */
export const ZEROES: usize = 0x600;
/** The head that all packets of a superpacket begin with. */
export const HEAD: usize = 0x800;
/** The longest head of a superpacket: IP with extensions, and TCP with options. */
export const MAX_HEAD_BYTES: usize = 0x200;
/** The first chunk of a packet's key stream: 64 bytes for Poly1305, the rest for the text. */
export const STREAM: usize = 0xa00;
/** The same of the packet that comes next. */
export const NEXT_STREAM: usize = 0xc00;
/** Key stream for the part of a packet that fills no chunk. */
export const REST: usize = 0xe00;
/** The last blocks that Poly1305 takes, padded, and the block of lengths; up to 34 of 16 bytes. */
export const TAIL: usize = 0x1000;
/** Where secrets end. */
export const SCRATCH_END: usize = 0x1800;

/** How many datagrams a batch holds at most. */
export const MAX_BATCH: usize = 2048;
/** Tables of a batch, `MAX_BATCH` entries each. */
export const TABLE_AT: usize = 0x2000;
/** See `TABLE_AT`. */
export const TABLE_LENGTH: usize = 0x4000;
/** See `TABLE_AT`. */
export const TABLE_RESULT: usize = 0x6000;
/** See `TABLE_AT`. */
export const TABLE_COUNTER: usize = 0x8000;
/** See `TABLE_AT`. */
export const FRAMES: usize = 0xc000;
