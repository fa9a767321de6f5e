/**
 * `Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s` as its initiator, by the Noise specification, revision 34, and the records of
 * `docs/protocol/channel.md`.
 * @module
 */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { blake2s } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";

/** Bytes that are not shared with another thread. */
export type Bytes = Uint8Array<ArrayBuffer>;

const NAME = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
const NOTHING = new Uint8Array(0);
const RECORDS_PER_KEY = 65_536;

/** @returns the bytes one behind the other */
export function joined(...parts: readonly (Uint8Array | string)[]): Bytes {
  const pieces = parts.map((part) => typeof part === "string" ? new TextEncoder().encode(part) : part);
  const out = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

/** @returns `BLAKE2s(a, b, …)` */
export function hash(...parts: readonly (Uint8Array | string)[]): Bytes {
  return Uint8Array.from(blake2s(joined(...parts)));
}

/** @returns `BLAKE2s(key: key; a, b, …)` */
export function keyedHash(key: Uint8Array, ...parts: readonly (Uint8Array | string)[]): Bytes {
  return Uint8Array.from(blake2s(joined(...parts), { key }));
}

/** The records of one direction. */
export class RecordCipher {
  #key: Uint8Array;
  #nonce = 0;

  /** @param key 32 bytes */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** @returns the next record */
  seal(plaintext: Uint8Array, data: Uint8Array = NOTHING): Uint8Array {
    const sealed = this.#cipher(this.#nonce, data).encrypt(plaintext);
    this.#advance();
    return sealed;
  }

  /** @returns what is in the next record @throws Error when it is another one */
  open(record: Uint8Array, data: Uint8Array = NOTHING): Uint8Array {
    const plaintext = this.#cipher(this.#nonce, data).decrypt(record);
    this.#advance();
    return plaintext;
  }

  #advance(): void {
    if (++this.#nonce % RECORDS_PER_KEY !== 0) return;
    this.#key = this.#cipher(Number.MAX_SAFE_INTEGER, NOTHING).encrypt(new Uint8Array(32)).slice(0, 32);
  }

  #cipher(nonce: number, data: Uint8Array) {
    const bytes = new Uint8Array(12);
    new DataView(bytes.buffer).setBigUint64(4, BigInt(nonce), true);
    return chacha20poly1305(this.#key, bytes, data);
  }
}

/** The initiator's side of one handshake. */
export class Handshake {
  readonly #ephemeral = crypto.getRandomValues(new Uint8Array(32));
  readonly #own: Uint8Array;
  readonly #remote: Uint8Array;
  readonly #presharedKey: Uint8Array;
  #hash: Bytes = hash(NAME);
  #chainingKey: Uint8Array = this.#hash;
  #cipher: RecordCipher | undefined;

  /** Takes the caller's private key, the public one of who is called, and the preshared key; 32 bytes each. */
  constructor(own: Uint8Array, remote: Uint8Array, presharedKey: Uint8Array) {
    this.#own = own;
    this.#remote = remote;
    this.#presharedKey = presharedKey;
    this.#mixHash(joined("weft channel v1"));
    this.#mixHash(remote);
  }

  /** @returns `e, es, s, ss` and the payload */
  initiation(payload: Uint8Array): Bytes {
    const ephemeral = x25519.getPublicKey(this.#ephemeral);
    this.#mixHash(ephemeral);
    this.#mixKey(ephemeral);
    this.#mixKey(x25519.getSharedSecret(this.#ephemeral, this.#remote));
    const own = this.#seal(x25519.getPublicKey(this.#own));
    this.#mixKey(x25519.getSharedSecret(this.#own, this.#remote));
    return joined(ephemeral, own, this.#seal(payload));
  }

  /** Reads `e, ee, se, psk`. @returns its payload and the ciphers of both directions @throws Error when it is a refusal */
  finish(response: Uint8Array): { payload: Uint8Array; sending: RecordCipher; receiving: RecordCipher } {
    const ephemeral = response.subarray(0, 32);
    this.#mixHash(ephemeral);
    this.#mixKey(ephemeral);
    this.#mixKey(x25519.getSharedSecret(this.#ephemeral, ephemeral));
    this.#mixKey(x25519.getSharedSecret(this.#own, ephemeral));
    const [chainingKey, mixed, key] = this.#derive(this.#presharedKey);
    this.#chainingKey = chainingKey;
    this.#mixHash(mixed);
    this.#cipher = new RecordCipher(key);
    const payload = this.#cipher.open(response.subarray(32), this.#hash);
    const [sending, receiving] = this.#derive(NOTHING);
    return { payload, sending: new RecordCipher(sending), receiving: new RecordCipher(receiving) };
  }

  #seal(plaintext: Uint8Array): Uint8Array {
    if (this.#cipher === undefined) throw new Error("There is no key yet");
    const sealed = this.#cipher.seal(plaintext, this.#hash);
    this.#mixHash(sealed);
    return sealed;
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = hash(this.#hash, data);
  }

  #mixKey(input: Uint8Array): void {
    const [chainingKey, key] = this.#derive(input);
    this.#chainingKey = chainingKey;
    this.#cipher = new RecordCipher(key);
  }

  /** HKDF of the Noise specification, §4.3. */
  #derive(input: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
    const secret = hmac(blake2s, this.#chainingKey, input);
    const first = hmac(blake2s, secret, Uint8Array.of(1));
    const second = hmac(blake2s, secret, joined(first, Uint8Array.of(2)));
    return [first, second, hmac(blake2s, secret, joined(second, Uint8Array.of(3)))];
  }
}
