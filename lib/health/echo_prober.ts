/**
 * The echo through the tunnel: asking for it, matching what comes back, and answering others. It is a datagram that
 * comes back as it was, but for its kind.
 *
 * ```
 *   0         4      5       8               16
 *   +---------+------+-------+---------------+
 *   | "weft"  | kind | zeros | nonce         |
 *   +---------+------+-------+---------------+
 *   kind: 1 asks, 2 answers
 * ```
 *
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

/** Length of either message in bytes, so that an answer is never longer than its question. */
export const ECHO_BYTES = 16;
/** Length of a nonce in bytes. */
export const ECHO_NONCE_BYTES = 8;

const MAGIC = [0x77, 0x65, 0x66, 0x74];
const KIND_AT = 4;
const NONCE_AT = 8;
const KINDS = ["ask", "answer"] as const;

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

/** A question or its answer. */
export interface EchoMessage {
  readonly kind: "ask" | "answer";
  /** 8 bytes that only who was asked can know. */
  readonly nonce: Uint8Array;
}

/** What a datagram calls for. */
export type EchoOutcome =
  | { readonly kind: "reply"; readonly datagram: Uint8Array }
  | { readonly kind: "answered"; readonly question: string; readonly rttMs: number }
  | undefined;

/** Where nonces come from, and who is answered. */
export interface EchoProberOptions {
  readonly random: RandomSource;
  /** @returns whether somebody at this overlay address may ask */
  isPeer(address: string): boolean;
}

/** The echoes of one node. Addresses are overlay addresses as text. */
export class EchoProber {
  readonly #options: EchoProberOptions;
  /** How many datagrams were dropped, by reason. */
  readonly drops: Counters<typeof DROP_REASONS[number]> = new Counters(DROP_REASONS);
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

  #drop(reason: typeof DROP_REASONS[number]): undefined {
    this.drops.count(reason);
  }
}

/** @returns the 16 bytes @throws RangeError when the nonce has not 8 bytes */
export function encodeEcho({ kind, nonce }: EchoMessage): Uint8Array {
  if (nonce.length !== ECHO_NONCE_BYTES) throw new RangeError("Cannot probe: a nonce has 8 bytes");
  const out = new Uint8Array(ECHO_BYTES);
  out.set(MAGIC);
  out[KIND_AT] = KINDS.indexOf(kind) + 1;
  out.set(nonce, NONCE_AT);
  return out;
}

/** @returns the message with a nonce of its own, or undefined when the bytes are none */
export function decodeEcho(bytes: Uint8Array): EchoMessage | undefined {
  if (bytes.length !== ECHO_BYTES || !MAGIC.every((byte, i) => bytes[i] === byte)) return undefined;
  const kind = KINDS[(bytes[KIND_AT] ?? 0) - 1];
  if (kind === undefined || bytes.subarray(KIND_AT + 1, NONCE_AT).some((byte) => byte !== 0)) {
    return undefined;
  }
  return { kind, nonce: bytes.slice(NONCE_AT) };
}
