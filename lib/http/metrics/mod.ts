/**
 * What `GET /metrics` answers: what the agent reports and measures of itself, as families of samples. Names, units and
 * help are after Prometheus' conventions, and `promtool check metrics` has nothing to say of them; labels are bounded: an
 * action has series of its own when it is known to be offered, while there is room.
 *
 *     StatusReport, MeasurementsReport, PolicyCounters ──▶ metricsText ──▶ Exposition ──▶ text of OpenMetrics or Prometheus
 *
 * @module
 */

export { METRICS_TYPES, type MetricsFormat } from "./exposition.ts";
export { metricsText } from "./metrics_text.ts";
