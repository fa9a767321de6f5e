/**
 * The worker of the fast way: a thread that runs one `QueryEngine` until it is told to stop.
 * @module
 */

import { DNS_COUNTERS, type DnsCounter } from "../../dns/mod.ts";
import { addressOf, RawIo, serveAsWorker, systemClock } from "../../host/mod.ts";
import { WorkerSlots } from "./query_slots.ts";
import { ENGINE_BYTES, type EngineSocket, QueryEngine } from "./query_engine.ts";
import { type GateRules, SourceGate } from "../source_gate.ts";

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

const WASM_PAGE_BYTES = 65_536;

serveAsWorker<WorkerSetup, WorkerReport>((setup, report) => {
  const pages = Math.ceil(ENGINE_BYTES / WASM_PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const counts = new Float64Array(setup.counters);
  const indexes = new Map<DnsCounter, number>(DNS_COUNTERS.map((counter, i) => [counter, i]));
  const engine = new QueryEngine({
    io: RawIo.open(),
    memory,
    base: addressOf(memory),
    sockets: setup.sockets,
    wakeFd: setup.wakeFd,
    slots: new WorkerSlots(setup.slots),
    gate: new SourceGate(setup.rules),
    now: systemClock.now,
    onAsked: (slots) => report({ kind: "asked", slots }),
    onCount: (counter) => {
      const at = indexes.get(counter) ?? 0;
      counts[at] = (counts[at] ?? 0) + 1;
    },
  });
  report({ kind: "ready" });
  engine.run();
  return { kind: "ended" };
});
