/**
 * Which versions this node has, by their writers: what two nodes compare to find what they lack.
 * @module
 */

import { concatBytes, type UnixMillis } from "../../base/mod.ts";
import { blake2s } from "../../crypto/mod.ts";
import type { Origin, Signed } from "../records/mod.ts";

/** Into how many parts the ids of origins are divided, by their first six bits. */
export const BUCKETS = 64;
/** Length of the fingerprint of one part in bytes. */
export const FINGERPRINT_BYTES = 8;

/** The version of one slot. */
export interface SlotVersion {
  /** `record`, `statement`, or `kind/key` of an entry. */
  readonly slot: string;
  readonly version: number;
  /** 64 bits that tell its payload from any other. */
  readonly mark: bigint;
  /** No version comes after it: of a key that was revoked, replaced or removed. */
  readonly isFinal: boolean;
}

/** One thing that an origin has written. */
export interface Versioned extends SlotVersion {
  /** From then on nobody needs to have it; undefined for what has no end of its own. */
  readonly expiresAt?: UnixMillis | undefined;
  /** Whether that is by the network's clock; by the wall clock when absent. */
  readonly isPaused?: boolean;
  readonly signed: Signed;
}

/** Everything that one origin has written, in the order of the slots' names. */
export interface OriginVersions {
  readonly origin: Origin;
  readonly slots: readonly Versioned[];
}

interface Bucket {
  /** In ascending order of their ids; what one origin has is replaced as a whole. */
  readonly origins: OriginVersions[];
  cached: Cached | undefined;
  /** Of all that is in it, whatever the order; undefined until a pool asks. */
  sum: bigint | undefined;
}

/** How many parts a pool keeps; beyond it begins anew. */
const MAX_POOLED = 4096;

/**
 * Parts that many indexes have alike, each once, and digests of all parts: for whoever has a thousand replicas in one
 * process. Two parts, or two indexes, are taken for the same when the marks in them have the same sum of 64 bits.
 */
export class BucketPool {
  readonly #known = new Map<string, Bucket>();
  /** By the sum of all parts. */
  readonly #digests = new Map<bigint, Cached>();

  /** @returns the digest of an index that has this sum, if it holds now; `make` makes it when it is not known */
  shareDigest(sum: bigint, wall: UnixMillis, network: UnixMillis, make: () => Cached): Cached {
    const known = this.#digests.get(sum);
    if (known !== undefined && holds(known, wall, network)) return known;
    if (this.#digests.size >= MAX_POOLED) this.#digests.clear();
    const made = make();
    this.#digests.set(sum, made);
    return made;
  }

  /** @returns the part of this number and sum; `make` makes it when it is not known */
  share(index: number, sum: bigint, make: () => Bucket): Bucket {
    const key = `${index} ${sum}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size === MAX_POOLED) this.#known.clear();
    const made = make();
    this.#known.set(key, made);
    return made;
  }
}

/** What an index begins with, when many begin with the same. */
export interface IndexBase {
  /** It must not change any more. */
  readonly versions: VersionIndex;
  readonly pool: BucketPool;
}

/** Fingerprints, and from when until when they hold, by either clock. */
interface Cached {
  readonly fingerprint: Uint8Array;
  readonly wall: Span;
  readonly network: Span;
}

/** The second time is not in it. */
type Span = readonly [from: number, until: number];

/** The slot of a node's record; when it has expired, nothing of its node is compared any more. */
export const RECORD_SLOT = "record";
/** The slot of a node's statement. */
export const STATEMENT_SLOT = "statement";

/**
 * Keeps slots in the order of their origins. What has expired stays in it, because clocks are set, but is left out of
 * every answer: a node that never had it would refuse it.
 */
export class VersionIndex {
  readonly #base: IndexBase | undefined;
  #buckets: Bucket[] = [];
  #digest: Cached | undefined;
  /** Of all that is in it, whatever the order. */
  #sum = 0n;

  /** @param base absent for an index that begins empty */
  constructor(base?: IndexBase) {
    this.#base = base;
    this.reset();
  }

  /** Goes back to what it began with. */
  reset(): void {
    this.#digest = undefined;
    this.#sum = this.#base === undefined ? 0n : this.#base.versions.#sum;
    this.#buckets = this.#base === undefined
      ? Array.from({ length: BUCKETS }, () => ({ origins: [], cached: undefined, sum: undefined }))
      : [...this.#base.versions.#buckets];
  }

  /** Takes note of a slot in place of what was there. */
  set(origin: Origin, versioned: Versioned): void {
    this.#replace(origin, versioned.slot, versioned);
  }

  /** Forgets a slot; harmless when it is not there. */
  delete(origin: Origin, slot: string): void {
    this.#replace(origin, slot, undefined);
  }

  /**
   * @param network the network's time, which may be behind that of the wall clock
   * @returns one fingerprint for each of the 64 parts, 512 bytes together; treat them as immutable
   */
  digest(wall: UnixMillis, network: UnixMillis = wall): Uint8Array {
    if (this.#digest !== undefined && holds(this.#digest, wall, network)) return this.#digest.fingerprint;
    const make = () => this.#makeDigest(wall, network);
    this.#digest = this.#base?.pool.shareDigest(this.#sum, wall, network, make) ?? make();
    return this.#digest.fingerprint;
  }

  #makeDigest(wall: UnixMillis, network: UnixMillis): Cached {
    const parts = this.#buckets.map((bucket) => {
      if (bucket.cached !== undefined && holds(bucket.cached, wall, network)) return bucket.cached;
      return bucket.cached = fingerprintOf(bucket, wall, network);
    });
    return {
      fingerprint: concatBytes(...parts.map(({ fingerprint }) => fingerprint)),
      wall: intersection(parts.map(({ wall }) => wall)),
      network: intersection(parts.map(({ network }) => network)),
    };
  }

  /** @returns what an origin has written; nothing for one that is unknown */
  of(origin: Origin, wall: UnixMillis, network: UnixMillis = wall): readonly Versioned[] {
    const { origins } = this.#bucket(origin);
    const found = origins[firstFrom(origins, ({ origin }) => origin, origin)];
    return found?.origin === origin ? current(found.slots, wall, network) : [];
  }

  /** @returns what every origin from `first` to `last` has written, both included, in order */
  *range(
    first: string,
    last: string,
    wall: UnixMillis,
    network: UnixMillis = wall,
  ): Generator<OriginVersions> {
    for (let index = bucketOf(first); index <= bucketOf(last); index++) {
      const { origins } = this.#buckets[index] as Bucket;
      for (let at = firstFrom(origins, ({ origin }) => origin, first); at < origins.length; at++) {
        const { origin, slots } = origins[at] as OriginVersions;
        if (origin > last) break;
        const shown = current(slots, wall, network);
        if (shown.length > 0) yield { origin, slots: shown };
      }
    }
  }

  #replace(origin: Origin, slot: string, versioned: Versioned | undefined): void {
    const index = bucketOf(origin);
    const bucket = this.#buckets[index] as Bucket;
    const at = firstFrom(bucket.origins, (each) => each.origin, origin);
    const found = bucket.origins[at];
    const slots = found?.origin === origin ? found.slots : [];
    const slotAt = firstFrom(slots, (each) => each.slot, slot);
    const former = slots[slotAt]?.slot === slot ? slots[slotAt] : undefined;
    if (former === undefined && versioned === undefined) return;
    this.#digest = undefined;
    this.#sum = BigInt.asUintN(64, this.#sum - weightOf(former) + weightOf(versioned));
    const change = (changed: Bucket): Bucket => {
      changed.cached = undefined;
      const now = slots.toSpliced(slotAt, former === undefined ? 0 : 1, ...versioned ? [versioned] : []);
      const items = now.length === 0 ? [] : [{ origin, slots: now }];
      changed.origins.splice(at, slots.length === 0 ? 0 : 1, ...items);
      return changed;
    };
    if (this.#base === undefined) return void change(bucket);
    bucket.sum ??= bucket.origins.reduce(
      (sum, { slots }) => slots.reduce((sum, v) => sum + weightOf(v), sum),
      0n,
    );
    const sum = BigInt.asUintN(64, bucket.sum - weightOf(former) + weightOf(versioned));
    this.#buckets[index] = this.#base.pool.share(
      index,
      sum,
      () => change({ origins: [...bucket.origins], cached: undefined, sum }),
    );
  }

  #bucket(origin: Origin): Bucket {
    return this.#buckets[bucketOf(origin)] as Bucket;
  }
}

/** @returns the first and the last id that fall into a part, 32 digits each */
export function bucketBounds(index: number): { readonly first: string; readonly last: string } {
  const digits = (value: number) => value.toString(16).padStart(2, "0");
  return {
    first: digits(index * 4).padEnd(32, "0"),
    last: digits(index * 4 + 3).padEnd(32, "f"),
  };
}

/** What one thing adds to the sum of its part. */
function weightOf(versioned: Versioned | undefined): bigint {
  if (versioned === undefined) return 0n;
  return versioned.isFinal ? 3n * versioned.mark : versioned.mark;
}

function holds(cached: Cached, wall: UnixMillis, network: UnixMillis): boolean {
  return isIn(cached.wall, wall) && isIn(cached.network, network);
}

function isIn([from, until]: Span, time: UnixMillis): boolean {
  return from <= time && time < until;
}

function intersection(spans: readonly Span[]): Span {
  return [Math.max(...spans.map(([from]) => from)), Math.min(...spans.map(([, until]) => until))];
}

function bucketOf(id: string): number {
  return parseInt(id.slice(0, 2), 16) >> 2;
}

/** Whatever a node has written ends with its record; of a node that was removed, only its revocation is left. */
function current(
  slots: readonly Versioned[],
  wall: UnixMillis,
  network: UnixMillis,
): readonly Versioned[] {
  if (slots.every((slot) => !slot.isFinal && !isExpired(slot, wall, network))) return slots;
  const record = slots.find(({ slot }) => slot === RECORD_SLOT);
  if (record !== undefined && isExpired(record, wall, network)) return [];
  if (record?.isFinal) return [record];
  return slots.filter((slot) => !isExpired(slot, wall, network));
}

function isExpired({ expiresAt, isPaused }: Versioned, wall: UnixMillis, network: UnixMillis): boolean {
  return expiresAt !== undefined && expiresAt <= (isPaused ? network : wall);
}

function fingerprintOf({ origins }: Bucket, wall: UnixMillis, network: UnixMillis): Cached {
  const spans = { wall: [-Infinity, Infinity], network: [-Infinity, Infinity] } satisfies Record<
    string,
    Span
  >;
  const marks: bigint[] = [];
  for (const { slots } of origins) {
    for (const { expiresAt, isPaused } of slots) {
      if (expiresAt === undefined) continue;
      const span: [from: number, until: number] = isPaused ? spans.network : spans.wall;
      if (expiresAt <= (isPaused ? network : wall)) span[0] = Math.max(span[0], expiresAt);
      else span[1] = Math.min(span[1], expiresAt);
    }
    for (const { mark } of current(slots, wall, network)) marks.push(mark);
  }
  const bytes = new DataView(new ArrayBuffer(8 * marks.length));
  marks.forEach((mark, i) => bytes.setBigUint64(8 * i, mark));
  const fingerprint = blake2s(new Uint8Array(bytes.buffer)).subarray(0, FINGERPRINT_BYTES);
  return { fingerprint, ...spans };
}

/** @returns the index of the first item whose key is not below `key` */
function firstFrom<T>(items: readonly T[], keyOf: (item: T) => string, key: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyOf(items[middle] as T) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
