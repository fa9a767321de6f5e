/**
 * Recovery keys as texts: an X25519 key pair that an owner keeps away from all nodes. The public half seals, and may stand
 * in any configuration; the secret half opens.
 *
 *     weft-recovery-key1-     base64url of  public key, 32 | BLAKE2s of the text before it and the key, 4
 *     weft-recovery-secret1-  base64url of  private key, 32 | the same of it
 *
 * The digest is there for who types one: a letter that is wrong is told before anything is sealed that nobody can open.
 * @module
 */

import { concatBytes, equalBytes, utf8Bytes } from "../base/mod.ts";
import { blake2s } from "./blake2s.ts";
import { PrivateKey, PublicKey } from "./keys.ts";
import { KEY_BYTES } from "./secret.ts";

const PUBLIC_PREFIX = "weft-recovery-key1-";
const SECRET_PREFIX = "weft-recovery-secret1-";
const DIGEST_BYTES = 4;
const BASE64URL = { alphabet: "base64url", omitPadding: true } as const;

/** @returns the text of the half that seals */
export function recoveryKeyText(key: PublicKey): string {
  return encode(PUBLIC_PREFIX, key.bytes);
}

/** @returns the text of the half that opens; never log it */
export function recoverySecretText(key: PrivateKey): string {
  return encode(SECRET_PREFIX, key.exposeBytes());
}

/** Never throws. @returns the key that seals, or undefined when the text is none */
export function parseRecoveryKey(text: string): PublicKey | undefined {
  const bytes = decode(PUBLIC_PREFIX, text);
  return bytes && PublicKey.fromBytes(bytes);
}

/** Never throws. @returns the key that opens, or undefined when the text is none */
export function parseRecoverySecret(text: string): PrivateKey | undefined {
  const bytes = decode(SECRET_PREFIX, text);
  return bytes && PrivateKey.fromBytes(bytes);
}

/** @returns whether a text is, or was meant to be, the half that nobody may see */
export function isRecoverySecret(text: string): boolean {
  return text.trim().startsWith(SECRET_PREFIX);
}

function encode(prefix: string, key: Uint8Array): string {
  return prefix + concatBytes(key, digest(prefix, key)).toBase64(BASE64URL);
}

function decode(prefix: string, text: string): Uint8Array | undefined {
  const written = text.trim();
  if (!written.startsWith(prefix) || written.length > 128) return undefined;
  try {
    const bytes = Uint8Array.fromBase64(written.slice(prefix.length), { alphabet: "base64url" });
    if (bytes.length !== KEY_BYTES + DIGEST_BYTES) return undefined;
    const key = bytes.subarray(0, KEY_BYTES);
    return equalBytes(bytes.subarray(KEY_BYTES), digest(prefix, key)) ? key : undefined;
  } catch {
    return undefined;
  }
}

function digest(prefix: string, key: Uint8Array): Uint8Array {
  return blake2s(concatBytes(utf8Bytes(prefix), key)).subarray(0, DIGEST_BYTES);
}
