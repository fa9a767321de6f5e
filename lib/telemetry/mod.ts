/**
 * Spans for OpenTelemetry, where the program has it: Deno's own (`OTEL_DENO=true`), or an SDK that the program has
 * registered. Elsewhere nothing of it is loaded, and nothing is asked on the path of a call. It gathers and sends nothing
 * itself.
 *
 *     Middleware ──▶ call spans ──▶ @opentelemetry/api ──▶ Deno ──▶ OTLP
 *     Tracer ──▶ joins, handshakes ───┘
 *
 * @module
 */

export type { Telemetry } from "./registered_telemetry.ts";
export { findTelemetry } from "./telemetry.ts";
