/**
 * Finding out which member, if any, is at an endpoint that the DHT has named.
 * @module
 */

import { sleep, type Timers } from "../../base/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { ProbeOutcome } from "../links/mod.ts";

/** More endpoints than this do not wait; the next round finds them again. */
const MAX_WAITING = 32;
/** For whom an endpoint is probed; whoever else is missing is tried in the next round. */
const MAX_MEMBERS_EACH = 16;
/** Probes under way at the same time; an endpoint that swallows everything holds one of them up for seconds. */
const MAX_PROBING = 4;
/** After each probe, whatever came of it. */
const PROBE_PAUSE_MS = 500;

interface DhtProberParts {
  readonly timers: Timers;
  /** @returns the members that this node would have links to, and has none, those first that matter most */
  missing(): readonly NodeId[];
  /** Shakes hands with one member at one endpoint, and keeps the link that comes of it. */
  probe(nodeId: NodeId, endpoint: Endpoint): Promise<ProbeOutcome>;
  /** A member has proved that it is at an endpoint. */
  onMember(nodeId: NodeId, endpoint: Endpoint): void;
}

/**
 * Probes one endpoint after another, for each member that is missing: of a handshake nobody but the right one learns who
 * is called. An endpoint where nobody listens is left at once.
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

  /** Has an endpoint probed after those that wait; when 32 do, it is dropped. */
  add(endpoint: Endpoint): void {
    if (this.#stop.signal.aborted || this.#waiting.size >= MAX_WAITING) return;
    this.#waiting.set(endpoint.toString(), endpoint);
    if (this.#probing < MAX_PROBING) void this.#probeAll();
  }

  /** @returns where a member was last found, one endpoint at most */
  endpointsOf(nodeId: NodeId): Endpoint[] {
    const endpoint = this.#proved.get(nodeId);
    return endpoint === undefined ? [] : [endpoint];
  }

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
    for (const [key, endpoint] of this.#waiting) {
      this.#waiting.delete(key);
      return endpoint;
    }
    return undefined;
  }

  async #probeAt(endpoint: Endpoint): Promise<void> {
    const { timers, missing, probe, onMember } = this.#parts;
    const { signal } = this.#stop;
    for (const nodeId of missing().slice(0, MAX_MEMBERS_EACH)) {
      const outcome = await probe(nodeId, endpoint);
      if (signal.aborted) return;
      if (outcome === "linked") {
        this.#proved.set(nodeId, endpoint);
        onMember(nodeId, endpoint);
        return;
      }
      await sleep(timers, PROBE_PAUSE_MS, signal);
      if (outcome === "nobody" || signal.aborted) return;
    }
  }
}
