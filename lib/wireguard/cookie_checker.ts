/**
 * MAC1, MAC2 and cookie replies, as the one who is called checks and makes them (WireGuard paper §5.3, §5.4.4, §5.4.7).
 * @module
 */

import { type Millis, randomBytes, type RandomSource, utf8Bytes } from "../base/mod.ts";
import { blake2s, blake2sMac, equalConstantTime, type PublicKey, xchachaSeal } from "../crypto/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import {
  COOKIE_NONCE_AT,
  COOKIE_NONCE_BYTES,
  COOKIE_REPLY_BYTES,
  COOKIE_SEALED_AT,
  MAC_BYTES,
  TYPE_COOKIE_REPLY,
  writeIndex,
} from "./messages.ts";

const LABEL_MAC1 = utf8Bytes("mac1----");
const LABEL_COOKIE = utf8Bytes("cookie--");

/** @returns the key of MAC1 of messages to `receiver`, 32 bytes */
export function mac1Key(receiver: PublicKey): Uint8Array {
  return blake2s(LABEL_MAC1, receiver.bytes);
}

/** @returns the key that seals cookies of `responder`, 32 bytes */
export function cookieKey(responder: PublicKey): Uint8Array {
  return blake2s(LABEL_COOKIE, responder.bytes);
}

/** @returns where MAC1 stands in a handshake message */
export function mac1Offset(message: Uint8Array): number {
  return message.length - 2 * MAC_BYTES;
}

/** Checks the macs of messages to one public key. It keeps nothing about whoever sends. */
export class CookieChecker {
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  readonly #random: RandomSource;
  readonly #refreshTimeMs: number;
  #secret: Uint8Array | undefined;
  #secretSince = 0;

  /** @param publicKey the one that messages are sent to */
  constructor(
    publicKey: PublicKey,
    options: { readonly random: RandomSource; readonly refreshTimeMs: number },
  ) {
    this.#mac1Key = mac1Key(publicKey);
    this.#cookieKey = cookieKey(publicKey);
    this.#random = options.random;
    this.#refreshTimeMs = options.refreshTimeMs;
  }

  /** Whether the sender knows our public key. */
  hasValidMac1(message: Uint8Array): boolean {
    const at = mac1Offset(message);
    const expected = blake2sMac(this.#mac1Key, MAC_BYTES, message.subarray(0, at));
    return equalConstantTime(expected, message.subarray(at, at + MAC_BYTES));
  }

  /** Whether the sender has received a cookie at the address that it sends from. */
  hasValidMac2(now: Millis, message: Uint8Array, source: Endpoint): boolean {
    if (this.#secret === undefined || now - this.#secretSince > this.#refreshTimeMs) return false;
    const at = message.length - MAC_BYTES;
    const expected = blake2sMac(cookieFor(this.#secret, source), MAC_BYTES, message.subarray(0, at));
    return equalConstantTime(expected, message.subarray(at));
  }

  /**
   * @param message the handshake message that is answered
   * @param sender the index that its sender chose
   * @returns a cookie reply, 64 bytes: shorter than every handshake message
   */
  reply(
    now: Millis,
    message: Uint8Array,
    from: { readonly sender: number; readonly source: Endpoint },
  ): Uint8Array {
    if (this.#secret === undefined || now - this.#secretSince > this.#refreshTimeMs) {
      this.#secret = randomBytes(this.#random, 32);
      this.#secretSince = now;
    }
    const out = new Uint8Array(COOKIE_REPLY_BYTES);
    out[0] = TYPE_COOKIE_REPLY;
    writeIndex(out, 4, from.sender);
    const nonce = randomBytes(this.#random, COOKIE_NONCE_BYTES);
    out.set(nonce, COOKIE_NONCE_AT);
    const at = mac1Offset(message);
    const mac1 = message.subarray(at, at + MAC_BYTES);
    out.set(
      xchachaSeal(this.#cookieKey, nonce, cookieFor(this.#secret, from.source), mac1),
      COOKIE_SEALED_AT,
    );
    return out;
  }
}

function cookieFor(secret: Uint8Array, source: Endpoint): Uint8Array {
  const port = Uint8Array.of(source.port >> 8, source.port & 255);
  return blake2sMac(secret, MAC_BYTES, source.address.bytes, port);
}
