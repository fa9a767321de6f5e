/**
 * Spans of what a node does beside calls: joins, dials.
 * @module
 */

import type * as OpenTelemetry from "@opentelemetry/api";
import type { Tracer } from "../base/mod.ts";

/** @returns what makes spans of steps */
export function stepSpans(api: typeof OpenTelemetry, tracer: OpenTelemetry.Tracer): Tracer {
  return {
    start(name, attributes = {}) {
      const span = tracer.startSpan(name, { kind: api.SpanKind.CLIENT, attributes: { ...attributes } });
      return {
        end(error) {
          if (error !== undefined) {
            span.setAttribute("error.type", error);
            span.setStatus({ code: api.SpanStatusCode.ERROR, message: error });
          }
          span.end();
        },
      };
    },
  };
}
