/**
 * The operation of metrics: how it is asked, and what it answers.
 * @module
 */

import { z } from "zod";
import { type LazyObject, named } from "../json_schema.ts";
import type {
  CallMeasurements,
  HistogramReport,
  MeasurementControl,
  MeasurementsReport,
} from "./measurements.ts";
import type { Operation } from "../operation.ts";

const count = () => z.int().min(0);
const amount = () => z.number().min(0);
const counts = () => z.record(z.string(), count());

const histogram: LazyObject<HistogramReport> = named("HistogramReport", () => ({
  boundsSeconds: z.array(amount()),
  buckets: z.array(count()),
  count: count(),
  sumSeconds: amount(),
}), "Durations, by how long they were.");

const calls: LazyObject<CallMeasurements> = named("CallMeasurements", () => ({
  service: z.string(),
  action: z.string(),
  side: z.enum(["caller", "provider"]),
  outcomes: counts(),
  duration: histogram(),
}), "The calls of one action since the start, on one side of them.");

const measurements: LazyObject<MeasurementsReport> = named("MeasurementsReport", () => ({
  calls: z.array(calls()),
  events: z.strictObject({
    published: count(),
    delivered: count(),
    sent: count(),
    lost: count(),
    dropped: count(),
  }),
  handshakes: counts(),
  gossip: counts(),
  data: z.strictObject({ collections: count(), watches: count() }),
  process: z.strictObject({
    cpuSeconds: amount(),
    residentMemoryBytes: amount(),
    startTimeSeconds: amount(),
    virtualMemoryBytes: amount().exactOptional(),
    openFds: count().exactOptional(),
    maxFds: count().exactOptional(),
  }),
  eventLoopLag: histogram(),
}), "What is counted and measured since the start.");

/** Its entry. */
export const MEASUREMENT_OPERATIONS: { readonly [Name in keyof MeasurementControl]: Operation<Name> } = {
  measurements: {
    route: "GET /measurements",
    summary: "What is counted and measured since the start, as /metrics has it",
    isPublic: true,
    answer: measurements,
  },
};
