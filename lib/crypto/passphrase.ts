/**
 * Keys from passphrases, by scrypt (RFC 7914).
 * @module
 */

import { scryptAsync } from "@noble/hashes/scrypt.js";
import { utf8Bytes } from "../base/mod.ts";
import { KEY_BYTES } from "./secret.ts";

/** Length of the salt in bytes: RFC 7914 names no least, 16 is what others use. */
export const PASSPHRASE_SALT_BYTES = 16;

// RFC 7914 §2: 2^17 blocks of 8 · 128 bytes are 128 MiB for each guess, and about a second of one core.
const COST = { N: 1 << 17, r: 8, p: 1, dkLen: KEY_BYTES } as const;

/** Makes a key of a passphrase and a salt. */
export type PassphraseKdf = (passphrase: string, salt: Uint8Array) => Promise<Uint8Array>;

/**
 * The event loop goes on meanwhile. Letters that look the same and are typed as other code points give the same key.
 * @param salt 16 random bytes
 * @returns 32 bytes
 */
export async function passphraseKey(passphrase: string, salt: Uint8Array): Promise<Uint8Array> {
  return await scryptAsync(utf8Bytes(passphrase.normalize("NFKC")), salt, COST);
}
