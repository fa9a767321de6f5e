/**
 * The worker of the fast way: a thread that runs one `QueryEngine` until it is told to stop.
 * @module
 */

import { DNS_COUNTERS, type DnsCounter } from "../../dns/mod.ts";
import { addressOf, RawIo, systemClock } from "../../host/mod.ts";
import { WorkerSlots } from "./query_slots.ts";
import { ENGINE_BYTES, QueryEngine } from "./query_engine.ts";
import { SourceGate } from "./source_gate.ts";
import type { WorkerReport, WorkerSetup } from "./worker_protocol.ts";

/** What the runtime gives a worker, as far as it is used here. */
interface WorkerScope {
  onmessage: ((message: { readonly data: WorkerSetup }) => void) | null;
  postMessage(report: WorkerReport): void;
  close(): void;
}

const WASM_PAGE_BYTES = 65_536;

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data }) => {
  try {
    runWorker(data);
    scope.postMessage({ kind: "ended" });
  } catch (error) {
    const message = error instanceof Error ? error.stack ?? error.message : `${error}`;
    scope.postMessage({ kind: "failed", message });
  }
  scope.close();
};

function runWorker(setup: WorkerSetup): void {
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
    onAsked: (slots) => scope.postMessage({ kind: "asked", slots }),
    onCount: (counter) => {
      const at = indexes.get(counter) ?? 0;
      counts[at] = (counts[at] ?? 0) + 1;
    },
  });
  scope.postMessage({ kind: "ready" });
  engine.run();
}
