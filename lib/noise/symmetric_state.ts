/**
 * The chaining key and the transcript hash of a handshake (Noise specification §5.2).
 * @module
 */

import { concatBytes, utf8Bytes } from "../base/mod.ts";
import { type Aead, blake2s, HASH_BYTES, hkdf } from "../crypto/mod.ts";
import { CipherState } from "./cipher_state.ts";

const NO_INPUT = new Uint8Array(0);

/** Absorbs what both sides have seen and agreed on. */
export class SymmetricState {
  readonly #aead: Aead;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #cipher: CipherState | undefined;

  /** @param protocolName for example `Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s` */
  constructor(protocolName: string, aead: Aead) {
    const name = utf8Bytes(protocolName);
    // Noise specification §5.2, InitializeSymmetric.
    this.#hash = name.length <= HASH_BYTES
      ? concatBytes(name, new Uint8Array(HASH_BYTES - name.length))
      : blake2s(name);
    this.#chainingKey = this.#hash.slice();
    this.#aead = aead;
  }

  /** The transcript hash so far, 32 bytes. */
  get hash(): Uint8Array {
    return this.#hash;
  }

  /** Whether payloads are encrypted by now. */
  get hasKey(): boolean {
    return this.#cipher !== undefined;
  }

  /** MixKey(input). */
  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.#chainingKey, input, 2) as [Uint8Array, Uint8Array];
    this.#chainingKey = chainingKey;
    this.#setKey(key);
  }

  /** MixHash(data). */
  mixHash(data: Uint8Array): void {
    this.#hash = blake2s(this.#hash, data);
  }

  /** MixKeyAndHash(input). */
  mixKeyAndHash(input: Uint8Array): void {
    const [chainingKey, hash, key] = hkdf(this.#chainingKey, input, 3) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    this.#chainingKey = chainingKey;
    this.mixHash(hash);
    this.#setKey(key);
  }

  /** EncryptAndHash(plaintext). */
  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#cipher?.encrypt(this.#hash, plaintext) ?? plaintext;
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** DecryptAndHash(ciphertext). @returns undefined when it was not sealed by the other side */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#cipher === undefined
      ? ciphertext.slice()
      : this.#cipher.decrypt(this.#hash, ciphertext);
    if (plaintext !== undefined) this.mixHash(ciphertext);
    return plaintext;
  }

  /** Split(). @returns the initiator's sending key and the responder's, 32 bytes each */
  split(): { readonly initiator: Uint8Array; readonly responder: Uint8Array } {
    const [initiator, responder] = hkdf(this.#chainingKey, NO_INPUT, 2) as [Uint8Array, Uint8Array];
    this.wipe();
    return { initiator, responder };
  }

  /** @returns a state at the same place that goes its own way */
  clone(): SymmetricState {
    const copy = new SymmetricState("", this.#aead);
    copy.#chainingKey = this.#chainingKey.slice();
    copy.#hash = this.#hash;
    copy.#cipher = this.#cipher?.clone();
    return copy;
  }

  /** Overwrites the secrets. */
  wipe(): void {
    this.#chainingKey.fill(0);
    this.#cipher?.wipe();
  }

  #setKey(key: Uint8Array): void {
    this.#cipher?.wipe();
    this.#cipher = new CipherState(key, this.#aead);
    key.fill(0);
  }
}
