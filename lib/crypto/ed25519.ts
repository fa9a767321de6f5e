/**
 * Ed25519 (RFC 8032): what nodes and networks sign with.
 * @module
 */

import { ed25519 } from "@noble/curves/ed25519.js";
import { decodeBase64, encodeBase64, equalBytes } from "../base/mod.ts";
import { ed25519Signer } from "./ed25519_signer.ts";
import { KEY_BYTES, Secret } from "./secret.ts";

/** Length of a signature in bytes. */
export const SIGNATURE_BYTES = 64;

/** The public half. */
export class VerifyingKey {
  /** 32 bytes; treat them as immutable. */
  readonly bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /**
   * @param bytes 32 bytes, copied
   * @throws RangeError when the length is wrong
   */
  static fromBytes(bytes: Uint8Array): VerifyingKey {
    if (bytes.length !== KEY_BYTES) {
      throw new RangeError(`Cannot make a VerifyingKey of ${bytes.length} bytes: it has ${KEY_BYTES}`);
    }
    return new VerifyingKey(bytes.slice());
  }

  /** @returns the key, or undefined when `text` is not the base64 of 32 bytes */
  static parse(text: string): VerifyingKey | undefined {
    const bytes = decodeBase64(text);
    return bytes?.length === KEY_BYTES ? new VerifyingKey(bytes) : undefined;
  }

  /**
   * Checks a signature, strictly (RFC 8032 §5.1.7, without ZIP 215's leniency). Never throws.
   * @param signature 64 bytes
   */
  verify(message: Uint8Array, signature: Uint8Array): boolean {
    if (signature.length !== SIGNATURE_BYTES) return false;
    try {
      return ed25519.verify(signature, message, this.bytes, { zip215: false });
    } catch {
      return false;
    }
  }

  equals(other: VerifyingKey): boolean {
    return equalBytes(this.bytes, other.bytes);
  }

  /** @returns base64 */
  toString(): string {
    return encodeBase64(this.bytes);
  }

  /** @returns the same as `toString()` */
  toJSON(): string {
    return this.toString();
  }
}

/** The private half: a 32-byte seed. */
export class SigningKey extends Secret {
  readonly verifyingKey: VerifyingKey;

  private constructor(seed: Uint8Array) {
    super(seed);
    this.verifyingKey = VerifyingKey.fromBytes(ed25519Signer().publicKey(seed));
  }

  /**
   * @param seed 32 bytes, copied
   * @throws RangeError when the length is wrong
   */
  static fromSeed(seed: Uint8Array): SigningKey {
    return new SigningKey(seed);
  }

  /** @returns the 64-byte signature */
  sign(message: Uint8Array): Uint8Array {
    return ed25519Signer().sign(message, this.exposeBytes());
  }
}
