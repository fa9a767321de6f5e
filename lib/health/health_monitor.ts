/**
 * Whom to probe when, and what came of it.
 *
 * A peer is probed when it is first seen. While it answers it is asked again every 10 s, else in rounds of 30 s; after
 * a first miss, or a hint that something is wrong with it, at once. Who has missed twenty rounds is asked ever more seldom,
 * every hour at last, until there is a sign of it. So a peer that falls silent is known to be down
 * after at most 10 + 5 + 5 s. Of whom something is heard without a question it is enough to measure the round trip every two
 * minutes. In a large network all of that is stretched so that 16 probes a second are enough.
 *
 * @module
 */

import { type Millis, millis, randomFraction, type RandomSource } from "../base/mod.ts";
import { MISSES_UNTIL_DOWN, type PeerFigures, PeerMonitor, type ProbeAnswer } from "./peer_health.ts";

/** When peers are probed, and for how long an answer is waited for, each in milliseconds. */
export interface HealthTimes {
  /** Between two rounds in which everybody is probed; 30 s when absent. */
  readonly roundMs?: number;
  /** Between two probes of a peer that answers; 10 s when absent. */
  readonly keepAliveMs?: number;
  /** How long a probe may take; 5 s when absent. */
  readonly timeoutMs?: number;
}

const ROUND_MS = 30_000;
const KEEP_ALIVE_MS = 10_000;
const MAX_PROBES_PER_SECOND = 16;
/** Who is heard of without a question is asked so often all the same. */
const MEASURE_MS = 120_000;
/** So many rounds may be missed before the pauses grow, and twice as long every so many. */
const ROUNDS_WHILE_NEAR = 20;
const ROUNDS_A_DOUBLING = 2;
/** Of 30 s more than an hour. */
const MAX_DOUBLINGS = 7;
/** Each pause is shortened by up to this part, so that peers that met at the same moment are not probed together. */
const JITTER = 0.1;
/** Hints about one peer that come sooner after a probe than this are covered by it. */
const HINT_PAUSE_MS = 1_000;

/** What is known of a peer beside its probes. */
export interface MonitoredTarget {
  /** Whether it answers probes at all; a plain WireGuard device is judged by its handshakes. */
  readonly isProbed: boolean;
  /** When it last said something that came the way that probes go; absent when nothing but probes says that. */
  readonly heardAt?: Millis;
  /** After how much silence it is probed while it is well, in milliseconds; as the monitor's times have it when absent. */
  readonly pauseMs?: number;
}

interface Watched {
  readonly watch: PeerMonitor;
  isProbed: boolean;
  pauseMs: number;
  heardAt: number;
  /** Somebody believes that it went away or came back: it is asked whatever it says by itself. */
  isHinted: boolean;
  dueAt: Millis;
  sentAt?: Millis;
  /** The verdict of the last event; undefined before the first one. */
  verdict?: string;
}

/** The first verdict on a peer, or another one than before. */
export interface HealthEvent {
  readonly id: string;
  readonly figures: PeerFigures;
}

/** The schedule and the verdicts. `handleTimeout` may be called early and often. */
export class HealthMonitor {
  readonly #random: RandomSource;
  readonly #roundMs: number;
  readonly #keepAliveMs: number;
  readonly #peers = new Map<string, Watched>();
  readonly #due: string[] = [];
  readonly #events: HealthEvent[] = [];

  constructor(random: RandomSource, { roundMs = ROUND_MS, keepAliveMs = KEEP_ALIVE_MS }: HealthTimes = {}) {
    this.#random = random;
    this.#roundMs = roundMs;
    this.#keepAliveMs = keepAliveMs;
  }

  /** Looks after exactly these from now on. @param targets by id, what is known of each */
  setTargets(now: Millis, targets: ReadonlyMap<string, MonitoredTarget>): void {
    for (const id of this.#peers.keys()) if (!targets.has(id)) this.#peers.delete(id);
    for (const [id, { isProbed, pauseMs = this.#keepAliveMs, heardAt }] of targets) {
      const known = this.#peers.get(id);
      if (known === undefined) {
        const watch = new PeerMonitor();
        this.#peers.set(id, { watch, isProbed, pauseMs, heardAt: -Infinity, isHinted: false, dueAt: now });
        continue;
      }
      known.isProbed = isProbed;
      known.pauseMs = pauseMs;
      if (heardAt !== undefined && heardAt > known.heardAt) this.#noteHeard(known, heardAt);
    }
  }

  /** @param at when the last handshake with it was completed; undefined when there was none */
  handleHandshake(id: string, at: Millis | undefined): void {
    this.#peers.get(id)?.watch.handleHandshake(at);
  }

  /** Somebody believes that the peer went away, or came back: it is probed at once. */
  handleHint(now: Millis, id: string): void {
    const peer = this.#peers.get(id);
    if (peer === undefined || peer.sentAt !== undefined && now - peer.sentAt < HINT_PAUSE_MS) return;
    peer.dueAt = now;
    peer.isHinted = true;
  }

  /** A probe is on its way. */
  handleSent(now: Millis, id: string): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    peer.sentAt = now;
    peer.isHinted = false;
    this.#schedule(now, peer);
  }

  /**
   * A probe has ended.
   * @param sentAt when it was sent
   * @param answer undefined when there was none in time
   */
  handleProbe(now: Millis, id: string, sentAt: Millis, answer: ProbeAnswer | undefined): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    const { watch } = peer;
    if (answer !== undefined) watch.handleAnswer(now, answer);
    else watch.handleMiss(sentAt);
    const isFirstMiss = answer === undefined && watch.failureCount < MISSES_UNTIL_DOWN;
    if (isFirstMiss) peer.dueAt = now;
    else this.#schedule(sentAt, peer);
    this.#note(now, id, peer);
  }

  /** Finds who is due, and whose verdict has changed by time alone. */
  handleTimeout(now: Millis): void {
    for (const [id, peer] of this.#peers) {
      if (peer.isProbed && peer.dueAt <= now) {
        this.#schedule(now, peer);
        this.#due.push(id);
      }
      // There is no verdict on a peer before its first probe has ended.
      if (peer.verdict !== undefined || !peer.isProbed) this.#note(now, id, peer);
    }
  }

  /** @returns whom to probe now, or undefined */
  pollProbe(): string | undefined {
    return this.#due.shift();
  }

  /** @returns the next verdict that has changed, or undefined */
  pollEvent(): HealthEvent | undefined {
    return this.#events.shift();
  }

  /** @returns when the next probe falls due; undefined when there is nobody to probe */
  pollTimeout(): Millis | undefined {
    let next: Millis | undefined;
    for (const { isProbed, dueAt } of this.#peers.values()) {
      if (isProbed && (next === undefined || dueAt < next)) next = dueAt;
    }
    return next;
  }

  /** @returns the figures at `now`, or undefined when the peer is not looked after */
  figures(now: Millis, id: string): PeerFigures | undefined {
    return this.#peers.get(id)?.watch.figures(now);
  }

  #schedule(now: Millis, peer: Watched): void {
    const { watch } = peer;
    const isWell = watch.probes > 0 && watch.failureCount === 0;
    const stretchedMs = 1000 * this.#peers.size / MAX_PROBES_PER_SECOND;
    const lateRounds = Math.max(0, watch.failureCount - ROUNDS_WHILE_NEAR);
    const doublings = Math.min(MAX_DOUBLINGS, Math.floor(lateRounds / ROUNDS_A_DOUBLING));
    const roundMs = this.#roundMs * 2 ** doublings;
    const pauseMs = Math.max(isWell ? peer.pauseMs : roundMs, stretchedMs);
    peer.dueAt = millis(now + pauseMs * (1 - JITTER * randomFraction(this.#random)));
  }

  /** Who is well and says something need not be asked so soon. */
  #noteHeard(peer: Watched, heardAt: Millis): void {
    peer.heardAt = heardAt;
    const { watch, sentAt, pauseMs } = peer;
    if (sentAt === undefined || watch.probes === 0 || watch.failureCount > 0 || peer.isHinted) return;
    const quietUntil = heardAt + pauseMs * (1 - JITTER * randomFraction(this.#random));
    peer.dueAt = millis(Math.max(peer.dueAt, Math.min(quietUntil, sentAt + MEASURE_MS)));
  }

  #note(now: Millis, id: string, peer: Watched): void {
    const figures = peer.watch.figures(now);
    const verdict = `${figures.healthy} ${figures.path}`;
    if (peer.verdict === verdict) return;
    peer.verdict = verdict;
    this.#events.push({ id, figures });
  }
}
