/**
 * The middleware that comes with weft: logging, validation, a cache, metrics, traces; and what makes one of plain functions.
 * Each of them takes time and chance from the node that it is used on, so that one value may serve several nodes.
 * @module
 */

export { cache, type CacheMiddleware, type CacheOptions } from "./cache.ts";
export { type HookOptions, hooks, only } from "./hooks.ts";
export { logging, type LoggingOptions } from "./logging.ts";
export { metrics, type MetricsMiddleware } from "./metrics.ts";
export { type Span, tracing, type TracingOptions } from "./tracing.ts";
export { validation } from "./validation.ts";
