/**
 * What a running agent says of itself over HTTP: a read-only application with a page on 127.0.0.1:9180, and the control
 * application on a Unix socket that only its user may open, the one way to change something. It holds no state and decides
 * nothing; it asks the `AgentControl` that it is given. No answer has a secret, except the one to whoever makes a token.
 *
 *     browser, Prometheus --TCP--> guard --> access --> the read-only routes of `OPERATIONS`, /events /healthz /metrics /openapi.json and /
 *     weft status, token … --Unix socket--> all routes of `OPERATIONS`
 *
 * @module
 */

export * from "./apps.ts";
export { METRICS_TYPES, type MetricsFormat, metricsText } from "./metrics/mod.ts";
export * from "./serve.ts";
export { StatusSite, type StatusSiteOptions } from "./status_site.ts";
