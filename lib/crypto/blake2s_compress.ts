/**
 * The compression function of BLAKE2s (RFC 7693 §3.2). What mixes a block is unrolled by hand: handshake floods are met
 * with it, and noble's, which is its twin in the tests, takes eight times as long.
 * @module
 */

/** Length of a block in bytes. */
export const BLOCK_BYTES = 64;

/** RFC 7693 §2.6. */
export const IV: Int32Array = Int32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);

/** RFC 7693 §2.7: which words of the block each round takes, sixteen a round. */
// deno-fmt-ignore
const SIGMA = Uint8Array.of(
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
  11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
  7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
  9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
  2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
  12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
  13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
  6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
  10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
);

/**
 * Mixes a block into the state.
 * @param state eight words, changed
 * @param words the block's sixteen
 * @param countBytes how many bytes of the message there are up to the end of this block, below 2^32
 * @param isLast whether the message ends with it
 */
export function compress(state: Int32Array, words: Int32Array, countBytes: number, isLast: boolean): void {
  let v0 = state[0] ?? 0;
  let v1 = state[1] ?? 0;
  let v2 = state[2] ?? 0;
  let v3 = state[3] ?? 0;
  let v4 = state[4] ?? 0;
  let v5 = state[5] ?? 0;
  let v6 = state[6] ?? 0;
  let v7 = state[7] ?? 0;
  let v8 = IV[0] ?? 0;
  let v9 = IV[1] ?? 0;
  let v10 = IV[2] ?? 0;
  let v11 = IV[3] ?? 0;
  let v12 = IV[4] ?? 0;
  let v13 = IV[5] ?? 0;
  let v14 = IV[6] ?? 0;
  let v15 = IV[7] ?? 0;
  v12 ^= countBytes;
  if (isLast) v14 = ~v14;
  for (let at = 0; at < SIGMA.length; at += 16) {
    // The columns, then the diagonals: RFC 7693 §3.1's G, written out.
    v0 = (v0 + v4 + (words[SIGMA[at] ?? 0] ?? 0)) | 0;
    v12 ^= v0;
    v12 = (v12 >>> 16) | (v12 << 16);
    v8 = (v8 + v12) | 0;
    v4 ^= v8;
    v4 = (v4 >>> 12) | (v4 << 20);
    v0 = (v0 + v4 + (words[SIGMA[at + 1] ?? 0] ?? 0)) | 0;
    v12 ^= v0;
    v12 = (v12 >>> 8) | (v12 << 24);
    v8 = (v8 + v12) | 0;
    v4 ^= v8;
    v4 = (v4 >>> 7) | (v4 << 25);

    v1 = (v1 + v5 + (words[SIGMA[at + 2] ?? 0] ?? 0)) | 0;
    v13 ^= v1;
    v13 = (v13 >>> 16) | (v13 << 16);
    v9 = (v9 + v13) | 0;
    v5 ^= v9;
    v5 = (v5 >>> 12) | (v5 << 20);
    v1 = (v1 + v5 + (words[SIGMA[at + 3] ?? 0] ?? 0)) | 0;
    v13 ^= v1;
    v13 = (v13 >>> 8) | (v13 << 24);
    v9 = (v9 + v13) | 0;
    v5 ^= v9;
    v5 = (v5 >>> 7) | (v5 << 25);

    v2 = (v2 + v6 + (words[SIGMA[at + 4] ?? 0] ?? 0)) | 0;
    v14 ^= v2;
    v14 = (v14 >>> 16) | (v14 << 16);
    v10 = (v10 + v14) | 0;
    v6 ^= v10;
    v6 = (v6 >>> 12) | (v6 << 20);
    v2 = (v2 + v6 + (words[SIGMA[at + 5] ?? 0] ?? 0)) | 0;
    v14 ^= v2;
    v14 = (v14 >>> 8) | (v14 << 24);
    v10 = (v10 + v14) | 0;
    v6 ^= v10;
    v6 = (v6 >>> 7) | (v6 << 25);

    v3 = (v3 + v7 + (words[SIGMA[at + 6] ?? 0] ?? 0)) | 0;
    v15 ^= v3;
    v15 = (v15 >>> 16) | (v15 << 16);
    v11 = (v11 + v15) | 0;
    v7 ^= v11;
    v7 = (v7 >>> 12) | (v7 << 20);
    v3 = (v3 + v7 + (words[SIGMA[at + 7] ?? 0] ?? 0)) | 0;
    v15 ^= v3;
    v15 = (v15 >>> 8) | (v15 << 24);
    v11 = (v11 + v15) | 0;
    v7 ^= v11;
    v7 = (v7 >>> 7) | (v7 << 25);

    v0 = (v0 + v5 + (words[SIGMA[at + 8] ?? 0] ?? 0)) | 0;
    v15 ^= v0;
    v15 = (v15 >>> 16) | (v15 << 16);
    v10 = (v10 + v15) | 0;
    v5 ^= v10;
    v5 = (v5 >>> 12) | (v5 << 20);
    v0 = (v0 + v5 + (words[SIGMA[at + 9] ?? 0] ?? 0)) | 0;
    v15 ^= v0;
    v15 = (v15 >>> 8) | (v15 << 24);
    v10 = (v10 + v15) | 0;
    v5 ^= v10;
    v5 = (v5 >>> 7) | (v5 << 25);

    v1 = (v1 + v6 + (words[SIGMA[at + 10] ?? 0] ?? 0)) | 0;
    v12 ^= v1;
    v12 = (v12 >>> 16) | (v12 << 16);
    v11 = (v11 + v12) | 0;
    v6 ^= v11;
    v6 = (v6 >>> 12) | (v6 << 20);
    v1 = (v1 + v6 + (words[SIGMA[at + 11] ?? 0] ?? 0)) | 0;
    v12 ^= v1;
    v12 = (v12 >>> 8) | (v12 << 24);
    v11 = (v11 + v12) | 0;
    v6 ^= v11;
    v6 = (v6 >>> 7) | (v6 << 25);

    v2 = (v2 + v7 + (words[SIGMA[at + 12] ?? 0] ?? 0)) | 0;
    v13 ^= v2;
    v13 = (v13 >>> 16) | (v13 << 16);
    v8 = (v8 + v13) | 0;
    v7 ^= v8;
    v7 = (v7 >>> 12) | (v7 << 20);
    v2 = (v2 + v7 + (words[SIGMA[at + 13] ?? 0] ?? 0)) | 0;
    v13 ^= v2;
    v13 = (v13 >>> 8) | (v13 << 24);
    v8 = (v8 + v13) | 0;
    v7 ^= v8;
    v7 = (v7 >>> 7) | (v7 << 25);

    v3 = (v3 + v4 + (words[SIGMA[at + 14] ?? 0] ?? 0)) | 0;
    v14 ^= v3;
    v14 = (v14 >>> 16) | (v14 << 16);
    v9 = (v9 + v14) | 0;
    v4 ^= v9;
    v4 = (v4 >>> 12) | (v4 << 20);
    v3 = (v3 + v4 + (words[SIGMA[at + 15] ?? 0] ?? 0)) | 0;
    v14 ^= v3;
    v14 = (v14 >>> 8) | (v14 << 24);
    v9 = (v9 + v14) | 0;
    v4 ^= v9;
    v4 = (v4 >>> 7) | (v4 << 25);
  }
  state[0] = (state[0] ?? 0) ^ v0 ^ v8;
  state[1] = (state[1] ?? 0) ^ v1 ^ v9;
  state[2] = (state[2] ?? 0) ^ v2 ^ v10;
  state[3] = (state[3] ?? 0) ^ v3 ^ v11;
  state[4] = (state[4] ?? 0) ^ v4 ^ v12;
  state[5] = (state[5] ?? 0) ^ v5 ^ v13;
  state[6] = (state[6] ?? 0) ^ v6 ^ v14;
  state[7] = (state[7] ?? 0) ^ v7 ^ v15;
}
