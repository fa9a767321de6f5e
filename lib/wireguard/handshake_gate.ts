/**
 * Which handshake messages are worth their work: those that know our key and, while there are too many, come with a cookie
 * from an address that has not sent many (WireGuard paper §5.3, §5.4.4, §5.4.7).
 * @module
 */

import type { Millis } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { CookieChecker } from "./cookies.ts";
import type { DeviceContext } from "./device_context.ts";
import { LoadMeter, RateLimiter } from "./handshake_limits.ts";
import { readIndex } from "./messages.ts";
import type { DropReason } from "./outcomes.ts";

/** Belongs to one device. */
export class HandshakeGate {
  readonly #context: DeviceContext<unknown>;
  readonly #limiter = new RateLimiter();
  readonly #load: LoadMeter;
  #checker: CookieChecker;

  /** @param handshakesPerSecond so many are answered without a cookie */
  constructor(context: DeviceContext<unknown>, handshakesPerSecond: number) {
    this.#context = context;
    this.#load = new LoadMeter(handshakesPerSecond);
    this.#checker = this.#makeChecker();
  }

  /** Takes the device's key as it is now. */
  followKey(): void {
    this.#checker = this.#makeChecker();
  }

  /** @returns why an initiation or a response goes no further, or undefined; whoever lacks a cookie is sent one */
  refuses(now: Millis, message: Uint8Array, source: Endpoint): DropReason | undefined {
    if (!this.#checker.hasValidMac1(message)) return "wrong-mac1";
    if (!this.#load.note(now)) return undefined;
    if (!this.#checker.hasValidMac2(now, message, source)) {
      this.#replyCookie(now, message, source);
      return "under-load";
    }
    return this.#limiter.allows(now, source.address) ? undefined : "rate-limited";
  }

  #replyCookie(now: Millis, message: Uint8Array, source: Endpoint): void {
    const { transmits } = this.#context;
    if (transmits.isFull) return;
    const reply = this.#checker.reply(now, message, { sender: readIndex(message, 4), source });
    transmits.claim(reply.length, source).set(reply);
  }

  #makeChecker(): CookieChecker {
    const { privateKey, random, aead, timers: { cookieRefreshTimeMs: refreshTimeMs } } = this.#context;
    return new CookieChecker(privateKey.publicKey, { random, aead, refreshTimeMs });
  }
}
