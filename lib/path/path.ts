/**
 * One way to a member: an endpoint to which its packets can be sent, and what probes have told of it.
 * @module
 */

import type { Millis } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { MtuSearch } from "./mtu_search.ts";

/** To the member itself, through a relay's port, or into a stream that this node carries datagrams over. */
export type PathKind = "direct" | "relay" | "carrier";

/** An endpoint that is worth a try. */
export interface Candidate {
  readonly endpoint: Endpoint;
  readonly kind: PathKind;
  /** The node id of the relay; absent for direct ones. */
  readonly via?: string;
  /** Whether it is in a network that this host is in. */
  readonly isNear?: boolean;
}

/** What was asked, and waits for an answer. */
interface Question {
  readonly sentAt: Millis;
  readonly lengthBytes: number;
  /** Whether it is of the search for the path's MTU, where silence may mean that it was too long. */
  readonly isOfMtu: boolean;
  /** Whether it counts as lost already. Its answer still tells how long the way is. */
  isMissed: boolean;
}

/** So many questions may be lost in a row until a path counts as down. */
export const MAX_MISSES = 2;
/** Nothing is known of a path any more when so long nothing was heard on it. */
export const STALE_MS = 50_000;
/** Packets of the member that came from there so lately say more than questions that were lost. */
const HEARD_MS = 1_500;
const MAX_QUESTIONS = 24;
/** So long an answer that comes late is still one. */
const LATE_MS = 5_000;
const FIRST_TIMEOUT_MS = 1_000;
const MIN_TIMEOUT_MS = 250;
const MAX_TIMEOUT_MS = 3_000;
/** Round trip and its variation are smoothed, and make the timeout, as in RFC 6298 §2. */
const SMOOTHING = 1 / 8;
const VARIATION_SMOOTHING = 1 / 4;
const VARIATIONS = 4;
/** What a path is worth in milliseconds of round trip, beside its own. */
const HANDICAP_MS: Readonly<Record<PathKind, number>> = { direct: 0, relay: 10_000, carrier: 10_020 };
const NEAR_BONUS_MS = 20;
const IPV6_BONUS_MS = 2;
/** What carries questions and no packets comes after all that might carry them, for so long. */
const DISTRUST_MS = 120_000;
const DISTRUST_COST_MS = 60_000;

/** One path, and what it has been asked. */
export class Path {
  readonly endpoint: Endpoint;
  readonly mtu: MtuSearch;
  #candidate: Candidate;
  /** Where this path is known from; it is forgotten with the last of them. */
  readonly sources: Set<string> = new Set();
  /** Smoothed; undefined before the first answer. */
  rttMs: number | undefined;
  #variationMs = 0;
  lastAskAt: Millis | undefined;
  /** When the first question went that nothing has answered since; undefined when none waits. */
  askedSince: Millis | undefined;
  /** When it was last known to carry something both ways. */
  lastAliveAt: Millis | undefined;
  /** Questions in a row that were not answered in time. */
  misses = 0;
  /** How often it may still be asked before it has ever answered; endpoints that others name have few. */
  asksLeft: number = Infinity;
  #distrustedUntil = -Infinity;
  #heardAt = -Infinity;
  readonly #questions = new Map<number, Question>();

  /** @param wantedBytes the longest datagram that is to be sent, in bytes of UDP payload */
  constructor(candidate: Candidate, wantedBytes: number) {
    this.#candidate = candidate;
    this.endpoint = candidate.endpoint;
    this.mtu = new MtuSearch(wantedBytes);
  }

  get kind(): PathKind {
    return this.#candidate.kind;
  }

  get via(): string | undefined {
    return this.#candidate.via;
  }

  /** Takes what is said of it now. What is known to be a relay's or a stream's stays so: others may call it anything. */
  describe(candidate: Candidate): void {
    if (candidate.kind !== "direct" || this.kind === "direct") this.#candidate = candidate;
  }

  /** Whether packets can be expected to arrive. */
  isUp(now: Millis): boolean {
    if (this.rttMs === undefined || this.isStale(now)) return false;
    return this.misses < MAX_MISSES || now - this.#heardAt < HEARD_MS;
  }

  /** Whether nothing was heard on it lately, which need not mean anything. */
  isStale(now: Millis): boolean {
    return now - (this.lastAliveAt ?? -Infinity) >= STALE_MS;
  }

  /** Whether a question waits that is not of the MTU. */
  get isAsked(): boolean {
    for (const { isOfMtu, isMissed } of this.#questions.values()) if (!isOfMtu && !isMissed) return true;
    return false;
  }

  /** Whether a question about the MTU waits. */
  get isMtuAsked(): boolean {
    for (const { isOfMtu, isMissed } of this.#questions.values()) if (isOfMtu && !isMissed) return true;
    return false;
  }

  /** The lower the better, in milliseconds: the round trip, and what counts more than that. */
  costMs(now: Millis): number {
    const { kind, isNear = false } = this.#candidate;
    const bonus = (isNear ? NEAR_BONUS_MS : 0) + (this.endpoint.address.family === 6 ? IPV6_BONUS_MS : 0);
    const distrust = now < this.#distrustedUntil ? DISTRUST_COST_MS : 0;
    return HANDICAP_MS[kind] + distrust + (this.rttMs ?? FIRST_TIMEOUT_MS) - (kind === "direct" ? bonus : 0);
  }

  /** It answers, and packets sent there come to nothing: any other one is better, for a while. */
  distrust(now: Millis): void {
    this.#distrustedUntil = now + DISTRUST_MS;
  }

  /** How long an answer is waited for, in milliseconds; twice as long after each miss. */
  get timeoutMs(): number {
    if (this.rttMs === undefined) return FIRST_TIMEOUT_MS;
    const timeoutMs = (this.rttMs + VARIATIONS * this.#variationMs) * 2 ** Math.min(this.misses, 3);
    return Math.min(MAX_TIMEOUT_MS, Math.max(MIN_TIMEOUT_MS, timeoutMs));
  }

  /** A question is on its way. */
  noteAsked(now: Millis, counter: number, lengthBytes: number, isOfMtu: boolean): void {
    if (!isOfMtu) {
      this.lastAskAt = now;
      this.askedSince ??= now;
    }
    this.asksLeft--;
    this.#questions.set(counter, { sentAt: now, lengthBytes, isOfMtu, isMissed: false });
    const [oldest] = this.#questions.keys();
    if (this.#questions.size > MAX_QUESTIONS && oldest !== undefined) this.#questions.delete(oldest);
  }

  /** @returns whether it answers a question that was asked here */
  handleAnswer(now: Millis, counter: number): boolean {
    const question = this.#questions.get(counter);
    if (question === undefined) return false;
    const { sentAt, lengthBytes, isOfMtu } = question;
    // What was asked before was asked while nobody listened, perhaps; it is no sign of loss any more.
    for (const [earlier, { sentAt: at, isOfMtu: isOther }] of this.#questions) {
      if (earlier === counter || !isOther && at <= sentAt) this.#questions.delete(earlier);
    }
    this.#measure(now - sentAt);
    this.misses = 0;
    this.asksLeft = Infinity;
    this.askedSince = undefined;
    this.lastAliveAt = now;
    if (isOfMtu) this.mtu.handleAnswer(lengthBytes);
    return true;
  }

  /** Something authentic came from this very endpoint: questions that are lost are no sign that it is down. */
  noteHeard(now: Millis): void {
    if (this.rttMs === undefined) return;
    this.lastAliveAt = this.#heardAt = now;
  }

  /** Counts the questions that were not answered in time. */
  handleTimeout(now: Millis): void {
    const { timeoutMs } = this;
    for (const [counter, question] of this.#questions) {
      const ageMs = now - question.sentAt;
      if (ageMs >= Math.max(LATE_MS, timeoutMs)) this.#questions.delete(counter);
      if (question.isMissed || ageMs < timeoutMs) continue;
      question.isMissed = true;
      if (!question.isOfMtu) this.misses++;
      // Of a path that is down altogether it says nothing.
      else if ((this.lastAliveAt ?? -Infinity) >= question.sentAt && this.misses === 0) {
        this.mtu.handleLoss(now, question.lengthBytes);
      }
    }
  }

  /** @returns when `handleTimeout` has something to do, or Infinity */
  get nextTimeoutAt(): number {
    let earliest = Infinity;
    for (const { sentAt, isMissed } of this.#questions.values()) {
      if (!isMissed) earliest = Math.min(earliest, sentAt);
    }
    return earliest + this.timeoutMs;
  }

  /** Forgets what was measured: this host is somewhere else now. */
  reset(): void {
    this.#questions.clear();
    this.rttMs =
      this.lastAliveAt =
      this.lastAskAt =
      this.askedSince =
        undefined;
    this.misses = 0;
    this.#heardAt = -Infinity;
  }

  #measure(rttMs: number): void {
    // After an outage the way may be another one.
    if (this.rttMs === undefined || this.misses >= MAX_MISSES) {
      this.rttMs = rttMs;
      this.#variationMs = rttMs / 2;
      return;
    }
    const difference = Math.abs(this.rttMs - rttMs);
    this.#variationMs += VARIATION_SMOOTHING * (difference - this.#variationMs);
    this.rttMs += SMOOTHING * (rttMs - this.rttMs);
  }
}
