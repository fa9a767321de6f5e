/**
 * Which of the servers that are asked for other names answer, and when to look again after those that do not.
 *
 * ```text
 *   unknown ──answer──▶ answers ──miss──▶ doubted (asked after the others) ──3 misses──▶ silent (asked now and then)
 *                          ▲                          │ answer                             │ answer
 *                          └──────────────────────────┴────────────────────────────────────┘
 * ```
 * @module
 */

import type { Millis } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";

/** So many attempts in a row without an answer, and a server is not waited for any more. */
const SILENT_MISSES = 3;
/** A silent server is asked no more often than this, in milliseconds, whoever wants something of it. */
const MIN_RETRY_MS = 2_000;
/** Probes of a server that stays silent come no more seldom than this, in milliseconds. */
const MAX_PROBE_MS = 15_000;

/** `unknown` until it was asked for the first time. */
export type UpstreamState = "answers" | "silent" | "unknown";

interface Health {
  readonly server: Endpoint;
  /** Attempts without an answer since the last answer. */
  misses: number;
  answeredAt: Millis | undefined;
  triedAt: Millis | undefined;
  /** When to probe it; undefined while it answers. */
  probeAt: Millis | undefined;
  probeDelayMs: number;
}

/** What is known of each server; as many as the routes have. */
export class UpstreamHealth {
  readonly #servers = new Map<string, Health>();

  constructor(servers: Iterable<Endpoint>) {
    this.follow(servers);
  }

  /** Knows these servers alone; what is known of them stays. */
  follow(servers: Iterable<Endpoint>): void {
    const before = new Map(this.#servers);
    this.#servers.clear();
    for (const server of servers) {
      const known = before.get(server.toString());
      if (known !== undefined) {
        this.#servers.set(server.toString(), known);
        continue;
      }
      this.#servers.set(server.toString(), {
        server,
        misses: 0,
        answeredAt: undefined,
        triedAt: undefined,
        probeAt: undefined,
        probeDelayMs: MIN_RETRY_MS,
      });
    }
  }

  /** @returns the servers worth waiting for, those that answer first; empty when all are silent */
  awake(servers: readonly Endpoint[]): readonly Endpoint[] {
    const awake = servers.filter((server) => this.stateOf(server) !== "silent");
    const misses = (server: Endpoint): number => this.#of(server).misses === 0 ? 0 : 1;
    return awake.toSorted((a, b) => misses(a) - misses(b));
  }

  /** @returns those of silent servers that may be tried again by now */
  due(now: Millis, servers: readonly Endpoint[]): readonly Endpoint[] {
    return servers.filter((server) => {
      const { triedAt } = this.#of(server);
      return triedAt === undefined || now - triedAt >= MIN_RETRY_MS;
    });
  }

  stateOf(server: Endpoint): UpstreamState {
    const { misses, answeredAt } = this.#of(server);
    if (misses >= SILENT_MISSES) return "silent";
    return answeredAt === undefined ? "unknown" : "answers";
  }

  handleAttempt(now: Millis, server: Endpoint): void {
    this.#of(server).triedAt = now;
  }

  /** Whatever it says, it is there. */
  handleAnswer(now: Millis, server: Endpoint): void {
    const health = this.#of(server);
    health.misses = 0;
    health.answeredAt = now;
    health.probeAt = undefined;
    health.probeDelayMs = MIN_RETRY_MS;
  }

  /** An attempt that began at `since` got no answer. One that came to another question meanwhile is enough. */
  handleMiss(now: Millis, server: Endpoint, since: Millis): void {
    const health = this.#of(server);
    if (health.answeredAt !== undefined && health.answeredAt >= since) return;
    health.misses = Math.min(SILENT_MISSES, health.misses + 1);
    // A single lost datagram is not to put another server before this one for long.
    health.probeAt ??= now;
  }

  /** @returns the servers to be probed now; each is due again later, until it answers */
  takeProbes(now: Millis): readonly Endpoint[] {
    const due = [...this.#servers.values()].filter(({ probeAt }) => probeAt !== undefined && probeAt <= now);
    for (const health of due) {
      health.probeAt = now + health.probeDelayMs as Millis;
      health.probeDelayMs = Math.min(MAX_PROBE_MS, 2 * health.probeDelayMs);
    }
    return due.map(({ server }) => server);
  }

  /** @returns when `takeProbes` has something; undefined when all answer */
  pollTimeout(): Millis | undefined {
    let earliest: Millis | undefined;
    for (const { probeAt } of this.#servers.values()) {
      if (probeAt !== undefined && (earliest === undefined || probeAt < earliest)) earliest = probeAt;
    }
    return earliest;
  }

  #of(server: Endpoint): Health {
    const health = this.#servers.get(server.toString());
    if (health === undefined) throw new RangeError(`${server} is no server of this forwarder`);
    return health;
  }
}
