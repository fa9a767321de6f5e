/**
 * What `GET /metrics` answers: what the agent reports of itself, as families of samples, in the text formats of OpenMetrics
 * and of Prometheus.
 * @module
 */

export { METRICS_TYPES, type MetricsFormat, metricsText } from "./status_metrics.ts";
