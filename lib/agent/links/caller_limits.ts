/**
 * How many handshakes of the message plane are worked on: of one source, and of all, before any key is touched.
 *
 *     source ─▶ its own rate ─▶ rate of its standing ─▶ handshake
 *                               proven │ stated │ stranger
 *
 * A stranger may have any number of sources, so that strangers together have a rate too. Members don't share it: whoever
 * called from there and was one, or says in its statement that it is there, is counted apart.
 * @module
 */

import { KeyedRateLimiter, type Millis } from "../../base/mod.ts";
import type { MemberRecord, NodeId, Roster } from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { LinkWay } from "./link_table.ts";

/** What is known of a source: a member has called from there, a member says that it is there, it is a relay, or nothing. */
export type CallerStanding = "proven" | "stated" | "stranger" | "relayed";

/** A hundred machines behind one address may come at once; one handshake is some 200 µs of work. */
const SOURCE_LIMITS = { burst: 128, everyMs: 20, maxSources: 8_192 };
/** Of whom one relay names; the relay itself is a source as others are, so that it gains nothing by inventing names. */
const RELAYED_LIMITS = { burst: 8, everyMs: 500, maxSources: 8_192 };
/** Of each standing: 200 a second are 4 % of a core. */
const STANDING_LIMITS = { burst: 512, everyMs: 5, maxSources: 4 };
/** How many sources of members are remembered; the one that called longest ago gives way. */
const MAX_PROVEN = 4_096;
/** How many members' statements are looked through, and how often at most. */
const MAX_STATEMENTS = 4_096;
const STATEMENTS_EVERY_MS = 10_000;
/** Of an IPv6 address: one site has at least what is behind them (RFC 4291 §2.5.4). */
const SITE_BYTES = 8;

/** Decides whether a connection is worth a handshake. Memory is bounded, whoever calls. */
export class CallerLimits {
  readonly #roster: Pick<Roster, "linkableRecords" | "linkable">;
  readonly #sources = new KeyedRateLimiter(SOURCE_LIMITS);
  readonly #relayed = new KeyedRateLimiter(RELAYED_LIMITS);
  readonly #standings = new KeyedRateLimiter(STANDING_LIMITS);
  /** The order is that in which they called last. */
  readonly #proven = new Set<string>();
  #stated: ReadonlySet<string> = new Set();
  #statedAt = -Infinity;

  /** @param roster whose members' statements count */
  constructor(roster: Pick<Roster, "linkableRecords" | "linkable">) {
    this.#roster = roster;
  }

  /** @returns what the caller is taken for, or undefined when it is to be turned away */
  admit(now: Millis, origin: string): CallerStanding | undefined {
    if (!this.#sources.allows(now, origin)) return undefined;
    if (this.#proven.has(origin)) return this.#standings.allows(now, "proven") ? "proven" : undefined;
    if (this.#standings.allows(now, "stranger")) return "stranger";
    // Only when it matters are the statements looked through.
    if (!this.#isStated(now, origin)) return undefined;
    return this.#standings.allows(now, "stated") ? "stated" : undefined;
  }

  /** @returns "relayed", or undefined when what a member passes on in the name of another one is too much */
  admitRelayed(now: Millis, via: NodeId, origin: NodeId): CallerStanding | undefined {
    if (!this.#relayed.allows(now, `${via} ${origin}`) || !this.#sources.allows(now, via)) return undefined;
    return this.#standings.allows(now, "relayed") ? "relayed" : undefined;
  }

  /** A member has proven itself, calling from there. What calls by the web comes from a proxy, which strangers call too. */
  noteMember(origin: string, way: LinkWay["kind"]): void {
    if (way === "web" || way === "relay") return;
    this.#proven.delete(origin);
    this.#proven.add(origin);
    if (this.#proven.size <= MAX_PROVEN) return;
    const [oldest] = this.#proven;
    if (oldest !== undefined) this.#proven.delete(oldest);
  }

  #isStated(now: Millis, origin: string): boolean {
    if (now - this.#statedAt >= STATEMENTS_EVERY_MS) {
      this.#statedAt = now;
      this.#stated = this.#statedOrigins();
    }
    return this.#stated.has(origin);
  }

  #statedOrigins(): ReadonlySet<string> {
    const origins = new Set<string>();
    let left = MAX_STATEMENTS;
    const leadersFirst = (a: MemberRecord, b: MemberRecord) =>
      Number(b.roles.includes("leader")) - Number(a.roles.includes("leader"));
    for (const { nodeId } of [...this.#roster.linkableRecords()].sort(leadersFirst)) {
      if (left-- === 0) break;
      for (const endpoint of this.#roster.linkable(nodeId)?.statement?.channelEndpoints ?? []) {
        origins.add(originOf(endpoint));
      }
    }
    return origins;
  }
}

/** @returns what all addresses have in common that one sender has for free: an IPv4 address, or an IPv6 /64 */
export function originOf({ address }: Endpoint): string {
  return address.family === 4 ? address.toString() : address.bytes.subarray(0, SITE_BYTES).toHex();
}
