/**
 * The two MACs of handshake messages and the cookies behind the second (WireGuard paper §5.4.4, §5.4.7): checking and
 * giving them out, and adding and keeping them.
 * @module
 */

import { type Millis, randomBytes, utf8Bytes } from "../base/mod.ts";
import {
  type AeadKey,
  blake2s,
  blake2sMac,
  equalConstantTime,
  type PublicKey,
  XCHACHA_PREFIX_BYTES,
  xchachaOpen,
  xchachaSubkey,
} from "../crypto/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import type { DeviceContext } from "./device_context.ts";
import {
  COOKIE_NONCE_AT,
  COOKIE_REPLY_BYTES,
  COOKIE_SEALED_AT,
  MAC_BYTES,
  TYPE_COOKIE_REPLY,
  writeCounter,
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

/** What cookies are made by, and how long a secret of theirs is used. */
type CookieCheckerOptions = Pick<DeviceContext<unknown>, "random" | "aead"> & {
  readonly refreshTimeMs: number;
};

/** What cookies are made of and sealed by for a while. */
interface Secret {
  readonly bytes: Uint8Array;
  readonly since: Millis;
  readonly noncePrefix: Uint8Array;
  readonly sealing: AeadKey;
  /** How many were sealed by it. */
  replies: number;
}

/** Checks the macs of messages to one public key. It keeps nothing about whoever sends. */
export class CookieChecker {
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  readonly #options: CookieCheckerOptions;
  #secret: Secret | undefined;

  /** @param publicKey the one that messages are sent to */
  constructor(publicKey: PublicKey, options: CookieCheckerOptions) {
    this.#mac1Key = mac1Key(publicKey);
    this.#cookieKey = cookieKey(publicKey);
    this.#options = options;
  }

  /** Whether the sender knows our public key. */
  hasValidMac1(message: Uint8Array): boolean {
    const at = mac1Offset(message);
    const expected = blake2sMac(this.#mac1Key, MAC_BYTES, message.subarray(0, at));
    return equalConstantTime(expected, message.subarray(at, at + MAC_BYTES));
  }

  /** Whether the sender has received a cookie at the address that it sends from. */
  hasValidMac2(now: Millis, message: Uint8Array, source: Endpoint): boolean {
    const secret = this.#secretAt(now);
    const at = message.length - MAC_BYTES;
    // Whoever has no cookie leaves it zero (paper §5.4.4); a flood of those is not to cost more than it must.
    if (secret === undefined || message.subarray(at).every((byte) => byte === 0)) return false;
    const expected = blake2sMac(cookieFor(secret.bytes, source), MAC_BYTES, message.subarray(0, at));
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
    const secret = this.#secretAt(now) ?? this.#renewSecret(now);
    const out = new Uint8Array(COOKIE_REPLY_BYTES);
    out[0] = TYPE_COOKIE_REPLY;
    writeIndex(out, 4, from.sender);
    const counter = secret.replies++;
    // DEVIATION: the paper draws all 24 bytes of the nonce (§5.4.7). The first 16 are drawn with the secret here and the
    // others count, so that the key is derived once: a reply costs a tenth. No nonce comes twice all the same; whoever
    // has two replies can tell how many there were in between.
    out.set(secret.noncePrefix, COOKIE_NONCE_AT);
    writeCounter(out, COOKIE_NONCE_AT + XCHACHA_PREFIX_BYTES, counter);
    const at = mac1Offset(message);
    const mac1 = message.subarray(at, at + MAC_BYTES);
    secret.sealing.seal(counter, cookieFor(secret.bytes, from.source), mac1, out, COOKIE_SEALED_AT);
    return out;
  }

  #secretAt(now: Millis): Secret | undefined {
    const secret = this.#secret;
    return secret !== undefined && now - secret.since <= this.#options.refreshTimeMs ? secret : undefined;
  }

  #renewSecret(now: Millis): Secret {
    const { random, aead } = this.#options;
    this.#secret?.sealing.wipe();
    const noncePrefix = randomBytes(random, XCHACHA_PREFIX_BYTES);
    const sealing = aead.key(xchachaSubkey(this.#cookieKey, noncePrefix));
    return this.#secret = { bytes: randomBytes(random, 32), since: now, noncePrefix, sealing, replies: 0 };
  }
}

function cookieFor(secret: Uint8Array, source: Endpoint): Uint8Array {
  const port = Uint8Array.of(source.port >> 8, source.port & 255);
  return blake2sMac(secret, MAC_BYTES, source.address.bytes, port);
}

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
