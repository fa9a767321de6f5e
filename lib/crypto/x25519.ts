/**
 * X25519 (RFC 7748): the platform's implementation, which is constant time and fast, with noble as the
 * fallback and as the oracle of the tests.
 * @module
 */

import { x25519 as noble } from "@noble/curves/ed25519.js";
import { concatBytes } from "../base/mod.ts";
import { exportPublicKey, importPrivateKey, requirePlatformCrypto } from "./platform_crypto.ts";

/** Diffie-Hellman over Curve25519. */
export interface X25519 {
  readonly name: string;
  /** @returns the 32-byte public key of a clamped 32-byte `scalar` */
  publicKey(scalar: Uint8Array): Uint8Array;
  /** @returns the 32-byte shared secret, or undefined when it would be all zero */
  sharedSecret(scalar: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
}

// RFC 8410 §7 and §4: PKCS #8 and SubjectPublicKeyInfo wrap the bare 32 bytes in a constant prefix.
const PKCS8_PREFIX = Uint8Array.fromHex("302e020100300506032b656e04220420");
const SPKI_PREFIX = Uint8Array.fromHex("302a300506032b656e032100");

/** By the runtime's `node:crypto`. */
export const platformX25519: X25519 = {
  name: "platform",
  publicKey: (scalar) => exportPublicKey(importPrivateKey(PKCS8_PREFIX, scalar)),
  sharedSecret(scalar, publicKey) {
    try {
      const { createPublicKey, diffieHellman } = requirePlatformCrypto();
      const peer = createPublicKey({
        key: concatBytes(SPKI_PREFIX, publicKey) as Buffer,
        format: "der",
        type: "spki",
      });
      return new Uint8Array(
        diffieHellman({ privateKey: importPrivateKey(PKCS8_PREFIX, scalar), publicKey: peer }),
      );
    } catch {
      return undefined;
    }
  },
};

/** By noble. */
export const nobleX25519: X25519 = {
  name: "noble",
  publicKey: (scalar) => noble.getPublicKey(scalar),
  sharedSecret(scalar, publicKey) {
    try {
      return noble.getSharedSecret(scalar, publicKey);
    } catch {
      return undefined;
    }
  },
};

/**
 * Chooses an implementation by a known answer (RFC 7748 §6.1).
 * @returns the platform's when it answers right, else noble's
 */
export function selectX25519(): X25519 {
  const alice = Uint8Array.fromHex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const bobPublic = Uint8Array.fromHex(
    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
  );
  const expected = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  try {
    return platformX25519.sharedSecret(alice, bobPublic)?.toHex() === expected ? platformX25519 : nobleX25519;
  } catch {
    return nobleX25519;
  }
}

class SelectedX25519 {
  static #selected: X25519 | undefined;

  static get(): X25519 {
    return SelectedX25519.#selected ??= selectX25519();
  }
}

/** @returns the one that is used, chosen at the first call */
export function x25519(): X25519 {
  return SelectedX25519.get();
}

/** Chooses it now; else the first key does. */
export function loadX25519(): void {
  x25519();
}
