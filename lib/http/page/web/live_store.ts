/**
 * What the agent has said, by kind and key, and the traffic of the last two minutes.
 * @module
 */

import type { LiveChange, LiveEntries, LiveSnapshot, LiveTraffic } from "../../events/mod.ts";
import type { ServerEvent } from "./event_parser.ts";
import type { Connection } from "./feed.ts";

/** One point a second. */
export const HISTORY_POINTS = 120;
/** A peer of which nothing was told for so long sends nothing. */
const RATE_LIFE_MS = 5_000;

/** Bits a second, each way. */
export interface Rates {
  readonly rx: number;
  readonly tx: number;
}

/** What is known of one peer's traffic. */
export interface Traffic {
  readonly rates: Rates;
  /** Both ways together, the last point last. */
  readonly past: readonly number[];
  /** Round trips in milliseconds. */
  readonly rtts: readonly number[];
}

interface Measured {
  rx: number;
  tx: number;
  at: number;
  rates: Rates;
  readonly past: number[];
  readonly rtts: number[];
}

const NOTHING: Traffic = { rates: { rx: 0, tx: 0 }, past: [], rtts: [] };

/** One agent, as it has told. */
export class LiveStore {
  /** How the connection is doing. */
  connection: Connection = { state: "connecting" };
  /** Whether anything was told yet. */
  isReady = false;
  /** When the last was told, by this machine's clock. */
  heardAt = 0;
  /** The agent's clock is so far ahead of this machine's, in milliseconds. */
  skewMs = 0;
  /** Of all peers together, bits a second. */
  readonly received: number[] = [];
  readonly sent: number[] = [];
  readonly #kinds = new Map<string, Map<string, unknown>>();
  readonly #measured = new Map<string, Measured>();
  readonly #linkRates = new Map<string, { at: number; rx: number; tx: number; rates: Rates }>();
  readonly #observers = new Set<() => void>();

  /** @returns a function that ends it */
  subscribe(observer: () => void): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  /** Milliseconds since 1970 by the agent's clock. */
  now(): number {
    return Date.now() + this.skewMs;
  }

  /** @returns the entry without a key of its own */
  one<Kind extends keyof LiveEntries>(kind: Kind): LiveEntries[Kind] | undefined {
    return this.#kinds.get(kind)?.get("") as LiveEntries[Kind] | undefined;
  }

  /** @returns all entries of a kind */
  all<Kind extends keyof LiveEntries>(kind: Kind): readonly LiveEntries[Kind][] {
    return [...this.#kinds.get(kind)?.values() ?? []] as LiveEntries[Kind][];
  }

  /** @returns the numbers of a peer */
  numbers(publicKey: string): LiveTraffic | undefined {
    return this.#kinds.get("traffic")?.get(publicKey) as LiveTraffic | undefined;
  }

  /** @returns what went to and from a peer lately */
  traffic(publicKey: string): Traffic {
    return this.#measured.get(publicKey) ?? NOTHING;
  }

  /** @returns what a member says of one of its links, in bits a second */
  linkRates(id: string, other: string): Rates {
    return this.#linkRates.get(`${id} ${other}`)?.rates ?? NOTHING.rates;
  }

  /** Takes in what the agent tells. */
  handleEvent({ event, data }: ServerEvent): void {
    const told = JSON.parse(data) as LiveSnapshot & LiveChange;
    if (event === "snapshot") {
      this.#kinds.clear();
      for (const [key, value] of Object.entries(told.entries)) this.#set(key, value, told.at);
      this.isReady = true;
    } else if (event === "change") {
      for (const [key, value] of Object.entries(told.set)) this.#set(key, value, told.at);
      for (const key of told.gone) this.#remove(key);
      this.isReady = true;
    }
    this.heardAt = Date.now();
    this.skewMs = told.at - this.heardAt;
    this.#tell();
  }

  /** The connection is doing otherwise. */
  handleConnection(connection: Connection): void {
    if (connection.state === "live" && this.connection.state === "live") return;
    this.connection = connection;
    this.#tell();
  }

  /** Notes how much goes now; to be called once a second. */
  tick(): void {
    if (this.connection.state === "live") {
      const now = this.now();
      const sum = { rx: 0, tx: 0 };
      for (const [key, measured] of this.#measured) {
        if (!this.#kinds.get("traffic")?.has(key)) {
          this.#measured.delete(key);
          continue;
        }
        if (now - measured.at > RATE_LIFE_MS) measured.rates = { rx: 0, tx: 0 };
        push(measured.past, measured.rates.rx + measured.rates.tx);
        const rtt = this.numbers(key)?.[2];
        if (rtt !== null && rtt !== undefined) push(measured.rtts, rtt);
        sum.rx += measured.rates.rx;
        sum.tx += measured.rates.tx;
      }
      push(this.received, sum.rx);
      push(this.sent, sum.tx);
    }
    this.#tell();
  }

  #set(key: string, value: unknown, at: number): void {
    const colon = key.indexOf(":");
    const [kind, name] = colon < 0 ? [key, ""] : [key.slice(0, colon), key.slice(colon + 1)];
    let entries = this.#kinds.get(kind);
    if (entries === undefined) this.#kinds.set(kind, entries = new Map());
    entries.set(name, value);
    if (kind === "traffic") this.#measure(name, value as LiveTraffic, at);
    else if (kind === "links") this.#measureLinks(value as LiveEntries["links"]);
  }

  #remove(key: string): void {
    const colon = key.indexOf(":");
    if (colon < 0) this.#kinds.delete(key);
    else this.#kinds.get(key.slice(0, colon))?.delete(key.slice(colon + 1));
  }

  #measure(key: string, [rx, tx]: LiveTraffic, at: number): void {
    const before = this.#measured.get(key);
    if (before === undefined) {
      return void this.#measured.set(key, { rx, tx, at, rates: NOTHING.rates, past: [], rtts: [] });
    }
    before.rates = ratesBetween(before, { rx, tx, at });
    before.rx = rx;
    before.tx = tx;
    before.at = at;
  }

  #measureLinks({ id, at, links }: LiveEntries["links"]): void {
    for (const { id: other, rxBytes: rx, txBytes: tx } of links) {
      const key = `${id} ${other}`;
      const before = this.#linkRates.get(key);
      if (before !== undefined && before.at === at) continue;
      const rates = before === undefined ? NOTHING.rates : ratesBetween(before, { rx, tx, at });
      this.#linkRates.set(key, { at, rx, tx, rates });
    }
  }

  #tell(): void {
    for (const observer of this.#observers) observer();
  }
}

interface Counted {
  readonly rx: number;
  readonly tx: number;
  readonly at: number;
}

/** A counter that went back means a restart. */
function ratesBetween(before: Counted, now: Counted): Rates {
  const seconds = (now.at - before.at) / 1_000;
  if (seconds <= 0) return NOTHING.rates;
  return {
    rx: Math.max(0, now.rx - before.rx) * 8 / seconds,
    tx: Math.max(0, now.tx - before.tx) * 8 / seconds,
  };
}

function push(past: number[], value: number): void {
  past.push(value);
  if (past.length > HISTORY_POINTS) past.shift();
}
