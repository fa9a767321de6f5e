/**
 * What the control thread and the worker of the fast way say to each other.
 * @module
 */

import { DNS_COUNTERS, type DnsCounter } from "../../dns/mod.ts";
import type { EngineSocket } from "./query_engine.ts";
import type { GateRules } from "./source_gate.ts";

/** Descriptors and shared memory that a worker starts with. */
export interface WorkerSetup {
  readonly sockets: readonly EngineSocket[];
  readonly wakeFd: number;
  readonly slots: SharedArrayBuffer;
  /** A 64-bit float for each of `DNS_COUNTERS`. */
  readonly counters: SharedArrayBuffer;
  readonly rules: GateRules;
}

/** What a worker tells the control thread. */
export type WorkerReport =
  | { readonly kind: "ready" }
  /** These slots have queries. */
  | { readonly kind: "asked"; readonly slots: readonly number[] }
  | { readonly kind: "ended" };

/** @returns memory for a worker's counters */
export function counterMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * DNS_COUNTERS.length);
}

/** @returns what a worker has counted, by name */
export function readCounters(memory: SharedArrayBuffer): readonly (readonly [DnsCounter, number])[] {
  const counts = new Float64Array(memory);
  return DNS_COUNTERS.map((counter, i) => [counter, counts[i] ?? 0]);
}
