/**
 * Asking for echoes, matching what comes back, and answering others.
 * @module
 */

import {
  Counters,
  encodeHex,
  KeyedRateLimiter,
  type Millis,
  randomBytes,
  type RandomSource,
} from "../base/mod.ts";
import { decodeEcho, ECHO_NONCE_BYTES, encodeEcho } from "./echo_message.ts";

/** Questions of our own that wait for an answer; the oldest gives way. */
const MAX_WAITING = 256;
/** What each member may ask: 20 at once, then 10 a second. */
const ASK_LIMITS = { burst: 20, everyMs: 100, maxSources: 4096 };

const DROP_REASONS = [
  "echo-malformed",
  "echo-stranger",
  "echo-too-many",
  "echo-unexpected",
] as const;

/** Why a datagram was dropped. */
export type EchoDropReason = typeof DROP_REASONS[number];

/** What a datagram calls for. */
export type EchoOutcome =
  | { readonly kind: "reply"; readonly datagram: Uint8Array }
  | { readonly kind: "answered"; readonly question: string; readonly rttMs: number }
  | undefined;

/** What it is made of. */
export interface EchoProberOptions {
  readonly random: RandomSource;
  /** @returns whether somebody at this overlay address may ask */
  isPeer(address: string): boolean;
}

/** The echoes of one node. Addresses are overlay addresses as text. */
export class EchoProber {
  readonly #options: EchoProberOptions;
  readonly #drops = new Counters<EchoDropReason>(DROP_REASONS);
  readonly #waiting = new Map<string, { readonly sentAt: Millis; readonly address: string }>();
  readonly #limiter = new KeyedRateLimiter(ASK_LIMITS);

  constructor(options: EchoProberOptions) {
    this.#options = options;
  }

  /** @returns a question to whoever is at `address`: its number and the datagram to send now */
  ask(now: Millis, address: string): { readonly question: string; readonly datagram: Uint8Array } {
    const nonce = randomBytes(this.#options.random, ECHO_NONCE_BYTES);
    const question = encodeHex(nonce);
    this.#waiting.set(question, { sentAt: now, address });
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MAX_WAITING && oldest !== undefined) this.#waiting.delete(oldest);
    return { question, datagram: encodeEcho({ kind: "ask", nonce }) };
  }

  /** Waits no longer for an answer. */
  forget(question: string): void {
    this.#waiting.delete(question);
  }

  /** @returns what to do about a datagram that came from `source`; undefined when it was dropped and counted */
  handleDatagram(now: Millis, datagram: Uint8Array, source: string): EchoOutcome {
    const message = decodeEcho(datagram);
    if (message === undefined) return this.#drop("echo-malformed");
    if (message.kind === "ask") {
      if (!this.#options.isPeer(source)) return this.#drop("echo-stranger");
      if (!this.#limiter.allows(now, source)) return this.#drop("echo-too-many");
      return { kind: "reply", datagram: encodeEcho({ kind: "answer", nonce: message.nonce }) };
    }
    const question = encodeHex(message.nonce);
    const waiting = this.#waiting.get(question);
    // Only whoever was asked may answer.
    if (waiting?.address !== source) return this.#drop("echo-unexpected");
    this.#waiting.delete(question);
    return { kind: "answered", question, rttMs: now - waiting.sentAt };
  }

  /** @returns how many datagrams were dropped, by reason */
  drops(): Readonly<Record<string, number>> {
    return this.#drops.snapshot();
  }

  #drop(reason: EchoDropReason): undefined {
    this.#drops.count(reason);
  }
}
