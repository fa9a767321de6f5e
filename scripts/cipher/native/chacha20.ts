/**
 * What ChaCha20 is, whatever the vectors are like (RFC 8439 §2.3).
 * @module
 */

/** "expand 32-byte k", the first four words of the state. */
export const STATE_CONSTANTS = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574] as const;

/** Words of the state: a, b, c and d of a quarter round (RFC 8439 §2.1). */
export type Quarter = readonly [number, number, number, number];

/** The quarter rounds of a column round, and of a diagonal round; two make a double round, of which there are ten. */
export const COLUMN_ROUND: readonly Quarter[] = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [
  3,
  7,
  11,
  15,
]];
/** See `COLUMN_ROUND`. */
export const DIAGONAL_ROUND: readonly Quarter[] = [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [
  3,
  4,
  9,
  14,
]];
/** How many double rounds there are. */
export const DOUBLE_ROUNDS = 10;

/** Where the state has the key, the number of the block, and the nonce, whose last two words are the counter. */
export const KEY_WORD = 4;
/** See `KEY_WORD`. */
export const BLOCK_WORD = 12;
/** See `KEY_WORD`. */
export const NONCE_WORD = 13;
