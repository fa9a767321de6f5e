/**
 * Spans of what a node does beside calls: joins, handshakes.
 * @module
 */

import type * as OpenTelemetry from "@opentelemetry/api";
import type { Tracer } from "../base/mod.ts";

/** @returns what makes spans of steps */
export function stepSpans(api: typeof OpenTelemetry, tracer: OpenTelemetry.Tracer): Tracer {
  const KINDS = { client: api.SpanKind.CLIENT, server: api.SpanKind.SERVER };
  return {
    start(name, { kind = "client", startedAt, attributes } = {}) {
      const span = tracer.startSpan(name, {
        kind: KINDS[kind],
        ...startedAt !== undefined && { startTime: startedAt },
        ...attributes && { attributes: { ...attributes } },
      });
      return {
        end({ error, attributes } = {}) {
          if (attributes !== undefined) span.setAttributes({ ...attributes });
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
