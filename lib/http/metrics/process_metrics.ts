/**
 * The process, its event loop, and what its planes say of themselves.
 * @module
 */

import type { MeasurementsReport } from "../../api/mod.ts";
import type { Exposition } from "./exposition.ts";

/** Adds them; those of the process have the names that all Prometheus clients give them. */
export function addProcess(
  out: Exposition,
  { process, eventLoopLag, handshakes, gossip }: MeasurementsReport,
): void {
  const { initiator = 0, responder = 0, retried = 0, failed = 0 } = handshakes;
  out.counter("weft_handshakes_completed", "WireGuard handshakes completed, by the role of this node.", [
    [{ role: "initiator" }, initiator],
    [{ role: "responder" }, responder],
  ]);
  out.counter(
    "weft_handshakes_retried",
    "WireGuard handshakes begun again because no answer came in 5 s.",
    retried,
  );
  out.counter("weft_handshakes_failed", "WireGuard handshakes given up after 90 s.", failed);
  out.counter("weft_gossip_messages", "Messages of gossip, by direction.", [
    [{ direction: "in" }, gossip["messages-received"] ?? 0],
    [{ direction: "out" }, gossip["messages-sent"] ?? 0],
  ]);
  out.counter("weft_gossip_items", "Records and entries that gossip has brought, by what became of them.", [
    [{ result: "new" }, gossip["items-new"] ?? 0],
    [{ result: "rejected" }, gossip["items-rejected"] ?? 0],
  ]);
  out.histogram(
    "weft_event_loop_lag_seconds",
    "How late a timer came that is due once a second, since metrics were first asked for.",
    [[{}, eventLoopLag]],
  );
  out.counter("process_cpu_seconds", "Total user and system CPU time spent in seconds.", process.cpuSeconds);
  out.gauge("process_resident_memory_bytes", "Resident memory size in bytes.", process.residentMemoryBytes);
  out.gauge(
    "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
    process.startTimeSeconds,
  );
  if (process.virtualMemoryBytes !== undefined) {
    out.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", process.virtualMemoryBytes);
  }
  if (process.openFds !== undefined) {
    out.gauge("process_open_fds", "Number of open file descriptors.", process.openFds);
  }
  if (process.maxFds !== undefined) {
    out.gauge("process_max_fds", "Maximum number of open file descriptors.", process.maxFds);
  }
}
