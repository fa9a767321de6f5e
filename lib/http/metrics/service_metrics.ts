/**
 * Services, calls and events.
 * @module
 */

import type { CallMeasurements, MeasurementsReport, ServicesReport } from "../../api/mod.ts";
import { type Exposition, type Labels, type Sample, samplesBy } from "./exposition.ts";

/** In place of what has no series of its own. */
const OTHER = "other";

/** Adds what is offered, called and published. */
export function addServices(
  out: Exposition,
  report: ServicesReport,
  measurements: MeasurementsReport | undefined,
): void {
  const { services, providers, calls, programs, rejected, refused, openBreakers, memory } = report;
  out.gauge("weft_services", "Services that are known, wherever they run.", services);
  out.gauge(
    "weft_service_providers",
    "Pairs of a service and a node that offers it; healthy ones run on a node that answers.",
    samplesBy("health", providers),
  );
  out.gauge(
    "weft_calls",
    "Calls that wait for an answer (pending), and calls of others that run here (running).",
    samplesBy("state", calls),
  );
  out.gauge("weft_programs", "Programs of this machine that are attached to the agent.", programs);
  out.counter(
    "weft_service_messages_rejected",
    "Messages about services that could not be read.",
    rejected,
  );
  out.gauge(
    "weft_service_adverts_refused",
    "Services and subscriptions of members that the network does not let them offer or hear.",
    refused.adverts,
  );
  out.counter(
    "weft_service_events_refused",
    "Events that were not delivered because their publishers may not publish them.",
    refused.events,
  );
  out.gauge("weft_open_breakers", "Providers that are spared because they have failed.", openBreakers);
  out.gauge("weft_held_bytes", "Memory that others make this node hold.", memory.usedBytes);
  out.counter("weft_held_refused", "How often others were refused more memory.", memory.refused);
  if (measurements === undefined) return;
  addCalls(out, measurements.calls);
  const { events, data } = measurements;
  out.counter("weft_events_published", "Events published by this node and its programs.", events.published);
  out.counter("weft_events_delivered", "Events handed to subscriptions of this node.", events.delivered);
  out.counter("weft_events_sent", "Events sent to other nodes and to programs of this one.", events.sent);
  out.counter("weft_events_lost", "Events not sent because their reader is slow or gone.", events.lost);
  out.counter("weft_events_dropped", "Events left out by subscriptions that are too slow.", events.dropped);
  out.gauge("weft_data_collections", "Collections that this node owns.", data.collections);
  out.gauge("weft_data_queues", "Work queues that this node owns.", data.queues);
  out.gauge("weft_data_watches", "Watches of those collections that are open.", data.watches);
}

function addCalls(out: Exposition, calls: readonly CallMeasurements[]): void {
  const outcomes = calls.flatMap((call): Sample[] =>
    Object.entries(call.outcomes).map(([outcome, count]) => [{ ...labelsOf(call), outcome }, count])
  );
  out.counter(
    "weft_service_calls",
    "Calls that have ended, by action and outcome (OK or the code of the failure), as caller and as provider.",
    outcomes,
  );
  out.histogram(
    "weft_service_call_duration_seconds",
    "How long calls took until they were answered, by action, as caller and as provider.",
    calls.map((call) => [labelsOf(call), call.duration]),
  );
}

function labelsOf({ side, service, action }: CallMeasurements): Labels {
  const isOther = service === "" && action === "";
  return { side, service: isOther ? OTHER : service, action: isOther ? OTHER : action };
}
