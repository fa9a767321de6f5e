/**
 * Making Ed25519 signatures (RFC 8032): the platform's implementation, which is constant time and 20 times as fast, with
 * noble as the fallback and as the oracle of the tests. Signatures are deterministic, so both make the same; what is
 * checked is checked by noble alone, which is as strict as the RFC.
 * @module
 */

import { ed25519 as noble } from "@noble/curves/ed25519.js";
import { exportPublicKey, importPrivateKey, requirePlatformCrypto } from "./platform_crypto.ts";

/** What makes keys and signatures of seeds of 32 bytes. */
export interface Ed25519Signer {
  readonly name: string;
  /** @returns the 32-byte public key of a seed */
  publicKey(seed: Uint8Array): Uint8Array;
  /** @returns the 64-byte signature */
  sign(message: Uint8Array, seed: Uint8Array): Uint8Array;
}

// RFC 8410 §7: PKCS #8 wraps the bare 32 bytes in a constant prefix.
const PKCS8_PREFIX = Uint8Array.fromHex("302e020100300506032b657004220420");

/** By the runtime's `node:crypto`. */
export const platformSigner: Ed25519Signer = {
  name: "platform",
  publicKey: (seed) => exportPublicKey(importPrivateKey(PKCS8_PREFIX, seed)),
  sign(message, seed) {
    return new Uint8Array(
      requirePlatformCrypto().sign(null, message as Buffer, importPrivateKey(PKCS8_PREFIX, seed)),
    );
  },
};

/** By noble, which makes tables of 30 ms at its first call. */
export const nobleSigner: Ed25519Signer = {
  name: "noble",
  publicKey: (seed) => noble.getPublicKey(seed),
  sign: (message, seed) => noble.sign(message, seed),
};

/**
 * Chooses an implementation by known answers (RFC 8032 §7.1, test 2).
 * @returns the platform's when it answers right, else noble's
 */
export function selectEd25519Signer(platform: Ed25519Signer = platformSigner): Ed25519Signer {
  const seed = Uint8Array.fromHex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  const publicKey = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
  const signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
  try {
    const isRight = platform.publicKey(seed).toHex() === publicKey &&
      platform.sign(Uint8Array.of(0x72), seed).toHex() === signature;
    return isRight ? platform : nobleSigner;
  } catch {
    return nobleSigner;
  }
}

class SelectedSigner {
  static #selected: Ed25519Signer | undefined;

  static get(): Ed25519Signer {
    return SelectedSigner.#selected ??= selectEd25519Signer();
  }
}

/** @returns the one that is used, chosen at the first call */
export function ed25519Signer(): Ed25519Signer {
  return SelectedSigner.get();
}
