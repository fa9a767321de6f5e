/**
 * Everything that the page shows as entries by key, and what has changed of it since it was looked at last.
 * @module
 */

import type { AgentControl, PeerReport, PolicyLogLine, StatusReport } from "../../api/mod.ts";
import { WeftError } from "../../base/mod.ts";
import type {
  LiveCounters,
  LiveEntries,
  LiveNode,
  LivePeer,
  LivePolicy,
  LiveService,
  LiveToken,
  LiveTraffic,
} from "./live_entries.ts";

/** Longer lists are cut: a page is no export. */
const MAX_NAMES = 2_000;
const MAX_EVENTS = 200;
const MAX_DENIALS = 50;
const MAX_STALE = 20;
/** What is told as an age is a moment, to a second; less than that is how it was rounded. */
const JITTER_MS = 2_500;

/** An entry: its key and its value as JSON. */
export type EncodedEntry = readonly [key: string, json: string];

/** What is different. */
export interface DocumentChange {
  readonly set: readonly EncodedEntry[];
  readonly gone: readonly string[];
}

/** Some of the entries, and how often they are looked at. */
interface Section {
  readonly everyMs: number;
  read(
    wallMs: number,
  ): Iterable<readonly [key: string, value: unknown]> | Promise<Iterable<readonly [string, unknown]>>;
}

/** One agent's entries. */
export class LiveDocument {
  readonly #control: AgentControl;
  readonly #sections: readonly Section[];
  readonly #readAt = new Map<Section, number>();
  readonly #keys = new Map<Section, ReadonlySet<string>>();
  readonly #entries = new Map<string, string>();
  readonly #moments = new Map<string, number>();

  constructor(control: AgentControl) {
    this.#control = control;
    this.#sections = [
      { everyMs: 0, read: (wall) => this.#status(wall) },
      { everyMs: 1_000, read: () => this.#timeline() },
      { everyMs: 2_000, read: () => entriesOf("links", control.memberLinks(), ({ id }) => id) },
      { everyMs: 2_000, read: () => this.#services() },
      { everyMs: 2_000, read: () => this.#counters() },
      { everyMs: 2_000, read: () => this.#denials() },
      { everyMs: 2_000, read: () => this.#data() },
      { everyMs: 5_000, read: () => this.#names() },
      { everyMs: 5_000, read: () => this.#tokens() },
      // Its tests are run again for each answer.
      { everyMs: 10_000, read: () => this.#policy() },
    ];
  }

  /** @returns all entries as of the last look */
  get entries(): Iterable<EncodedEntry> {
    return this.#entries;
  }

  /**
   * Looks at what is due.
   * @param nowMs by a clock that never goes back
   * @param wallMs milliseconds since 1970
   * @returns what is different from the last time
   */
  async look(nowMs: number, wallMs: number): Promise<DocumentChange> {
    const set: EncodedEntry[] = [];
    const gone: string[] = [];
    for (const section of this.#sections) {
      if (nowMs - (this.#readAt.get(section) ?? -Infinity) < section.everyMs) continue;
      this.#readAt.set(section, nowMs);
      const keys = new Set<string>();
      for (const [key, value] of await section.read(wallMs)) {
        keys.add(key);
        const json = JSON.stringify(value);
        if (this.#entries.get(key) === json) continue;
        this.#entries.set(key, json);
        set.push([key, json]);
      }
      for (const key of this.#keys.get(section) ?? []) {
        if (keys.has(key)) continue;
        this.#entries.delete(key);
        this.#moments.delete(key);
        gone.push(key);
      }
      this.#keys.set(section, keys);
    }
    return { set, gone };
  }

  *#status(wallMs: number): Generator<readonly [string, unknown]> {
    const status = this.#control.status();
    yield ["node", this.#node(status, wallMs)];
    const { services, drops, refused, relay, clockSkewMs, dns, networks, peers } = status;
    const skew = clockSkewMs === null ? null : Math.round(clockSkewMs / 10) * 10;
    const counters: LiveCounters = {
      ...{ services, drops, refused, clockSkewMs: skew },
      ...relay && { relay },
      ...dns && { dns: dns.counters },
    };
    yield ["counters", counters];
    yield* entriesOf("network", networks, ({ name }) => name);
    for (const peer of peers) {
      yield [`peer:${peer.publicKey}`, livePeer(peer)];
      yield [`traffic:${peer.publicKey}`, this.#traffic(peer, wallMs)];
    }
  }

  #node(status: StatusReport, wallMs: number): LiveNode {
    const { uptimeMs, leaders, services: _, networks: __, peers: ___, drops: ____, ...rest } = status;
    const { refused: _____, dns, clockSkewMs: ______, relay, ...node } = rest;
    return {
      ...node,
      startedAt: this.#moment("node", wallMs - uptimeMs),
      leaders: leaders.map(({ lastHeardMs: _, ...leader }) => leader),
      ...dns && { dns: omit(dns, "counters") },
      relays: relay !== undefined,
    };
  }

  #traffic(peer: PeerReport, wallMs: number): LiveTraffic {
    const { publicKey, rxBytes, txBytes, rttMs, lastHandshakeAgeMs, lossPercent, score } = peer;
    const at = lastHandshakeAgeMs === null
      ? null
      : this.#moment(`traffic:${publicKey}`, wallMs - lastHandshakeAgeMs);
    return [rxBytes, txBytes, rttMs === null ? null : rounded(rttMs), at, lossPercent, Math.round(score)];
  }

  /** The same moment, told as an age again and again, is the same to the millisecond. */
  #moment(key: string, atMs: number): number {
    const before = this.#moments.get(key);
    if (before !== undefined && Math.abs(before - atMs) < JITTER_MS) return before;
    const at = Math.round(atMs / 1_000) * 1_000;
    this.#moments.set(key, at);
    return at;
  }

  #timeline(): Iterable<readonly [string, unknown]> {
    const last = this.#control.timeline({}).slice(-MAX_EVENTS);
    return entriesOf("event", last, ({ number }) => String(number));
  }

  #services(): Iterable<readonly [string, unknown]> {
    const services: LiveService[] = this.#control.listServices().map((service) => ({
      ...service,
      providers: service.providers.map((provider) => omit(provider, "rttMs")),
    }));
    return entriesOf("service", services, ({ path }) => path);
  }

  *#data(): Generator<readonly [string, unknown]> {
    const { collections, queues } = this.#control.listData();
    yield* entriesOf("collection", collections, ({ name }) => name);
    yield* entriesOf("queue", queues, ({ name }) => name);
  }

  #counters(): Iterable<readonly [string, unknown]> {
    return entriesOf("rule", this.#control.policyCounters().rules, ({ rule }) => rule);
  }

  async #denials(): Promise<Iterable<readonly [string, unknown]>> {
    const lines: PolicyLogLine[] = [];
    const ended = AbortSignal.timeout(1_000);
    for await (const line of this.#control.policyLog({}, ended)) lines.push(line);
    return [["denials", lines.slice(-MAX_DENIALS).reverse()]];
  }

  *#names(): Generator<readonly [string, unknown]> {
    const names = orNothing(() => this.#control.listNames());
    yield* entriesOf("name", names.slice(0, MAX_NAMES), ({ name, type, data }) => `${name} ${type} ${data}`);
  }

  *#tokens(): Generator<readonly [string, unknown]> {
    const tokens: LiveToken[] = orNothing(() => this.#control.listTokens()).map(
      ({ id, createdAt, expiresAt, usesLeft, used, labels, state }) => (
        { id, createdAt, expiresAt, usesLeft, used, labels, state }
      ),
    );
    yield* entriesOf("token", tokens, ({ id }) => id);
  }

  *#policy(): Generator<readonly [string, unknown]> {
    const { enforced, trial, warnings, failures, stale, members } = this.#control.policyStatus();
    const { denied, flows } = this.#control.policyCounters();
    const staleMembers = members.filter(({ isStale }) => isStale).slice(0, MAX_STALE).map(({ name }) => name);
    const policy: LivePolicy = { enforced, trial, warnings, failures, stale, staleMembers, denied, flows };
    yield ["policy", policy];
  }
}

function livePeer(peer: PeerReport): LivePeer {
  const { lastHandshakeAgeMs: _, rxBytes: __, txBytes: ___, rttMs: ____, lossPercent: _____, ...rest } = peer;
  const { score: ______, lastSeenMs, way, ...said } = rest;
  return {
    ...said,
    ...way && { way: omit(way, "rttMs") },
    // Of one that answers it is now, whenever that is.
    ...!peer.healthy && lastSeenMs !== undefined && { lastSeenMs },
  };
}

function* entriesOf<Kind extends keyof LiveEntries, T extends LiveEntries[Kind]>(
  kind: Kind,
  values: Iterable<T>,
  keyOf: (value: T) => string,
): Generator<readonly [string, T]> {
  for (const value of values) yield [`${kind}:${keyOf(value)}`, value];
}

/** Members have no tokens, and a node may serve no names. */
function orNothing<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof WeftError) return [];
    throw error;
  }
}

function omit<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = value;
  return rest;
}

/** Two digits are what a reader sees, and the others change all the time. */
function rounded(ms: number): number {
  return Number(ms.toPrecision(2));
}
