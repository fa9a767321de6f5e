/**
 * The paths to one member: which are tried when, and which one its packets take.
 *
 * ```
 *   candidates ─▶ search: everything is asked in short rounds, until there is a direct path
 *                   │ first answer
 *                   ▼
 *                 chosen ─▶ kept: asked when packets go and nothing comes, and now and then with the next best
 *                   │ two questions lost
 *                   └────▶ the best that is left, and a search
 * ```
 *
 * @module
 */

import { type Millis, millis } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { Moves } from "./moves.ts";
import type { Candidate, Path } from "./path.ts";
import { PathSet, type SetOutcome } from "./path_set.ts";

/** When the rounds of a search begin, in milliseconds: both ends of a NAT have to send before one hears. */
const ROUNDS_MS: readonly number[] = [0, 100, 250, 500, 900, 1_500, 2_500, 4_000];
/** In which of them somebody is asked to introduce both although a relay carries packets already. */
const ROUNDS_TO_ASK: ReadonlySet<number> = new Set([3, 6]);
/** A search that has found no path at all is repeated soon while packets are to go, and then more seldom. */
const LOST_PAUSE_MS = 1_500;
const MAX_LOST_PAUSE_MS = 30_000;
/** One that has found no direct path is repeated while packets flow, ever more seldom. */
const FIRST_PAUSE_MS = 20_000;
const MAX_PAUSE_MS = 600_000;
/** The best paths are asked so often while the member is in use; a NAT forgets after 30 s at the earliest (RFC 4787 §4.3). */
const KEEP_MS = 20_000;
/** Of use is a member with which packets were exchanged so lately. */
const USE_MS = 60_000;
/** Packets that go while nothing comes for so long are a reason to ask. */
const SILENCE_MS = 700;
/** Another path has to be better by this part and by so much, or packets would go to and fro. */
const HYSTERESIS = 0.15;
const HYSTERESIS_MS = 3;
/** A path that the member asks by, and that is not known to work, is asked again so soon. */
const ASK_BACK_MS = 50;
/** Where much goes both ways, the path there may be down while the way back is another one. */
const BUSY_ASK_MS = 4_000;
const BUSY_BYTES = 8_192;
/** Packets that go for so long while none comes at all, although probes are answered, go by another path. */
const FRUITLESS_MS = 15_000;
/** After so much traffic the length that a path carries is made sure of again (RFC 8899 §4.3). */
const MTU_RECHECK_MS = 30_000;

/**
 * Asks at an endpoint, by a datagram of so many bytes or the shortest, that tells of a move of this host, unless it is 0.
 * @returns the number of the question
 */
export type Ask = (endpoint: Endpoint, lengthBytes?: number, move?: number) => number;

/** What one member's paths need to know. */
export interface MemberPathsParts {
  readonly ask: Ask;
  /** The longest datagram that the packet plane makes, in bytes of UDP payload. */
  readonly wantedBytes: number;
}

/** What was exchanged with a member since the last look. */
export interface Traffic {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Where the last authentic datagram came from. */
  readonly source?: Endpoint | undefined;
}

/** What has come of it. */
export type PathChange =
  /** Packets take another path now, or none is known to work any more. */
  | { readonly kind: "chosen"; readonly path: Path | undefined }
  /** The chosen path carries datagrams of another length. */
  | { readonly kind: "mtu"; readonly path: Path }
  /** Nothing direct works: who knows both ends may introduce them. */
  | { readonly kind: "unreached" };

/** All paths to one member. `handleTimeout` may be called early and often. */
export class MemberPaths {
  readonly #parts: MemberPathsParts;
  readonly #paths: PathSet;
  readonly #changes: PathChange[] = [];
  #chosen: Path | undefined;
  #chosenBytes = 0;
  #lookedAt: Millis = millis(0);
  #usedAt: Millis | undefined;
  #sentAt: Millis | undefined;
  /** Since when packets go and none comes. */
  #unheardSince: Millis | undefined;
  #receivedAt: Millis | undefined;
  #mtuCheckedAt: Millis | undefined;
  /** Whether anything was sent since then. */
  #hasSent = false;
  /** Sent since the chosen path was asked. */
  #unaskedBytes = 0;
  /** The search that is under way: when it began, and the rounds that were had. */
  #search: { readonly startedAt: Millis; rounds: number } | undefined;
  #nextSearchAt = Infinity;
  #pauseMs = FIRST_PAUSE_MS;
  #lostPauseMs = LOST_PAUSE_MS;
  readonly #moves = new Moves();

  constructor(parts: MemberPathsParts) {
    this.#parts = parts;
    this.#paths = new PathSet(parts.wantedBytes);
  }

  get chosen(): Path | undefined {
    return this.#chosen;
  }

  /** All that are known, in the order in which they came. */
  get all(): readonly Path[] {
    return [...this.#paths.values()];
  }

  /** @returns what is known of an endpoint; undefined when it is no candidate */
  at(endpoint: Endpoint): Path | undefined {
    return this.#paths.get(endpoint);
  }

  /** Whether a direct path carries packets now. */
  hasDirect(now: Millis): boolean {
    return this.#chosen?.kind === "direct" && this.#chosen.isUp(now);
  }

  /**
   * Takes what one source says of where the member is, in place of what the same source said before.
   * @param source who says so; a path is kept as long as one of them names it
   */
  setCandidates(now: Millis, source: string, candidates: readonly Candidate[]): void {
    this.#follow(now, this.#paths.set(now, source, candidates, this.#chosen));
  }

  /** Takes what another member says of where this one is, in place of what it said before; nobody has to believe it. */
  addHearsay(now: Millis, from: string, candidates: readonly Candidate[]): void {
    this.#follow(now, this.#paths.addHearsay(now, from, candidates, this.#chosen));
  }

  /** Somebody wants to send: if nothing works yet, all is tried at once. */
  want(now: Millis): void {
    this.#usedAt = now;
    if (this.#search !== undefined) return;
    const isUp = this.#chosen?.isUp(now) ?? false;
    if (this.#nextSearchAt < Infinity) return;
    if (!isUp) this.#beginSearch(now);
    else if (!this.hasDirect(now)) this.#nextSearchAt = now;
  }

  /** Packets were exchanged since the last look, so many bytes each way. */
  noteTraffic(now: Millis, { sentBytes, receivedBytes, source }: Traffic): void {
    if (sentBytes > 0) {
      this.#sentAt = now;
      this.#unheardSince ??= now;
      this.#hasSent = true;
    }
    this.#unaskedBytes += sentBytes;
    if (receivedBytes > 0) {
      this.#receivedAt = now;
      // Nothing of it was sent in vain.
      this.#sentAt = this.#unheardSince = undefined;
      const chosen = this.#chosen;
      if (source !== undefined && chosen?.endpoint.equals(source)) chosen.noteHeard(now);
      else if (chosen?.misses === 0) chosen.lastAliveAt = now;
    }
    if (sentBytes + receivedBytes > 0) this.want(now);
  }

  /** This host's addresses have changed: what was known of paths counts no more. */
  handleMove(now: Millis): void {
    this.#moves.begin(now);
    for (const path of this.#paths.values()) path.reset();
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#lostPauseMs = LOST_PAUSE_MS;
    if (this.#usedAt !== undefined) this.#beginSearch(now);
  }

  /**
   * The member has asked from `source`, and nobody has repeated an old question.
   * @param move the number of the move of which it tells, or 0
   */
  handleAsk(now: Millis, source: Endpoint, move: number): void {
    if (this.#moves.isNews(now, move)) this.#followMove(now);
    const known = this.#paths.get(source);
    this.#usedAt ??= now;
    this.#lostPauseMs = LOST_PAUSE_MS;
    if (known !== undefined) {
      // What was asked before may have been lost while nobody was there yet, or a NAT was closed.
      const isAskedNow = known.isAsked && now - (known.lastAskAt ?? -Infinity) < ASK_BACK_MS;
      if (!known.isUp(now) && !isAskedNow) this.#ask(now, known);
      return;
    }
    const path = this.#paths.learn(now, source, this.#chosen);
    if (path === undefined) return;
    this.#ask(now, path);
    // The member is somewhere else: perhaps where it was it is no more.
    if (this.#chosen?.kind === "direct" && !this.#chosen.isAsked) this.#ask(now, this.#chosen);
  }

  /** @returns the path on which it was asked what this answers; undefined when nothing was */
  handleAnswer(now: Millis, counter: number, source: Endpoint): Path | undefined {
    const path = this.#paths.get(source);
    if (path === undefined || !path.handleAnswer(now, counter)) return undefined;
    this.#choose(now);
    return path;
  }

  /** Does what is due. */
  handleTimeout(now: Millis): void {
    this.#lookedAt = now;
    let isLost = false;
    for (const path of this.#paths.values()) {
      const wasUp = path.isUp(now);
      path.handleTimeout(now);
      if (path.misses > 0 && wasUp && path.isUp(now) && !path.isAsked) this.#ask(now, path);
      isLost ||= path === this.#chosen && !path.isUp(now);
    }
    this.#paths.handleTimeout(now, this.#chosen);
    this.#doubt(now);
    if (isLost) this.#choose(now);
    this.#noteMtu();
    this.#goOnSearching(now);
    this.#keep(now);
  }

  /** @returns when `handleTimeout` wants to be called next */
  pollTimeout(now: Millis): Millis {
    let next = this.#nextSearchAt;
    if (this.#search !== undefined) {
      next = Math.min(next, this.#search.startedAt + (ROUNDS_MS[this.#search.rounds] ?? 0));
    }
    for (const path of this.#paths.values()) next = Math.min(next, path.nextTimeoutAt);
    if (this.#isInUse(now)) next = Math.min(next, this.#lookedAt + SILENCE_MS / 2);
    return millis(next);
  }

  /** @returns what has changed, or undefined */
  pollChange(): PathChange | undefined {
    return this.#changes.shift();
  }

  #isInUse(now: Millis): boolean {
    return this.#usedAt !== undefined && now - this.#usedAt < USE_MS;
  }

  #follow(now: Millis, { isNew, forgotten }: SetOutcome): void {
    if (isNew) this.#lostPauseMs = LOST_PAUSE_MS;
    if (this.#chosen !== undefined && forgotten.includes(this.#chosen)) {
      this.#chosen.reset();
      this.#choose(now);
    }
    if (isNew && this.#usedAt !== undefined && !this.hasDirect(now)) this.#beginSearch(now);
  }

  #beginSearch(now: Millis): void {
    const chosen = this.#chosen;
    // Of a direct path that merely was not used it is soon known whether it is still there.
    const isIdle = chosen?.kind === "direct" && chosen.misses === 0 && chosen.isStale(now);
    this.#search = { startedAt: now, rounds: 0 };
    this.#nextSearchAt = Infinity;
    if (!isIdle) this.#changes.push({ kind: "unreached" });
    this.#goOnSearching(now);
  }

  /** What led to where the member was need not lead to it now; each path that does answers within a round trip. */
  #followMove(now: Millis): void {
    for (const path of this.#paths.values()) path.reset();
    if (this.#usedAt !== undefined) this.#beginSearch(now);
  }

  /** Probes are answered, and packets are not: something on the way tells them apart. */
  #doubt(now: Millis): void {
    const chosen = this.#chosen;
    if (chosen === undefined || this.#unheardSince === undefined || !chosen.isUp(now)) return;
    if (now - this.#unheardSince < FRUITLESS_MS) return;
    this.#unheardSince = now;
    chosen.distrust(now);
    this.#choose(now);
    if (this.#search === undefined) this.#beginSearch(now);
  }

  #goOnSearching(now: Millis): void {
    if (this.#search === undefined) {
      if (now < this.#nextSearchAt) return;
      this.#nextSearchAt = Infinity;
      if (this.#isInUse(now) && !this.hasDirect(now)) this.#beginSearch(now);
      return;
    }
    const { startedAt, rounds } = this.#search;
    const dueMs = ROUNDS_MS[rounds];
    if (dueMs === undefined) {
      this.#search = undefined;
      if (this.hasDirect(now)) this.#pauseMs = FIRST_PAUSE_MS;
      else if (!this.#chosen?.isUp(now)) {
        this.#nextSearchAt = now + this.#lostPauseMs;
        this.#lostPauseMs = Math.min(MAX_LOST_PAUSE_MS, this.#lostPauseMs * 2);
      } else {
        this.#nextSearchAt = now + this.#pauseMs;
        this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
      }
      return;
    }
    if (now - startedAt < dueMs) return;
    this.#search.rounds++;
    // Who could introduce them may not have known a moment ago where they are.
    const isToAsk = this.#chosen?.isUp(now) ? ROUNDS_TO_ASK.has(rounds) && !this.hasDirect(now) : rounds > 0;
    if (isToAsk) this.#changes.push({ kind: "unreached" });
    for (const path of this.#paths.values()) {
      if (!path.isUp(now) && path.asksLeft > 0) this.#ask(now, path);
    }
  }

  /** Asks where silence is suspicious, and now and then the paths that may be needed. */
  #keep(now: Millis): void {
    const chosen = this.#chosen;
    if (chosen === undefined || !this.#isInUse(now)) return;
    const isSilent = this.#sentAt !== undefined && now - this.#sentAt < 5_000 &&
      now - Math.max(this.#receivedAt ?? 0, chosen.lastAliveAt ?? 0) > SILENCE_MS;
    const isBusy = this.#unaskedBytes >= BUSY_BYTES && now - (chosen.lastAskAt ?? -Infinity) >= BUSY_ASK_MS;
    if ((isSilent || isBusy) && !chosen.isAsked) this.#ask(now, chosen);
    for (const path of this.#kept(now)) {
      if (now - (path.lastAskAt ?? -Infinity) >= KEEP_MS && !path.isAsked) this.#ask(now, path);
    }
    this.#askMtu(now, chosen);
  }

  /** The chosen path, the next best, and the best that is not direct. */
  #kept(now: Millis): Set<Path> {
    const others = [...this.#paths.values()].filter((path) => path !== this.#chosen && path.isUp(now))
      .toSorted((a, b) => a.costMs(now) - b.costMs(now));
    const kept = [this.#chosen, others[0], others.find(({ kind }) => kind !== "direct")];
    return new Set(kept.filter((path) => path !== undefined));
  }

  #askMtu(now: Millis, chosen: Path): void {
    if (chosen.isMtuAsked || chosen.rttMs === undefined || chosen.misses > 0) return;
    const isDue = this.#hasSent && now - (this.#mtuCheckedAt ?? -Infinity) >= MTU_RECHECK_MS;
    const bytes = chosen.mtu.nextBytes(now) ??
      (isDue || chosen.mtu.isDoubted ? chosen.mtu.payloadBytes : undefined);
    if (bytes === undefined) return;
    this.#mtuCheckedAt = now;
    this.#hasSent = false;
    // A shorter one beside it tells what was too long from what was lost.
    if (!chosen.isAsked) this.#ask(now, chosen);
    chosen.noteAsked(now, this.#parts.ask(chosen.endpoint, bytes), bytes, true);
  }

  #noteMtu(): void {
    const chosen = this.#chosen;
    if (chosen === undefined || chosen.mtu.payloadBytes === this.#chosenBytes) return;
    this.#chosenBytes = chosen.mtu.payloadBytes;
    this.#changes.push({ kind: "mtu", path: chosen });
  }

  #ask(now: Millis, path: Path): void {
    if (path === this.#chosen) this.#unaskedBytes = 0;
    path.noteAsked(now, this.#parts.ask(path.endpoint, undefined, this.#moves.told(now)), 0, false);
  }

  #choose(now: Millis): void {
    const current = this.#chosen?.isUp(now) ? this.#chosen : undefined;
    let best = current;
    for (const path of this.#paths.values()) {
      if (path === best || !path.isUp(now)) continue;
      if (best === undefined || path.costMs(now) < best.costMs(now) - marginMs(best, current)) best = path;
    }
    if (best === this.#chosen) return this.#noteMtu();
    const hadDirect = this.#chosen?.kind === "direct";
    this.#chosen = best;
    this.#chosenBytes = best?.mtu.payloadBytes ?? 0;
    this.#mtuCheckedAt = undefined;
    this.#changes.push({ kind: "chosen", path: best });
    if (best !== undefined) this.#lostPauseMs = LOST_PAUSE_MS;
    if (best?.kind === "direct") this.#pauseMs = FIRST_PAUSE_MS;
    // It worked a moment ago, so something has changed.
    else if ((hadDirect || best === undefined) && this.#search === undefined) this.#beginSearch(now);
  }
}

function marginMs(best: Path, current: Path | undefined): number {
  return best === current ? Math.max(HYSTERESIS_MS, HYSTERESIS * (best.rttMs ?? 0)) : 0;
}
