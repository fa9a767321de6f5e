/**
 * What becomes of places at which somebody of the network is said to listen, nobody knows who.
 * @module
 */

import { sleep, type Timers } from "../../base/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { ProbeOutcome } from "../links/mod.ts";

/** More places than this do not wait; the next round finds them again. */
const MAX_WAITING = 32;
/** Whoever else is missing has a turn at the next round. */
const MAX_MEMBERS_EACH = 16;
/** Probes under way at the same time; a place that swallows everything holds one of them up for seconds. */
const MAX_PROBING = 4;
/** After each of them, whatever it was answered. */
const PROBE_PAUSE_MS = 500;

/** Where places are tried. */
export interface DhtProberParts {
  readonly timers: Timers;
  /** @returns the members that this node would have links to, and has none, those first that matter most */
  missing(): readonly NodeId[];
  /** Shakes hands with one member at one place, and keeps the link that comes of it. */
  probe(nodeId: NodeId, place: Endpoint): Promise<ProbeOutcome>;
  /** A member has proved that it is there. */
  onMember(nodeId: NodeId, place: Endpoint): void;
}

/**
 * Probes one place after another, for each member that is missing: a handshake tells nobody but the right one who is
 * called. A place where nobody opens is left at once.
 */
export class DhtProber {
  readonly #parts: DhtProberParts;
  readonly #waiting = new Map<string, Endpoint>();
  readonly #proved = new Map<NodeId, Endpoint>();
  readonly #stop = new AbortController();
  #probing = 0;

  constructor(parts: DhtProberParts) {
    this.#parts = parts;
  }

  /** Tries a place when those before it have had their turn; with 32 of them, it is dropped. */
  add(place: Endpoint): void {
    if (this.#stop.signal.aborted || this.#waiting.size >= MAX_WAITING) return;
    this.#waiting.set(place.toString(), place);
    if (this.#probing < MAX_PROBING) void this.#probeAll();
  }

  /** @returns where a member has opened lately, one at most */
  endpointsOf(nodeId: NodeId): Endpoint[] {
    const place = this.#proved.get(nodeId);
    return place === undefined ? [] : [place];
  }

  /** Probes no more. */
  close(): void {
    this.#stop.abort();
    this.#waiting.clear();
  }

  async #probeAll(): Promise<void> {
    this.#probing++;
    for (let next = this.#next(); next !== undefined; next = this.#next()) await this.#probeAt(next);
    this.#probing--;
  }

  #next(): Endpoint | undefined {
    for (const [key, place] of this.#waiting) {
      this.#waiting.delete(key);
      return place;
    }
    return undefined;
  }

  async #probeAt(place: Endpoint): Promise<void> {
    const { timers, missing, probe, onMember } = this.#parts;
    const { signal } = this.#stop;
    for (const nodeId of missing().slice(0, MAX_MEMBERS_EACH)) {
      const outcome = await probe(nodeId, place);
      if (signal.aborted) return;
      if (outcome === "linked") {
        this.#proved.set(nodeId, place);
        onMember(nodeId, place);
        return;
      }
      await sleep(timers, PROBE_PAUSE_MS, signal);
      if (outcome === "nobody" || signal.aborted) return;
    }
  }
}
