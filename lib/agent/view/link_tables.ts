/**
 * The links of all members, as they say themselves: asked for while somebody looks, answered to members alone.
 *
 *     page ── GET /links ──▶ this node ── stream "links" ──▶ each member with a link here: its own table
 *                                └─────── stream "links" ──▶ one leader: also those of whom it has links to
 *
 * @module
 */

import type { LinkReport, MemberLinks, PeerReport } from "../../api/mod.ts";
import { concatBytes, type Environment, KeyedRateLimiter, withTimeout } from "../../base/mod.ts";
import type { Channel, ChannelStream } from "../../channel/mod.ts";
import type { MeshState, NodeId } from "../../mesh/mod.ts";
import type { Link } from "../links/mod.ts";
import {
  type AgedTable,
  decodeLinkQuestion,
  decodeLinkTables,
  encodeLinkQuestion,
  encodeLinkTables,
  MAX_LINKS,
  MAX_TABLES_BYTES,
} from "./link_table_codec.ts";

/** The topic of the streams. */
export const LINKS_TOPIC = "links";

/** What a stream is reset with that is refused. */
export const LINKS_REFUSALS = { malformed: 1, "not-member": 2, "too-often": 3, busy: 4 } as const;

/** How often others are asked at most, and the larger the mesh, the less often. */
const LEAST_PERIOD_MS = 10_000;
const PERIOD_MS_PER_LINK = 50;
/** How long an own table is the same for all who ask. */
const OWN_MS = 1_000;
/** How many members are asked at once, and how long each may take. */
const MAX_ASKED = 8;
const ANSWER_TIMEOUT_MS = 4_000;
/** A table of a member that was not heard of again is no news after so long. */
const FORGET_MS = 120_000;
/** How many links of all others together are kept, some 300 bytes each, and how long the answer of one member may be. */
const MAX_KEPT_LINKS = 40_000;
const MAX_OWN_BYTES = 160 << 10;
/** How many answers are under way at once, and how long each may take to be read. */
const MAX_ANSWERING = 64;
const WRITE_TIMEOUT_MS = 15_000;
/** How often one member is answered. */
const OWN_RATE = { burst: 6, everyMs: 2_000, maxSources: 1_024 };
/** An answer about others may be long, and a reader wants one in ten seconds. */
const OTHERS_RATE = { burst: 2, everyMs: 8_000, maxSources: 1_024 };

/** Where the facts are. */
export interface LinkTablesParts extends Pick<Environment, "clock" | "timers"> {
  readonly mesh: Pick<MeshState, "roster" | "identity" | "role">;
  /** @returns the links that are open now */
  links(): readonly Pick<Link, "nodeId" | "channel">[];
  /** @returns the leader that counts for this node */
  elected(): NodeId | undefined;
  /** @returns the peers of this node, as its status has them */
  peers(): readonly PeerReport[];
  /** @returns how often this node has denied something */
  denied(): number;
}

interface KnownTable extends MemberLinks {
  /** By the clock that never goes back. */
  readonly heardAt: number;
}

/** Asks members for their links, and answers them. */
export class LinkTables {
  readonly #parts: LinkTablesParts;
  readonly #ownRate = new KeyedRateLimiter(OWN_RATE);
  readonly #othersRate = new KeyedRateLimiter(OTHERS_RATE);
  readonly #known = new Map<string, KnownTable>();
  #own: { readonly table: AgedTable; readonly at: number } | undefined;
  #asking: Promise<void> | undefined;
  #askedAt = -Infinity;
  #answering = 0;
  #isClosed = false;

  constructor(parts: LinkTablesParts) {
    this.#parts = parts;
  }

  /** Answers on a channel, to whom it is when it is asked. */
  prepare(channel: Channel): void {
    channel.onStream(LINKS_TOPIC, (stream, header) => {
      const refusal = this.#serve(channel, stream, header);
      if (refusal !== undefined) stream.reset(LINKS_REFUSALS[refusal]);
    });
  }

  /** @returns what others have said last; asks them again when that is some seconds ago */
  view(): readonly MemberLinks[] {
    void this.#ask();
    const { mesh: { roster } } = this.#parts;
    return [...this.#fresh()].filter(({ id }) => roster.get(id as NodeId) !== undefined)
      .map(({ heardAt: _, ...table }) => table);
  }

  /** Asks nobody any more, and answers nobody. */
  close(): void {
    this.#isClosed = true;
  }

  #serve(
    channel: Channel,
    stream: ChannelStream,
    header: Uint8Array,
  ): keyof typeof LINKS_REFUSALS | undefined {
    const { clock, mesh: { roster } } = this.#parts;
    const question = decodeLinkQuestion(header);
    if (question === undefined) return "malformed";
    const record = roster.recordByKey(channel.remoteStatic);
    if (record === undefined || roster.linkable(record.nodeId) === undefined) return "not-member";
    const rate = question.ofOthers ? this.#othersRate : this.#ownRate;
    if (!rate.allows(clock.now(), record.nodeId)) return "too-often";
    if (this.#isClosed || this.#answering >= MAX_ANSWERING) return "busy";
    void this.#answer(stream, record.nodeId, question.ofOthers);
    return undefined;
  }

  async #answer(stream: ChannelStream, asker: NodeId, ofOthers: boolean): Promise<void> {
    const { clock, timers, mesh } = this.#parts;
    this.#answering++;
    try {
      const own = this.#ownTable();
      // Only leaders have links to all: a member that asked on for others would be asked for the same by each of them.
      const isAskedOn = ofOthers && mesh.role === "leader";
      if (isAskedOn) await withTimeout(timers, ANSWER_TIMEOUT_MS / 2, this.#ask());
      const others = isAskedOn ? this.#fresh() : [];
      const now = clock.now();
      const aged = [...others].filter(({ id }) => id !== asker)
        .map(({ heardAt, ...table }) => ({ ...table, ageMs: now - heardAt }));
      const bytes = encodeLinkTables([own, ...aged], clock.wall());
      const isSent = await withTimeout(timers, WRITE_TIMEOUT_MS, stream.write(bytes));
      if (isSent) stream.end();
      else stream.reset(LINKS_REFUSALS.busy);
    } finally {
      this.#answering--;
    }
  }

  #ownTable(): AgedTable {
    const { clock, mesh, denied, peers } = this.#parts;
    const now = clock.now();
    if (this.#own !== undefined && now - this.#own.at < OWN_MS) return this.#own.table;
    const links = linkReports(peers(), clock.wall());
    const table = { id: mesh.identity.id, ageMs: 0, denied: denied(), links };
    this.#own = { table, at: now };
    return table;
  }

  #fresh(): readonly KnownTable[] {
    const now = this.#parts.clock.now();
    for (const [id, { heardAt }] of this.#known) if (now - heardAt > FORGET_MS) this.#known.delete(id);
    return [...this.#known.values()];
  }

  /** Asks all that have a link here, a few at a time, unless that was just done. */
  #ask(): Promise<void> {
    const { clock, links, elected, mesh } = this.#parts;
    if (this.#asking !== undefined) return this.#asking;
    const waiting = [...links()];
    const periodMs = Math.max(LEAST_PERIOD_MS, waiting.length * PERIOD_MS_PER_LINK);
    if (this.#isClosed || clock.now() - this.#askedAt < periodMs) return Promise.resolve();
    this.#askedAt = clock.now();
    // One leader is enough, and one that is a leader itself has links to all.
    const leader = mesh.role === "leader" ? undefined : elected();
    const workers = Array.from({ length: MAX_ASKED }, async () => {
      for (let link = waiting.shift(); link !== undefined; link = waiting.shift()) {
        await this.#askOne(link, link.nodeId === leader);
      }
    });
    const asking = Promise.all(workers).then(() => {}).finally(() => this.#asking = undefined);
    return this.#asking = asking;
  }

  async #askOne({ nodeId, channel }: Pick<Link, "nodeId" | "channel">, ofOthers: boolean): Promise<void> {
    const { clock, timers } = this.#parts;
    if (!channel.isOpen || this.#isClosed) return;
    const stream = channel.openStream(LINKS_TOPIC, encodeLinkQuestion(ofOthers));
    stream.end();
    const maxBytes = ofOthers ? MAX_TABLES_BYTES : MAX_OWN_BYTES;
    const bytes = await withTimeout(timers, ANSWER_TIMEOUT_MS, readAnswer(stream, maxBytes));
    // One of a former release knows no such stream, and resets it.
    if (bytes === undefined) return stream.reset(LINKS_REFUSALS.busy);
    const [now, wall] = [clock.now(), clock.wall()];
    for (const { ageMs, ...table } of decodeLinkTables(bytes, wall) ?? []) {
      // Of others only a leader tells, and what each says itself is newer.
      if (table.id !== nodeId && !ofOthers) continue;
      const heardAt = now - ageMs;
      if ((this.#known.get(table.id)?.heardAt ?? -Infinity) > heardAt) continue;
      if (table.id === this.#parts.mesh.identity.id || !this.#isMember(table.id)) continue;
      // Of nobody, or of one twice, honest members say nothing.
      const byId = new Map(table.links.filter(({ id }) => this.#isMember(id)).map((link) => [link.id, link]));
      if (this.#keptLinks(table.id) + byId.size > MAX_KEPT_LINKS) continue;
      const links = [...byId.values()];
      this.#known.set(table.id, { ...table, links, at: Math.round(wall - ageMs), heardAt });
    }
  }

  #keptLinks(without: string): number {
    let count = 0;
    for (const { id, links } of this.#known.values()) if (id !== without) count += links.length;
    return count;
  }

  #isMember(id: string): boolean {
    return this.#parts.mesh.roster.get(id as NodeId) !== undefined;
  }
}

/** @returns what a node says of its peers to others: those that it has anything with, who does not answer first */
export function linkReports(peers: readonly PeerReport[], wallMs: number): readonly LinkReport[] {
  const linked = peers.filter((peer) =>
    peer.id !== undefined && (peer.healthy || peer.channel !== "closed" || peer.failureCount > 0)
  );
  return linked.toSorted((a, b) => Number(a.healthy) - Number(b.healthy)).slice(0, MAX_LINKS).map((peer) => ({
    id: peer.id ?? "",
    path: peer.path,
    ...peer.way?.via !== undefined && { via: peer.way.via },
    rttMs: peer.rttMs,
    rxBytes: peer.rxBytes,
    txBytes: peer.txBytes,
    lastHandshakeAt: peer.lastHandshakeAgeMs === null
      ? null
      : Math.max(0, Math.round((wallMs - peer.lastHandshakeAgeMs) / 1_000)) * 1_000,
    healthy: peer.healthy,
    hasChannel: peer.channel === "open",
    ...peer.way?.why !== undefined && { why: peer.way.why },
  }));
}

/** @returns the bytes up to the end; undefined when it was reset, or is longer than an answer may be */
async function readAnswer(stream: ChannelStream, maxBytes: number): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let lengthBytes = 0;
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
    lengthBytes += bytes.length;
    if (lengthBytes > maxBytes) return undefined;
    parts.push(bytes);
  }
  return stream.resetCode === undefined ? concatBytes(...parts) : undefined;
}
