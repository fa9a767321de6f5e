/**
 * All metrics of a node.
 * @module
 */

import type { MeasurementsReport, PolicyCounters, StatusReport } from "../../api/mod.ts";
import { Exposition, type MetricsFormat, samplesBy } from "./exposition.ts";
import { addNetworks, addPolicy, addRelay } from "./network_metrics.ts";
import { addNode, addPeers } from "./node_metrics.ts";
import { addProcess } from "./process_metrics.ts";
import { addServices } from "./service_metrics.ts";

/** What there is to tell. */
export interface MetricsSources {
  readonly status: StatusReport;
  readonly measurements?: MeasurementsReport;
  /** What rules have decided. */
  readonly policy?: PolicyCounters;
  /** How many requests were refused for their tokens, by reason. */
  readonly refusals?: Readonly<Record<string, number>>;
}

/** @returns every number of a node, one sample a line */
export function metricsText(
  { status, measurements, policy, refusals = {} }: MetricsSources,
  format: MetricsFormat,
): string {
  const out = new Exposition(format);
  addNode(out, status);
  addPeers(out, status.peers);
  addServices(out, status.services, measurements);
  addNetworks(out, status.networks);
  if (policy !== undefined) addPolicy(out, policy);
  out.counter(
    "weft_dns_messages",
    "DNS responses by their code, and queries that were forwarded, refused or dropped, by reason.",
    samplesBy("kind", status.dns?.counters ?? {}),
  );
  out.counter(
    "weft_status_requests_refused",
    "HTTP requests from beyond the loopback that were refused for their tokens, by reason.",
    samplesBy("reason", refusals),
  );
  out.counter(
    "weft_drops",
    "Datagrams and packets that were dropped, by reason.",
    samplesBy("reason", status.drops),
  );
  out.counter(
    "weft_records_refused",
    "Records of other members that were refused, by reason.",
    samplesBy("reason", status.refused),
  );
  if (status.relay !== undefined) addRelay(out, status.relay);
  if (measurements !== undefined) addProcess(out, measurements);
  return out.text();
}
