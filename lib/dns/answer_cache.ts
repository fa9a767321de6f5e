/**
 * The answers of other servers, each until its TTL is over.
 * @module
 */

import type { Millis } from "../base/mod.ts";
import type { DnsMessage, Question, ResourceRecord } from "./message.ts";
import { soaMinimumSeconds } from "./record_data.ts";
import { RECORD_TYPE, RESPONSE_CODE } from "./record_type.ts";

/** No answer is kept longer than a day, no negative one longer than 15 minutes (RFC 2308 §5 allows three hours). */
const MAX_TTL_SECONDS = 86_400;
const MAX_NEGATIVE_TTL_SECONDS = 900;
/** RFC 9520 §3.2: a failure is remembered for a second at least, so that retries do not multiply it. */
const FAILURE_TTL_SECONDS = 1;
/** An answer with more records is not kept: it would take the room of many. */
const MAX_RECORDS = 64;
const MAX_DATA_BYTES = 4096;

/** What makes answers to the same question differ. */
export interface CacheKey {
  readonly question: Question;
  readonly wantsDnssec: boolean;
  /** CD: nothing was to be verified. */
  readonly isUnchecked: boolean;
}

interface CachedAnswer {
  readonly message: DnsMessage;
  readonly storedAt: Millis;
  readonly expiresAt: Millis;
}

/** Keeps whole answers by question; when it is full, the one that was not used for longest goes. */
export class AnswerCache {
  readonly #capacity: number;
  /** In the order of their last use. */
  readonly #answers = new Map<string, CachedAnswer>();

  /** @param capacity how many answers are kept, 0 for none */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Keeps a response if it may be kept. */
  put(now: Millis, key: CacheKey, message: DnsMessage): void {
    const ttlSeconds = keepSeconds(message);
    if (ttlSeconds === 0 || this.#capacity === 0) return;
    const text = keyText(key);
    this.#answers.delete(text);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size >= this.#capacity && oldest !== undefined) this.#answers.delete(oldest);
    const expiresAt = now + ttlSeconds * 1000 as Millis;
    this.#answers.set(text, { message, storedAt: now, expiresAt });
  }

  /** @returns the response with what is left of its times, or undefined */
  get(now: Millis, key: CacheKey): DnsMessage | undefined {
    const text = keyText(key);
    const cached = this.#answers.get(text);
    if (cached === undefined) return undefined;
    this.#answers.delete(text);
    if (now >= cached.expiresAt) return undefined;
    this.#answers.set(text, cached);
    const ageSeconds = Math.floor((now - cached.storedAt) / 1000);
    const aged = (records: readonly ResourceRecord[]): ResourceRecord[] =>
      records.map((record) => ({ ...record, ttlSeconds: Math.max(0, record.ttlSeconds - ageSeconds) }));
    const { message } = cached;
    return {
      ...message,
      answers: aged(message.answers),
      authority: aged(message.authority),
      additional: aged(message.additional),
    };
  }
}

/** @returns for how many seconds an answer may be kept; 0 when it may not */
function keepSeconds({ responseCode, answers, authority, additional }: DnsMessage): number {
  const records = [...answers, ...authority, ...additional];
  const dataBytes = records.reduce((sum, { data }) => sum + data.length, 0);
  if (records.length > MAX_RECORDS || dataBytes > MAX_DATA_BYTES) return 0;
  if (responseCode === RESPONSE_CODE.SERVFAIL) return FAILURE_TTL_SECONDS;
  if (responseCode !== RESPONSE_CODE.NOERROR && responseCode !== RESPONSE_CODE.NXDOMAIN) return 0;
  const least = Math.min(MAX_TTL_SECONDS, ...records.map(({ ttlSeconds }) => ttlSeconds));
  if (responseCode === RESPONSE_CODE.NOERROR && answers.length > 0) return least;
  // RFC 2308 §5: a negative answer without an SOA record is not kept.
  const soa = authority.find(({ type }) => type === RECORD_TYPE.SOA);
  return soa === undefined ? 0 : Math.min(least, soaMinimumSeconds(soa.data), MAX_NEGATIVE_TTL_SECONDS);
}

/** @returns the same text for keys whose answers are the same */
export function keyText({ question, wantsDnssec, isUnchecked }: CacheKey): string {
  return `${question.type} ${question.class} ${wantsDnssec} ${isUnchecked} ${question.name.key}`;
}
