/**
 * Secrets for one reader: an ephemeral X25519 key, and what is sealed under the key that follows from both.
 *
 *     ephemeral public key, 32 | XChaCha20-Poly1305 of the secret, its length + 16
 *
 * @module
 */

import { concatBytes, type RandomSource, utf8Bytes } from "../../base/mod.ts";
import {
  blake2sMac,
  KEY_BYTES,
  PrivateKey,
  PublicKey,
  XCHACHA_NONCE_BYTES,
  xchachaOpen,
  xchachaSeal,
} from "../../crypto/mod.ts";

/** What sealing adds to the length of a secret, in bytes. */
export const SEAL_BYTES: number = KEY_BYTES + 16;

const NOTHING = new Uint8Array(0);
/** Every key seals once, so the nonce may be the same. */
const NONCE = new Uint8Array(XCHACHA_NONCE_BYTES);

/**
 * @param label what it is; opened under another label it is nothing
 * @throws RangeError when the reader's key is one of the few that no Diffie-Hellman works with
 */
export function sealFor(
  reader: PublicKey,
  label: string,
  secret: Uint8Array,
  random: RandomSource,
): Uint8Array {
  const ephemeral = PrivateKey.generate(random);
  const shared = ephemeral.sharedSecret(reader);
  if (shared === undefined) throw new RangeError("Cannot seal: the reader's key is of low order");
  const key = keyOf(shared, label, ephemeral.publicKey, reader);
  ephemeral.wipe();
  return concatBytes(ephemeral.publicKey.bytes, xchachaSeal(key, NONCE, secret, NOTHING));
}

/** Never throws. @returns the secret, or undefined when it was not sealed for this reader under this label */
export function openSealed(reader: PrivateKey, label: string, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < SEAL_BYTES) return undefined;
  const ephemeral = PublicKey.fromBytes(sealed.subarray(0, KEY_BYTES));
  const shared = reader.sharedSecret(ephemeral);
  if (shared === undefined) return undefined;
  return xchachaOpen(
    keyOf(shared, label, ephemeral, reader.publicKey),
    NONCE,
    sealed.subarray(KEY_BYTES),
    NOTHING,
  );
}

/**
 * As `sealFor`, and only whoever has the sender's key can have made it: the key follows from the static keys of both, too
 * (as in Noise's one-way pattern X).
 * @throws RangeError when the reader's key is one of the few that no Diffie-Hellman works with
 */
export function sealFrom(
  sender: PrivateKey,
  reader: PublicKey,
  label: string,
  secret: Uint8Array,
  random: RandomSource,
): Uint8Array {
  const ephemeral = PrivateKey.generate(random);
  const [shared, known] = [ephemeral.sharedSecret(reader), sender.sharedSecret(reader)];
  if (shared === undefined || known === undefined) {
    throw new RangeError("Cannot seal: the reader's key is of low order");
  }
  const key = senderKey(keyOf(shared, label, ephemeral.publicKey, reader), known, sender.publicKey);
  ephemeral.wipe();
  return concatBytes(ephemeral.publicKey.bytes, xchachaSeal(key, NONCE, secret, NOTHING));
}

/** Never throws. @returns the secret, or undefined when it was not sealed by this sender for this reader under this label */
export function openFrom(
  reader: PrivateKey,
  sender: PublicKey,
  label: string,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < SEAL_BYTES) return undefined;
  const ephemeral = PublicKey.fromBytes(sealed.subarray(0, KEY_BYTES));
  const [shared, known] = [reader.sharedSecret(ephemeral), reader.sharedSecret(sender)];
  if (shared === undefined || known === undefined) return undefined;
  const key = senderKey(keyOf(shared, label, ephemeral, reader.publicKey), known, sender);
  return xchachaOpen(key, NONCE, sealed.subarray(KEY_BYTES), NOTHING);
}

function senderKey(key: Uint8Array, known: Uint8Array, sender: PublicKey): Uint8Array {
  return blake2sMac(key, 32, utf8Bytes("from"), known, sender.bytes);
}

function keyOf(shared: Uint8Array, label: string, ephemeral: PublicKey, reader: PublicKey): Uint8Array {
  return blake2sMac(shared, 32, utf8Bytes(`weft sealed ${label} v1`), ephemeral.bytes, reader.bytes);
}
