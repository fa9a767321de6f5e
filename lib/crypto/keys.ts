/**
 * X25519 keys by role, and preshared keys.
 * @module
 */

import { decodeBase64, encodeBase64, equalBytes, randomBytes, type RandomSource } from "../base/mod.ts";
import { isAllZero, KEY_BYTES, Secret } from "./secret.ts";
import { x25519 } from "./x25519.ts";

/**
 * An X25519 public key: what WireGuard calls a peer's public key.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { PublicKey } from "./keys.ts";
 * const text = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
 * assert.equal(PublicKey.parse(text)?.toString(), text);
 * assert.equal(PublicKey.parse("too short"), undefined);
 * ```
 */
export class PublicKey {
  /** 32 bytes; treat them as immutable. */
  readonly bytes: Uint8Array;
  #text: string | undefined;

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /**
   * Makes a key of its bytes.
   * @param bytes 32 bytes, copied
   * @throws RangeError when the length is wrong
   */
  static fromBytes(bytes: Uint8Array): PublicKey {
    if (bytes.length !== KEY_BYTES) {
      throw new RangeError(`Cannot make a PublicKey of ${bytes.length} bytes: it has ${KEY_BYTES}`);
    }
    return new PublicKey(bytes.slice());
  }

  /** Reads a key as `wg` prints it. @returns the key, or undefined when `text` is not the base64 of 32 bytes */
  static parse(text: string): PublicKey | undefined {
    const bytes = decodeBase64(text);
    return bytes?.length === KEY_BYTES ? new PublicKey(bytes) : undefined;
  }

  /** Whether both are the same key. */
  equals(other: PublicKey): boolean {
    return equalBytes(this.bytes, other.bytes);
  }

  /** The key as text. @returns base64, as `wg` prints it */
  toString(): string {
    return this.#text ??= encodeBase64(this.bytes);
  }

  /** The key in JSON. @returns the same as `toString()` */
  toJSON(): string {
    return this.toString();
  }
}

/** An X25519 private key, clamped (RFC 7748 §5). */
export class PrivateKey extends Secret {
  /** The key that belongs to it. */
  readonly publicKey: PublicKey;

  private constructor(bytes: Uint8Array) {
    super(bytes);
    const scalar = this.exposeBytes();
    // RFC 7748 §5: decodeScalar25519.
    scalar[0] = (scalar[0] as number) & 248;
    scalar[31] = ((scalar[31] as number) & 127) | 64;
    this.publicKey = PublicKey.fromBytes(x25519().publicKey(scalar));
  }

  /**
   * @param bytes 32 bytes; a clamped copy is kept
   * @throws RangeError when the length is wrong
   */
  static fromBytes(bytes: Uint8Array): PrivateKey {
    return new PrivateKey(bytes);
  }

  /** Draws a new key. */
  static generate(random: RandomSource): PrivateKey {
    return new PrivateKey(randomBytes(random, KEY_BYTES));
  }

  /** @returns the key, or undefined when `text` is not the base64 of 32 bytes */
  static parse(text: string): PrivateKey | undefined {
    const bytes = decodeBase64(text);
    return bytes?.length === KEY_BYTES ? new PrivateKey(bytes) : undefined;
  }

  /**
   * Diffie-Hellman.
   * @returns 32 bytes, or undefined when they are all zero, which a low-order key forces (RFC 7748 §6.1)
   */
  sharedSecret(peer: PublicKey): Uint8Array | undefined {
    const shared = x25519().sharedSecret(this.exposeBytes(), peer.bytes);
    return shared === undefined || isAllZero(shared) ? undefined : shared;
  }
}

/** A symmetric key that two peers share beforehand; all zeros means none (WireGuard paper §5.2). */
export class PresharedKey extends Secret {
  /** Most peers of many have none; wiping it changes nothing. */
  static readonly #none = new PresharedKey(new Uint8Array(KEY_BYTES));

  /**
   * Makes a key of its bytes.
   * @param bytes 32 bytes, copied
   * @throws RangeError when the length is wrong
   */
  static fromBytes(bytes: Uint8Array): PresharedKey {
    return new PresharedKey(bytes);
  }

  /** Draws a new key. */
  static generate(random: RandomSource): PresharedKey {
    return new PresharedKey(randomBytes(random, KEY_BYTES));
  }

  /** Reads a key as `wg genpsk` prints it. @returns the key, or undefined when `text` is not the base64 of 32 bytes */
  static parse(text: string): PresharedKey | undefined {
    const bytes = decodeBase64(text);
    return bytes?.length === KEY_BYTES ? new PresharedKey(bytes) : undefined;
  }

  /** The absence of one. @returns the key that stands for "no preshared key", always the same object */
  static none(): PresharedKey {
    return PresharedKey.#none;
  }

  /** Whether it stands for "no preshared key". */
  get isNone(): boolean {
    return isAllZero(this.exposeBytes());
  }
}
