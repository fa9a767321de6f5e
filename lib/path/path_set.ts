/**
 * The paths to one member that are worth a try, by who names them. Everybody has a share: what others say of the member is
 * hearsay, and never keeps out what this node knows, relays or the member itself show.
 * @module
 */

import type { Millis } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { type Candidate, Path } from "./path.ts";

/** All together. */
const MAX_PATHS = 32;
/** Which only the member's own probes have shown. */
const MAX_LEARNED = 8;
/** Which one other member names, and all of them. */
const MAX_HEARSAY_OF_ONE = 8;
const MAX_HEARSAY = 16;
/** How often a hearsay endpoint is asked before it answers, for each time that it is named. */
const HEARSAY_ASKS = 6;
/** Hearsay that has come to nothing is forgotten. */
const HEARSAY_MS = 60_000;
/** A relay's port that is used no more is not taken for the member itself for so long. */
const FORMER_MS = 180_000;
const MAX_FORMER = 64;

/** Where a path is known from, when it is from a probe of the member alone. */
const LEARNED = "learned";
const HEARSAY = "hearsay ";

/** Belongs to one member. */
export class PathSet {
  readonly #wantedBytes: number;
  readonly #paths = new Map<string, Path>();
  /** When hearsay was last said, by who says it. */
  readonly #saidAt = new Map<string, Millis>();
  /** Ports of relays and streams that are none any more, and since when. */
  readonly #former = new Map<string, Millis>();

  /** @param wantedBytes the longest datagram that is to be sent, in bytes of UDP payload */
  constructor(wantedBytes: number) {
    this.#wantedBytes = wantedBytes;
  }

  /** In the order in which they came. */
  values(): MapIterator<Path> {
    return this.#paths.values();
  }

  get(endpoint: Endpoint): Path | undefined {
    return this.#paths.get(endpoint.toString());
  }

  /**
   * Takes what one source names in place of what it named before.
   * @param inUse is not forgotten while it is direct and up
   * @returns whether there is something new to try, and what was forgotten
   */
  set(now: Millis, source: string, candidates: readonly Candidate[], inUse: Path | undefined): SetOutcome {
    const named = new Set(candidates.map(({ endpoint }) => endpoint.toString()));
    const forgotten: Path[] = [];
    for (const [key, path] of this.#paths) {
      if (named.has(key) || !path.sources.delete(source) || path.sources.size > 0) continue;
      // What carries packets is not given up because somebody says so.
      if (path === inUse && path.kind === "direct" && path.isUp(now)) path.sources.add(LEARNED);
      else forgotten.push(this.#forget(now, key, path));
    }
    let isNew = false;
    for (const candidate of candidates) {
      const known = this.get(candidate.endpoint);
      if (known !== undefined) {
        if (!isHearsay(source)) known.describe(candidate);
        known.sources.add(source);
        continue;
      }
      if (!this.#makeRoom(now, source, inUse)) break;
      const path = new Path(candidate, this.#wantedBytes);
      path.sources.add(source);
      this.#paths.set(candidate.endpoint.toString(), path);
      isNew = true;
    }
    return { isNew, forgotten };
  }

  /** Takes what another member says of where this one is. */
  addHearsay(
    now: Millis,
    from: string,
    candidates: readonly Candidate[],
    inUse: Path | undefined,
  ): SetOutcome {
    const source = `${HEARSAY}${from}`;
    const list = candidates.slice(0, MAX_HEARSAY_OF_ONE)
      .filter(({ endpoint }) => !this.#isFormer(now, endpoint));
    const outcome = this.set(now, source, list, inUse);
    if (list.length === 0) this.#saidAt.delete(source);
    else this.#saidAt.set(source, now);
    for (const { endpoint } of list) {
      const path = this.get(endpoint);
      if (path !== undefined && path.rttMs === undefined && areAllHearsay(path)) path.asksLeft = HEARSAY_ASKS;
    }
    return outcome;
  }

  /** The member has asked from `source`. @returns a path that was not known before, or undefined when there is no room */
  learn(now: Millis, source: Endpoint, inUse: Path | undefined): Path | undefined {
    if (this.#isFormer(now, source)) return undefined;
    const learned = [...this.#paths].filter(([, { sources }]) => sources.has(LEARNED));
    if (learned.length >= MAX_LEARNED) {
      const oldest = learned.find(([, path]) => path !== inUse && !path.isUp(now));
      if (oldest === undefined) return undefined;
      this.#forget(now, ...oldest);
    }
    if (!this.#makeRoom(now, LEARNED, inUse)) return undefined;
    // Nobody else is on this host, or it would have said so: there a stream ends that carries datagrams.
    const kind = source.address.isLoopback ? "carrier" : "direct";
    const path = new Path({ endpoint: source, kind }, this.#wantedBytes);
    path.sources.add(LEARNED);
    this.#paths.set(source.toString(), path);
    return path;
  }

  /** Forgets hearsay that has come to nothing. */
  handleTimeout(now: Millis, inUse: Path | undefined): void {
    for (const [source, at] of this.#saidAt) {
      if (now - at < HEARSAY_MS) continue;
      this.#saidAt.delete(source);
      const up = [...this.#paths.values()].filter((path) => path.sources.has(source) && path.isUp(now));
      for (const path of up) path.sources.add(LEARNED);
      this.set(now, source, [], inUse);
    }
  }

  /** @returns whether one more may come, for which hearsay may have to go */
  #makeRoom(now: Millis, source: string, inUse: Path | undefined): boolean {
    const isOfHearsay = isHearsay(source);
    const hearsay = [...this.#paths].filter(([, path]) => areAllHearsay(path));
    if (isOfHearsay && hearsay.length >= MAX_HEARSAY) return false;
    if (this.#paths.size < MAX_PATHS) return true;
    const least = isOfHearsay ? undefined : hearsay.find(([, path]) => path !== inUse && !path.isUp(now)) ??
      [...this.#paths].find(([, path]) => path !== inUse && path.kind === "direct" && !path.isUp(now));
    if (least === undefined) return false;
    this.#forget(now, ...least);
    return true;
  }

  #forget(now: Millis, key: string, path: Path): Path {
    this.#paths.delete(key);
    if (path.kind === "direct") return path;
    this.#former.set(key, now);
    const [oldest] = this.#former.keys();
    if (this.#former.size > MAX_FORMER && oldest !== undefined) this.#former.delete(oldest);
    return path;
  }

  #isFormer(now: Millis, endpoint: Endpoint): boolean {
    const at = this.#former.get(endpoint.toString());
    return at !== undefined && now - at < FORMER_MS;
  }
}

/** What has come of a list. */
export interface SetOutcome {
  readonly isNew: boolean;
  readonly forgotten: readonly Path[];
}

function isHearsay(source: string): boolean {
  return source.startsWith(HEARSAY);
}

function areAllHearsay({ sources }: Path): boolean {
  for (const source of sources) if (!isHearsay(source)) return false;
  return true;
}
