/**
 * Measurements with everything in them.
 * @module
 */

import type { HistogramReport, MeasurementsReport } from "../../api/mod.ts";

const duration: HistogramReport = {
  boundsSeconds: [0.001, 0.5, 10],
  buckets: [3, 4, 0, 1],
  count: 8,
  sumSeconds: 21.5,
};

/** Of a node that serves, calls, publishes and owns a collection. */
export const sampleMeasurements: MeasurementsReport = {
  calls: [
    ...(["caller", "provider"] as const).map((side) => ({
      ...{ service: "shop/orders", action: "create", side, duration },
      outcomes: { OK: 6, Timeout: 1, OutOfStock: 1 },
    })),
    { service: "", action: "", side: "caller", outcomes: { OK: 0, NoProvider: 8 }, duration },
  ],
  events: { published: 9, delivered: 7, sent: 5, lost: 3, dropped: 1 },
  handshakes: { initiator: 4, responder: 2, retried: 1, failed: 0 },
  gossip: { "messages-sent": 40, "messages-received": 41, "items-new": 12, "items-rejected": 1 },
  data: { collections: 2, queues: 1, watches: 3 },
  process: {
    ...{ cpuSeconds: 1.25, residentMemoryBytes: 7e7, startTimeSeconds: 1_795_000_000.5 },
    ...{ virtualMemoryBytes: 9e9, openFds: 42, maxFds: 1_024 },
  },
  eventLoopLag: duration,
};
