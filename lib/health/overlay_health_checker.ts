/**
 * Probing every peer through the overlay, over and over, and calling back when a verdict changes.
 * @module
 */

import { type Environment, type Millis, millis, type UnixMillis } from "../base/mod.ts";
import { HealthMonitor, type HealthTimes, type MonitoredTarget } from "./health_monitor.ts";
import type { PeerFigures, ProbeAnswer } from "./peer_health.ts";

/** How long a probe may take, unless the times say otherwise. */
export const PROBE_TIMEOUT_MS = 5_000;
/** How often handshakes and the list of peers are looked at. */
const LOOK_MS = 1_000;
/** So many probes may be under way; further ones wait for one to end. */
const MAX_PROBES_UNDER_WAY = 32;

/** A peer to look after. */
export interface HealthTarget extends MonitoredTarget {
  /** Stays the same for as long as it is the same peer. */
  readonly id: string;
  /** The WireGuard public key, base64. */
  readonly publicKey: string;
  /** The name within the network. */
  readonly name: string;
  /** The overlay address. */
  readonly address: string;
  /** Of the last WireGuard handshake; undefined when there was none. */
  readonly handshakeAt: UnixMillis | undefined;
}

/** Whom a checker looks after, and how it probes them. */
export interface HealthPorts extends Pick<Environment, "clock" | "timers" | "random"> {
  /** Everybody to look after. @returns everybody to look after, as of now */
  targets(): readonly HealthTarget[];
  /**
   * Sends a probe and waits for the answer.
   * @returns undefined when there was none within `timeoutMs` milliseconds; it never rejects
   */
  probe(target: HealthTarget, timeoutMs: number): Promise<ProbeAnswer | undefined>;
}

/** One peer's health. */
export interface PeerHealth extends PeerFigures, Pick<HealthTarget, "id" | "publicKey" | "name" | "address"> {
  /** When these figures were taken, milliseconds since 1970. */
  readonly checkedAt: number;
}

/** Everybody's health. */
export interface HealthReport {
  /** How many peers there are. */
  readonly total: number;
  /** How many of them are healthy. */
  readonly healthy: number;
  /** How many are not. */
  readonly unhealthy: number;
  /** Milliseconds since 1970. */
  readonly checkedAt: number;
  /** One for each peer. */
  readonly peers: readonly PeerHealth[];
}

/** Called for a peer on first sight and on every change. */
export type HealthCallback = (peer: PeerHealth) => void;

/**
 * Checks peers by probes and handshakes. It works while a `run` or a `checkAll` is under way.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { SeededRandom, VirtualClock, VirtualTimers } from "../base/mod.ts";
 * import { OverlayHealthChecker } from "./overlay_health_checker.ts";
 * const clock = new VirtualClock();
 * const peer = { id: "1", publicKey: "k", name: "web-1", address: "10.200.0.2", isProbed: true };
 * const checker = new OverlayHealthChecker({
 *   clock,
 *   timers: new VirtualTimers(clock),
 *   random: new SeededRandom(1),
 *   targets: () => [{ ...peer, handshakeAt: undefined }],
 *   probe: () => Promise.resolve({ rttMs: 3, path: "direct" }),
 * });
 * const report = await checker.checkAll();
 * assert.equal(report.healthy, 1);
 * assert.equal(report.peers[0]?.lastPingMs, 3);
 * ```
 */
export class OverlayHealthChecker {
  readonly #ports: HealthPorts;
  readonly #monitor: HealthMonitor;
  readonly #timeoutMs: number;
  readonly #listeners = new Set<HealthCallback>();
  #targets = new Map<string, HealthTarget>();
  readonly #handshakes = new Map<string, { readonly wall: UnixMillis; readonly at: Millis }>();
  readonly #reported = new Set<string>();
  #lookedAt: Millis | undefined;
  #underWay = 0;
  #cancelTimer: (() => void) | undefined;

  /** Looks after nobody before `run` or `checkAll`. @param times when to probe, and how long an answer may take */
  constructor(ports: HealthPorts, times: HealthTimes = {}) {
    this.#ports = ports;
    this.#monitor = new HealthMonitor(ports.random, times);
    this.#timeoutMs = times.timeoutMs ?? PROBE_TIMEOUT_MS;
  }

  /** Probes everybody now. @returns what came of it, when the last probe has ended */
  async checkAll(): Promise<HealthReport> {
    this.#look();
    const waiting = [...this.#targets.values()].filter((target) => target.isProbed);
    const workers = Array.from({ length: MAX_PROBES_UNDER_WAY }, async () => {
      for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
        await this.#probe(target);
      }
    });
    await Promise.all(workers);
    return this.report();
  }

  /** Everybody's health. @returns what is known now, without probing */
  report(): HealthReport {
    this.#look();
    const now = this.#ports.clock.now();
    const peers = [...this.#targets.values()]
      .map((target) => this.#healthOf(target, this.#monitor.figures(now, target.id)))
      .filter((peer) => peer !== undefined);
    const healthy = peers.filter((peer) => peer.healthy).length;
    const checkedAt = this.#ports.clock.wall();
    return { total: peers.length, healthy, unhealthy: peers.length - healthy, checkedAt, peers };
  }

  /** One peer's figures. @returns the figures of one peer as of now; undefined when it is none */
  figures(id: string): PeerFigures | undefined {
    return this.#monitor.figures(this.#ports.clock.now(), id);
  }

  /**
   * Goes on checking and calls back once for each peer on first sight, and again whenever it becomes healthy or
   * unhealthy, or is reached another way. A callback that throws is called no more.
   * @returns when `signal` aborts; without one, never
   * @throws whatever the callback throws
   */
  run(callback: HealthCallback, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (end: () => void): void => {
      this.#listeners.delete(listener);
      signal?.removeEventListener("abort", onAbort);
      if (this.#listeners.size === 0) this.#cancelTimer?.();
      end();
    };
    const onAbort = (): void => leave(resolve);
    const listener: HealthCallback = (peer) => {
      try {
        callback(peer);
      } catch (error) {
        leave(() => reject(error));
      }
    };
    if (signal?.aborted) return Promise.resolve();
    signal?.addEventListener("abort", onAbort);
    this.#listeners.add(listener);
    const now = this.#ports.clock.now();
    for (const id of this.#reported) {
      const target = this.#targets.get(id);
      const peer = target && this.#healthOf(target, this.#monitor.figures(now, id));
      if (peer !== undefined) listener(peer);
    }
    if (this.#listeners.size === 1) this.#runDue();
    return promise;
  }

  /**
   * Has a peer probed at once, because somebody believes that it went away or came back. Hints about one peer that
   * come more than once a second count once.
   */
  suspect(id: string): void {
    this.#monitor.handleHint(this.#ports.clock.now(), id);
    if (this.#cancelTimer !== undefined) this.#runDue();
  }

  /** Does what is due, and sets the timer for the next time. */
  #runDue(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#listeners.size === 0) return;
    const { clock, timers } = this.#ports;
    const now = clock.now();
    this.#look();
    this.#monitor.handleTimeout(now);
    while (this.#underWay < MAX_PROBES_UNDER_WAY) {
      const id = this.#monitor.pollProbe();
      if (id === undefined) break;
      const target = this.#targets.get(id);
      if (target !== undefined) void this.#probe(target);
    }
    this.#report();
    // The last listener may have had enough.
    if (this.#listeners.size === 0) return;
    const dueInMs = (this.#monitor.pollTimeout() ?? now) - now;
    const waitMs = dueInMs > 0 ? Math.min(LOOK_MS, dueInMs) : LOOK_MS;
    const cancel = timers.setTimer(waitMs, () => this.#runDue());
    this.#cancelTimer = () => {
      cancel();
      this.#cancelTimer = undefined;
    };
  }

  async #probe(target: HealthTarget): Promise<void> {
    const { clock, probe } = this.#ports;
    const sentAt = clock.now();
    this.#monitor.handleSent(sentAt, target.id);
    this.#underWay++;
    try {
      const answer = await probe(target, this.#timeoutMs);
      this.#monitor.handleProbe(clock.now(), target.id, sentAt, answer);
    } finally {
      this.#underWay--;
    }
    this.#report();
    // A miss may ask for another probe at once, and others may have waited for this one to end.
    if (this.#cancelTimer !== undefined) this.#runDue();
  }

  /**
   * How old a handshake is, whatever has become of the wall clock since.
   * @param handshakeAt when the peer's last one was, by the wall clock of that time
   * @returns milliseconds
   */
  handshakeAgeMs(id: string, handshakeAt: UnixMillis): number {
    const now = this.#ports.clock.now();
    const known = this.#handshakes.get(id);
    const at = known?.wall === handshakeAt ? known.at : this.#date(now, handshakeAt, this.#targets.has(id));
    return Math.max(0, now - at);
  }

  /** Takes in who is a peer now, and whose handshakes are new. */
  #look(): void {
    const { clock, targets } = this.#ports;
    const now = clock.now();
    const former = this.#targets;
    this.#targets = new Map(targets().map((target) => [target.id, target]));
    this.#monitor.setTargets(now, this.#targets);
    for (const id of this.#reported) if (!this.#targets.has(id)) this.#reported.delete(id);
    for (const id of this.#handshakes.keys()) if (!this.#targets.has(id)) this.#handshakes.delete(id);
    for (const { id, handshakeAt } of this.#targets.values()) {
      this.#follow(now, id, handshakeAt, former.has(id));
    }
    this.#lookedAt = now;
  }

  /** The wall clock may be set while a handshake ages, so each is dated once, when it is new. */
  #follow(now: Millis, id: string, wall: UnixMillis | undefined, wasThere: boolean): void {
    if (this.#handshakes.get(id)?.wall === wall) return;
    if (wall === undefined) this.#handshakes.delete(id);
    else this.#handshakes.set(id, { wall, at: this.#date(now, wall, wasThere) });
    this.#monitor.handleHandshake(id, this.#handshakes.get(id)?.at);
    // Whoever was away may be back.
    if (wall !== undefined && this.#monitor.figures(now, id)?.failureCount) this.#monitor.handleHint(now, id);
  }

  /** @param wasThere whether it was looked at before, without this handshake: then it is younger than that */
  #date(now: Millis, wall: UnixMillis, wasThere: boolean): Millis {
    const ageMs = Math.max(0, this.#ports.clock.wall() - wall);
    const sinceLookMs = wasThere ? now - (this.#lookedAt ?? now) : Infinity;
    return millis(now - Math.min(ageMs, sinceLookMs));
  }

  #report(): void {
    for (let event = this.#monitor.pollEvent(); event !== undefined; event = this.#monitor.pollEvent()) {
      const target = this.#targets.get(event.id);
      const peer = target && this.#healthOf(target, event.figures);
      if (peer === undefined) continue;
      this.#reported.add(event.id);
      for (const listener of [...this.#listeners]) listener(peer);
    }
  }

  #healthOf(target: HealthTarget, figures: PeerFigures | undefined): PeerHealth | undefined {
    if (figures === undefined) return undefined;
    const { id, publicKey, name, address } = target;
    return { id, publicKey, name, address, ...figures, checkedAt: this.#ports.clock.wall() };
  }
}
