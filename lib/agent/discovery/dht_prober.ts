/**
 * Finding out which member, if any, is at an endpoint that the DHT has named.
 * @module
 */

import { sleep, type Timers } from "../../base/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { LinkDialer } from "../links/mod.ts";

/** More endpoints than this do not wait; the next round finds them again. */
const MAX_WAITING = 32;
/** For whom an endpoint is probed; whoever else is missing is tried in the next round. */
const MAX_MEMBERS_EACH = 16;
/** Probes under way at the same time; an endpoint that swallows everything holds one of them up for seconds. */
const MAX_PROBING = 4;
/** After each probe, whatever came of it. */
const PROBE_PAUSE_MS = 500;

/**
 * Probes one endpoint after another, for each member that is missing: of a handshake nobody but the right one learns who
 * is called. An endpoint where nobody listens is left at once.
 */
export class DhtProber {
  readonly #timers: Timers;
  readonly #dialer: Pick<LinkDialer, "missing" | "probe">;
  readonly #onMember: (nodeId: NodeId, endpoint: Endpoint) => void;
  readonly #waiting = new Map<string, Endpoint>();
  readonly #proved = new Map<NodeId, Endpoint>();
  readonly #stop = new AbortController();
  #probing = 0;

  /** @param onMember called when a member has proved that it is at an endpoint */
  constructor(
    timers: Timers,
    dialer: Pick<LinkDialer, "missing" | "probe">,
    onMember: (nodeId: NodeId, endpoint: Endpoint) => void,
  ) {
    this.#timers = timers;
    this.#dialer = dialer;
    this.#onMember = onMember;
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
    // What is added meanwhile comes in the same loop, and what another one has taken does not.
    for (const [key, endpoint] of this.#waiting) {
      this.#waiting.delete(key);
      await this.#probeAt(endpoint);
    }
    this.#probing--;
  }

  async #probeAt(endpoint: Endpoint): Promise<void> {
    const { signal } = this.#stop;
    for (const nodeId of this.#dialer.missing().slice(0, MAX_MEMBERS_EACH)) {
      const outcome = await this.#dialer.probe(nodeId, endpoint);
      if (signal.aborted) return;
      if (outcome === "linked") {
        this.#proved.set(nodeId, endpoint);
        this.#onMember(nodeId, endpoint);
        return;
      }
      await sleep(this.#timers, PROBE_PAUSE_MS, signal);
      if (outcome === "nobody" || signal.aborted) return;
    }
  }
}
