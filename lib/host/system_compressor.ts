/**
 * Raw deflate (RFC 1951) by the runtime's own library, beside the program's thread.
 * @module
 */

import { constants, deflateRaw, inflateRaw } from "node:zlib";
import { promisify } from "node:util";

/** What is large and repeats itself shrinks at the fastest level already. */
const LEVEL = 1;

const deflate = promisify<Uint8Array, { level: number }, Uint8Array>(deflateRaw);
const inflate = promisify<Uint8Array, { maxOutputLength: number; finishFlush: number }, Uint8Array>(
  inflateRaw,
);

/** Compresses and decompresses within bounds. */
export const systemCompressor: {
  deflate(bytes: Uint8Array): Promise<Uint8Array>;
  inflate(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array | undefined>;
} = {
  /** @returns the compressed bytes */
  async deflate(bytes: Uint8Array): Promise<Uint8Array> {
    return await deflate(bytes, { level: LEVEL });
  },

  /** @returns the bytes, or undefined when they are malformed or more than `maxBytes` */
  async inflate(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array | undefined> {
    try {
      return await inflate(bytes, { maxOutputLength: maxBytes, finishFlush: constants.Z_FINISH });
    } catch {
      return undefined;
    }
  },
};
