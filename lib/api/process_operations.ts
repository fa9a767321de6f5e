/**
 * The operations of the process that an agent runs in, and of what is measured there: how they are asked, and what they
 * answer.
 * @module
 */

import * as z from "zod";
import { LOG_CATEGORIES } from "../base/mod.ts";
import type { BackupReport, BackupRequest, DiagnosisControl } from "./diagnosis/mod.ts";
import { type Lazy, type LazyObject, named, object } from "./json_schema.ts";
import type {
  CallMeasurements,
  HistogramReport,
  MeasurementControl,
  MeasurementsReport,
} from "./measurements/mod.ts";
import type { Operation } from "./operation.ts";
import {
  type LogLevels,
  type LogLine,
  MAX_LOG_LINES,
  type ProcessControl,
  type UnitReport,
} from "./process_control.ts";

const unit: LazyObject<UnitReport> = named(
  "UnitReport",
  () => ({ name: z.string(), isUser: z.boolean() }),
);
const whole = (least: number) => z.coerce.number().int().min(least);
const level = () => z.enum(["debug", "info", "warn", "error"]);
const category = () => z.enum(LOG_CATEGORIES);
const line: Lazy<LogLine> = () =>
  z.object({
    number: z.int().min(1),
    text: z.string(),
    level: level().exactOptional(),
    category: z.string().exactOptional(),
  });
const logLevels: LazyObject<LogLevels> = named(
  "LogLevels",
  () => ({ level: level(), categories: z.partialRecord(category(), level()) }),
  "How much is logged, as a whole and of single parts.",
);

/** Their entries. */
export const PROCESS_OPERATIONS: { readonly [Name in keyof ProcessControl]: Operation<Name> } = {
  stop: {
    route: "POST /stop",
    summary: "Ends the agent as Ctrl-C does",
    answer: object(() => ({
      name: z.string(),
      pid: z.int().min(1).exactOptional(),
      unit: unit().exactOptional(),
      isLeaving: z.boolean().exactOptional(),
    })),
  },
  logs: {
    route: "GET /logs",
    summary: "The end of the agent's log",
    request: object(() => ({
      after: whole(0).exactOptional(),
      lines: whole(1).max(MAX_LOG_LINES).exactOptional(),
    })),
    answer: object(() => ({ lines: z.array(line()), unit: unit().exactOptional() })),
  },
  logLevels: {
    route: "GET /logs/levels",
    summary: "How much is logged",
    answer: logLevels,
  },
  changeLogLevel: {
    route: "POST /logs/levels",
    summary: "Logs more or less from now on, until the agent ends",
    request: object(() => ({ level: level(), category: category().exactOptional() })),
    answer: logLevels,
  },
};

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
  data: z.strictObject({ collections: count(), queues: count(), watches: count() }),
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

/** The entry of metrics. */
export const MEASUREMENT_OPERATIONS: { readonly [Name in keyof MeasurementControl]: Operation<Name> } = {
  measurements: {
    route: "GET /measurements",
    summary: "What is counted and measured since the start, as /metrics has it",
    isPublic: true,
    answer: measurements,
  },
};

const MAX_PASSPHRASE = 1_024;

const backupRequest: LazyObject<BackupRequest> = named(
  "BackupRequest",
  () => ({
    passphrase: z.string().min(1).max(MAX_PASSPHRASE).exactOptional(),
    recoveryKey: z.string().min(1).max(128).exactOptional(),
  }),
);
const backupReport: LazyObject<BackupReport> = named(
  "BackupReport",
  () => ({ name: z.string(), file: z.string(), dataBytes: z.int().min(0) }),
);

/** Of what is wrong, or may be one day. */
export const DIAGNOSIS_OPERATIONS: { readonly [Name in keyof DiagnosisControl]: Operation<Name> } = {
  hostChanges: {
    route: "GET /host/changes",
    summary: "What this agent has changed of the host, and will take back",
    answer: () => z.array(z.string()),
    answerKey: "changes",
  },
  backup: {
    route: "POST /backup",
    summary: "A sealed copy of all that makes this node",
    request: backupRequest,
    answer: backupReport,
  },
};
