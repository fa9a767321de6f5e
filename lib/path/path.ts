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
}

/** So many questions may be lost in a row until a path counts as down. */
export const MAX_MISSES = 2;
/** Nothing is known of a path any more when so long nothing was heard on it. */
export const STALE_MS = 50_000;
const MAX_QUESTIONS = 16;
const FIRST_TIMEOUT_MS = 1_000;
const MIN_TIMEOUT_MS = 250;
const MAX_TIMEOUT_MS = 1_000;
/** RFC 6298 §2.3 smooths so. */
const SMOOTHING = 1 / 8;
/** What a path is worth in milliseconds of round trip, beside its own. */
const HANDICAP_MS: Readonly<Record<PathKind, number>> = { direct: 0, relay: 10_000, carrier: 10_020 };
const NEAR_BONUS_MS = 20;
const IPV6_BONUS_MS = 2;

/** One path, and what it has been asked. */
export class Path {
  readonly endpoint: Endpoint;
  readonly mtu: MtuSearch;
  #candidate: Candidate;
  /** Where this path is known from; it is forgotten with the last of them. */
  readonly sources: Set<string> = new Set();
  /** Smoothed; undefined before the first answer. */
  rttMs: number | undefined;
  lastAskAt: Millis | undefined;
  /** When the first question went that nothing has answered since; undefined when none waits. */
  askedSince: Millis | undefined;
  /** When it was last known to carry something both ways. */
  lastAliveAt: Millis | undefined;
  misses = 0;
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

  /** Takes what is said of it now: of an endpoint that a relay has told, a probe alone does not say so. */
  describe(candidate: Candidate): void {
    this.#candidate = candidate;
  }

  /** Whether packets can be expected to arrive. */
  isUp(now: Millis): boolean {
    return this.rttMs !== undefined && this.misses < MAX_MISSES &&
      now - (this.lastAliveAt ?? -Infinity) < STALE_MS;
  }

  /** Whether a question waits that is not of the MTU. */
  get isAsked(): boolean {
    for (const { isOfMtu } of this.#questions.values()) if (!isOfMtu) return true;
    return false;
  }

  /** Whether a question about the MTU waits. */
  get isMtuAsked(): boolean {
    for (const { isOfMtu } of this.#questions.values()) if (isOfMtu) return true;
    return false;
  }

  /** The lower the better, in milliseconds: the round trip, and what counts more than that. */
  get costMs(): number {
    const { kind, isNear = false } = this.#candidate;
    const bonus = (isNear ? NEAR_BONUS_MS : 0) + (this.endpoint.address.family === 6 ? IPV6_BONUS_MS : 0);
    return HANDICAP_MS[kind] + (this.rttMs ?? FIRST_TIMEOUT_MS) - (kind === "direct" ? bonus : 0);
  }

  /** How long an answer is waited for, in milliseconds. */
  get timeoutMs(): number {
    if (this.rttMs === undefined) return FIRST_TIMEOUT_MS;
    return Math.min(MAX_TIMEOUT_MS, Math.max(MIN_TIMEOUT_MS, 3 * this.rttMs));
  }

  /** A question is on its way. */
  noteAsked(now: Millis, counter: number, lengthBytes: number, isOfMtu: boolean): void {
    if (!isOfMtu) {
      this.lastAskAt = now;
      this.askedSince ??= now;
    }
    this.#questions.set(counter, { sentAt: now, lengthBytes, isOfMtu });
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
    const rttMs = now - sentAt;
    this.rttMs = this.rttMs === undefined || this.misses >= MAX_MISSES
      ? rttMs
      : this.rttMs + SMOOTHING * (rttMs - this.rttMs);
    this.misses = 0;
    this.askedSince = undefined;
    this.lastAliveAt = now;
    if (isOfMtu) this.mtu.handleAnswer(lengthBytes);
    return true;
  }

  /** Counts the questions that were not answered in time. */
  handleTimeout(now: Millis): void {
    const { timeoutMs } = this;
    for (const [counter, { sentAt, lengthBytes, isOfMtu }] of this.#questions) {
      if (now - sentAt < timeoutMs) continue;
      this.#questions.delete(counter);
      if (!isOfMtu) this.misses++;
      // Of a path that is down altogether it says nothing.
      else if ((this.lastAliveAt ?? -Infinity) >= sentAt && this.misses === 0) {
        this.mtu.handleLoss(now, lengthBytes);
      }
    }
  }

  /** @returns when `handleTimeout` has something to do, or Infinity */
  get nextTimeoutAt(): number {
    let earliest = Infinity;
    for (const { sentAt } of this.#questions.values()) earliest = Math.min(earliest, sentAt);
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
  }
}
