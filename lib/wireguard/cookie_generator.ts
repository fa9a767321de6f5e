/**
 * MAC1, MAC2 and cookies, as the one who calls makes and keeps them (WireGuard paper §5.4.4, §5.4.7).
 * @module
 */

import type { Millis } from "../base/mod.ts";
import { blake2sMac, type PublicKey, xchachaOpen } from "../crypto/mod.ts";
import { cookieKey, mac1Key, mac1Offset } from "./cookie_checker.ts";
import { COOKIE_NONCE_AT, COOKIE_SEALED_AT, MAC_BYTES } from "./messages.ts";

/** Signs handshake messages to one peer, and remembers the cookie that it gave us. */
export class CookieGenerator {
  readonly #mac1Key: Uint8Array;
  readonly #peer: PublicKey;
  readonly #refreshTimeMs: number;
  #cookie: Uint8Array | undefined;
  #cookieSince = 0;
  /** MAC1 of the message that was sent last and has had no cookie reply. */
  #lastMac1: Uint8Array | undefined;

  /** @param peer the public key of whoever receives the messages */
  constructor(peer: PublicKey, refreshTimeMs: number) {
    this.#mac1Key = mac1Key(peer);
    this.#peer = peer;
    this.#refreshTimeMs = refreshTimeMs;
  }

  /** Fills in both macs at the end of `message`. */
  sign(now: Millis, message: Uint8Array): void {
    const at = mac1Offset(message);
    const mac1 = blake2sMac(this.#mac1Key, MAC_BYTES, message.subarray(0, at));
    message.set(mac1, at);
    this.#lastMac1 = mac1;
    if (this.#cookie === undefined || now - this.#cookieSince > this.#refreshTimeMs) return;
    const mac2At = at + MAC_BYTES;
    message.set(blake2sMac(this.#cookie, MAC_BYTES, message.subarray(0, mac2At)), mac2At);
  }

  /**
   * Takes a cookie reply. The cookie goes into the next message; nothing is sent for it (paper §6.6).
   * @returns whether it answers our last message
   */
  consume(now: Millis, reply: Uint8Array): boolean {
    if (this.#lastMac1 === undefined) return false;
    const nonce = reply.subarray(COOKIE_NONCE_AT, COOKIE_SEALED_AT);
    const cookie = xchachaOpen(
      cookieKey(this.#peer),
      nonce,
      reply.subarray(COOKIE_SEALED_AT),
      this.#lastMac1,
    );
    if (cookie === undefined) return false;
    this.#cookie = cookie;
    this.#cookieSince = now;
    this.#lastMac1 = undefined;
    return true;
  }
}
