/**
 * Telling the control thread what overlay networks have carried, not too often.
 * @module
 */

import type { FrameCounts } from "../frames/mod.ts";
import type { FrameEngine } from "./frames/mod.ts";
import type { WorkerReport } from "./worker_protocol.ts";

/** Counts are at most so old, unless a report of all takes long. */
const REPORT_MS = 500;
/** For each network and port that is reported there is so much time without: some microseconds each are 1 % then. */
const REST_MS_EACH = 0.5;

/** Reports, when something has changed. */
export class FrameCountsReport {
  readonly #report: (report: WorkerReport) => void;
  #reportAt = 0;
  #activity = 0;

  constructor(report: (report: WorkerReport) => void) {
    this.#report = report;
  }

  /** @returns in how many milliseconds it wants to look again at the latest, or Infinity */
  show(now: number, engine: FrameEngine): number {
    if (engine.activity === this.#activity) return Infinity;
    if (now < this.#reportAt) return this.#reportAt - now;
    this.#activity = engine.activity;
    const networks = new Map<number, FrameCounts>();
    const ports = new Map<number, FrameCounts>();
    for (const { definition: { network }, drops } of engine.networks) {
      const counts = engine.counts.networkCounts(network);
      const own = Object.entries(drops.snapshot()).filter(([, count]) => count > 0);
      if (counts === undefined) continue;
      networks.set(network, { ...counts, drops: { ...counts.drops, ...Object.fromEntries(own) } });
    }
    for (const port of engine.ports) {
      const counts = engine.counts.portCounts(port);
      if (counts !== undefined) ports.set(port, counts);
    }
    this.#report({ kind: "frame-counts", networks, ports });
    this.#reportAt = now + Math.max(REPORT_MS, REST_MS_EACH * (networks.size + ports.size));
    return Infinity;
  }
}
