/**
 * What an agent measures of itself, for metrics: figures that only ever grow, distributions, and what its process takes.
 * @module
 */

import type { CallStatsReport } from "../report.ts";

/** Durations, by how long they were. */
export interface HistogramReport {
  /** The upper bounds of the buckets, in seconds; one bucket more has what took longer. */
  readonly boundsSeconds: readonly number[];
  /** How many took at most as long as each bound and longer than the one before; the last took longer than all. */
  readonly buckets: readonly number[];
  /** How many there were. */
  readonly count: number;
  /** How long all of them were together. */
  readonly sumSeconds: number;
}

/** The calls of one action since the start, on one side of them. */
export interface CallMeasurements extends Pick<CallStatsReport, "service" | "action" | "side"> {
  /** How many ended so: by the code of the failure, `OK` for what went well. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** How long they took; a stream until it has begun. */
  readonly duration: HistogramReport;
}

/** What became of events since the start. */
export interface EventMeasurements {
  /** Published by this node and its programs. */
  readonly published: number;
  /** Handed to subscriptions of this node, whoever has published. */
  readonly delivered: number;
  /** Sent to other nodes, and to programs of this one. */
  readonly sent: number;
  /** Not sent: who should have got it was slow or gone. */
  readonly lost: number;
  /** Left out by subscriptions of this node that were too slow. */
  readonly dropped: number;
}

/** What the process takes of its host; what a host does not tell is absent. */
export interface ProcessMeasurements {
  /** Processor time of all its threads, in seconds. */
  readonly cpuSeconds: number;
  /** Memory that is in use, in bytes. */
  readonly residentMemoryBytes: number;
  /** When it was started, in seconds since 1970. */
  readonly startTimeSeconds: number;
  /** Addresses that are taken, in bytes. */
  readonly virtualMemoryBytes?: number;
  /** Files and sockets that are open. */
  readonly openFds?: number;
  /** How many may be. */
  readonly maxFds?: number;
}

/** Everything that is measured beside what the status says. */
export interface MeasurementsReport {
  /** By action; at most 129 of each side, whose last has all others and no names. */
  readonly calls: readonly CallMeasurements[];
  /** Of this node and its programs. */
  readonly events: EventMeasurements;
  /** Handshakes of WireGuard: `initiator` and `responder` were completed in that role, `retried`, `failed`. */
  readonly handshakes: Readonly<Record<string, number>>;
  /** Messages and items of gossip: `messages-sent`, `messages-received`, `items-new`, `items-rejected`. */
  readonly gossip: Readonly<Record<string, number>>;
  /** Collections and queues of this node, and watches of the former. */
  readonly data: { readonly collections: number; readonly queues: number; readonly watches: number };
  /** What the agent's process takes. */
  readonly process: ProcessMeasurements;
  /** How late timers were that are due once a second: how long the event loop was busy with something else. */
  readonly eventLoopLag: HistogramReport;
}

/** The operation. */
export interface MeasurementControl {
  /** What is counted and measured since the start, for metrics. */
  measurements(): MeasurementsReport;
}
