/**
 * The member in the middle: it connects two members that it has links to, and copies bytes between them.
 * @module
 */

import {
  Counters,
  type Environment,
  KeyedRateLimiter,
  sleep,
  TokenBucket,
  withTimeout,
} from "../../../base/mod.ts";
import type { Channel, ChannelStream } from "../../../channel/mod.ts";
import type { NodeId } from "../../../mesh/mod.ts";
import { decodeRelayHeader, encodeRelayHeader, RELAYED_TOPIC, RelayRefusal } from "./relay_header.ts";

/** What a relay gives to others. */
export interface LinkRelayLimits {
  /** Streams at a time that one member has asked for. */
  readonly streamsPerMember: number;
  /** Streams at a time in all. */
  readonly streams: number;
  /** Bytes a second that are copied for one member, in both directions together. */
  readonly bytesPerSecond: number;
  /** And for all of them. */
  readonly totalBytesPerSecond: number;
}

/** A network where everybody links everybody has 17 members; one core copies over 77 MiB/s, its own channels sealed. */
export const LINK_RELAY_LIMITS: LinkRelayLimits = {
  streamsPerMember: 128,
  streams: 2_048,
  bytesPerSecond: 8 << 20,
  totalBytesPerSecond: 32 << 20,
};

/** New streams of one member: a node that starts asks for all it wants, then two a second. */
const REQUESTS = { burst: 64, everyMs: 500, maxSources: 4_096 };
/** What may be copied at once before the rate counts: as a part of a second. */
const BURST_SECONDS = 0.5;
/** How long the other direction may go on when one has ended. */
const LINGER_MS = 2_000;
/** Whose rate is remembered when they have no stream. */
const MAX_BUCKETS = 4_096;

/** Why somebody was not connected, or was parted. */
export type LinkRelayDrop =
  | "relay-malformed"
  | "relay-unwilling"
  | "relay-not-member"
  | "relay-no-link"
  | "relay-too-many"
  | "relay-too-fast";

/** Whom a relay knows, and whether it is one. */
export interface LinkRelayParts extends Pick<Environment, "clock" | "timers"> {
  /** @returns whether this node relays now */
  isWilling(): boolean;
  /** @returns whether somebody is a member that may have links */
  isMember(nodeId: NodeId): boolean;
  /** @returns the open channel to a member that goes through nobody else */
  channelTo(nodeId: NodeId): Channel | undefined;
  readonly limits?: LinkRelayLimits | undefined;
}

/** Connects members, with bounds for each and in total. */
export class LinkRelay {
  readonly counters: Counters<LinkRelayDrop> = new Counters<LinkRelayDrop>([
    "relay-malformed",
    "relay-unwilling",
    "relay-not-member",
    "relay-no-link",
    "relay-too-many",
    "relay-too-fast",
  ]);
  readonly #parts: LinkRelayParts;
  readonly #limits: LinkRelayLimits;
  readonly #requests = new KeyedRateLimiter(REQUESTS);
  readonly #buckets = new Map<NodeId, TokenBucket>();
  readonly #streamsOf = new Map<NodeId, number>();
  readonly #total: TokenBucket;
  #streams = 0;
  #copiedBytes = 0;

  constructor(parts: LinkRelayParts) {
    this.#parts = parts;
    this.#limits = parts.limits ?? LINK_RELAY_LIMITS;
    this.#total = this.#bucket(this.#limits.totalBytesPerSecond);
  }

  /** How many pairs are connected now. */
  get streams(): number {
    return this.#streams;
  }

  /** How many bytes were copied since the start, in both directions. */
  get copiedBytes(): number {
    return this.#copiedBytes;
  }

  /** A member asks for a way to another one. */
  handleStream(from: NodeId, header: Uint8Array, stream: ChannelStream): void {
    const { isWilling, isMember, channelTo, clock } = this.#parts;
    const refuse = (drop: LinkRelayDrop, code: number): void => {
      this.counters.count(drop);
      stream.reset(code);
    };
    if (!this.#requests.allows(clock.now(), from)) return refuse("relay-too-fast", RelayRefusal.tooMany);
    const target = decodeRelayHeader(header);
    if (target === undefined) return refuse("relay-malformed", RelayRefusal.malformed);
    if (!isWilling()) return refuse("relay-unwilling", RelayRefusal.unwilling);
    if (target === from || !isMember(from) || !isMember(target)) {
      return refuse("relay-not-member", RelayRefusal.notMember);
    }
    const ofMember = this.#streamsOf.get(from) ?? 0;
    const { streamsPerMember, streams } = this.#limits;
    if (ofMember >= streamsPerMember || this.#streams >= streams) {
      return refuse("relay-too-many", RelayRefusal.tooMany);
    }
    const onward = channelTo(target)?.openStream(RELAYED_TOPIC, encodeRelayHeader(from));
    if (onward === undefined || onward.resetCode !== undefined) {
      return refuse("relay-no-link", RelayRefusal.noLink);
    }
    this.#streams++;
    this.#streamsOf.set(from, ofMember + 1);
    void this.#connect(from, stream, onward).finally(() => {
      this.#streams--;
      const left = (this.#streamsOf.get(from) ?? 1) - 1;
      if (left > 0) this.#streamsOf.set(from, left);
      else this.#streamsOf.delete(from);
    });
  }

  /** Ends when both streams have. What is under way is what the windows of the two streams hold, and one piece. */
  async #connect(from: NodeId, near: ChannelStream, far: ChannelStream): Promise<void> {
    const over = new AbortController();
    const bucket = this.#bucketOf(from);
    const there = this.#copy(near, far, bucket, over.signal);
    const back = this.#copy(far, near, bucket, over.signal);
    await Promise.race([there, back, near.closed, far.closed]);
    // Both ends close what they have when one does; who does not is parted from it.
    const ended = Promise.all([there, back]);
    const isReset = near.resetCode !== undefined || far.resetCode !== undefined;
    if (!isReset) await withTimeout(this.#parts.timers, LINGER_MS, ended);
    over.abort();
    near.reset(RelayRefusal.broken);
    far.reset(RelayRefusal.broken);
    await ended;
  }

  async #copy(
    from: ChannelStream,
    into: ChannelStream,
    bucket: TokenBucket,
    signal: AbortSignal,
  ): Promise<void> {
    const { timers } = this.#parts;
    for (;;) {
      const bytes = await from.read();
      if (bytes === undefined) break;
      this.#copiedBytes += bytes.length;
      const waitMs = Math.max(bucket.spend(bytes.length), this.#total.spend(bytes.length));
      if (waitMs > 0) await sleep(timers, waitMs, signal);
      if (!await into.write(bytes)) break;
    }
    if (from.resetCode !== undefined) into.reset(RelayRefusal.broken);
    else into.end();
  }

  #bucketOf(nodeId: NodeId): TokenBucket {
    const bucket = this.#buckets.get(nodeId) ?? this.#bucket(this.#limits.bytesPerSecond);
    this.#buckets.delete(nodeId);
    this.#buckets.set(nodeId, bucket);
    if (this.#buckets.size > MAX_BUCKETS) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return bucket;
  }

  #bucket(perSecond: number): TokenBucket {
    return new TokenBucket(this.#parts.clock, { burst: perSecond * BURST_SECONDS, perSecond });
  }
}
