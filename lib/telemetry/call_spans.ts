/**
 * Spans of calls and events, with attributes after OpenTelemetry's semantic conventions of RPC and messaging. The trace
 * goes along with the call (W3C Trace Context), and on with what a handler does.
 * @module
 */

import type * as OpenTelemetry from "@opentelemetry/api";
import { CallError, type Middleware, type PropagationOptions } from "../service/mod.ts";

const SYSTEM = "weft";
/** W3C Trace Context §3.2.2. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/;

/** @returns middleware that makes a span of each call and event that goes through */
export function callSpans(api: typeof OpenTelemetry, tracer: OpenTelemetry.Tracer): Middleware {
  const { context, trace, ROOT_CONTEXT, SpanKind, SpanStatusCode } = api;

  /** What stands above: the trace that came along, or what this program is doing. */
  const parentOf = (traceparent: string | undefined, tracestate: string | undefined) => {
    const [, traceId, spanId, flags = ""] = TRACEPARENT.exec(traceparent ?? "") ?? [];
    if (traceId === undefined || spanId === undefined) return context.active();
    return trace.setSpanContext(ROOT_CONTEXT, {
      ...{ traceId, spanId, isRemote: true, traceFlags: Number.parseInt(flags, 16) & 1 },
      ...tracestate !== undefined && { traceState: api.createTraceState(tracestate) },
    });
  };

  const run = async <T>(
    name: string,
    { kind, attributes, above: [traceparent, tracestate] }: {
      readonly kind: OpenTelemetry.SpanKind;
      readonly attributes: OpenTelemetry.Attributes;
      readonly above: readonly [traceparent: string | undefined, tracestate: string | undefined];
    },
    step: (span: OpenTelemetry.Span, going: PropagationOptions) => T | Promise<T>,
  ): Promise<T> => {
    const parent = parentOf(traceparent, tracestate);
    const span = tracer.startSpan(name, { kind, attributes }, parent);
    const { traceId, spanId, traceFlags, traceState } = span.spanContext();
    const flags = (traceFlags & 1).toString(16).padStart(2, "0");
    const state = traceState?.serialize() ?? tracestate;
    const going = {
      traceparent: `00-${traceId}-${spanId}-${flags}`,
      ...state && { tracestate: state },
    };
    try {
      return await context.with(trace.setSpan(parent, span), () => step(span, going));
    } catch (error) {
      const code = error instanceof CallError ? error.code : codeOf(error);
      span.setAttribute("error.type", code);
      if (error instanceof CallError && error.node !== undefined) {
        span.setAttribute("weft.provider", error.node);
      }
      // What a handler says of it is for its caller, and no trace's.
      span.setStatus({ code: SpanStatusCode.ERROR, message: code });
      throw error;
    } finally {
      span.end();
    }
  };

  return {
    request: (call, next) => {
      const { path, options } = call;
      return run(path, {
        kind: SpanKind.CLIENT,
        attributes: rpc(path),
        above: [options.traceparent, options.tracestate],
      }, (span, going) => {
        const onProvider = (node: string) => {
          span.setAttribute("weft.provider", node);
          options.onProvider?.(node);
        };
        return next({ ...call, options: { ...options, ...going, onProvider } });
      });
    },
    action: ({ service, action, context: handled }, next) =>
      run(`${service}/${action}`, {
        kind: SpanKind.SERVER,
        attributes: {
          ...rpc(`${service}/${action}`),
          ...handled.caller !== undefined && { "weft.caller": handled.caller },
        },
        above: [handled.traceparent, handled.tracestate],
      }, (_, { traceparent }) => {
        if (traceparent !== undefined) handled.continueTrace(traceparent);
        return next();
      }),
    publish: (event, next) => {
      const { topic, options } = event;
      return run(`publish ${topic}`, {
        kind: SpanKind.PRODUCER,
        attributes: messaging(topic, "send"),
        above: [options.traceparent, options.tracestate],
      }, (_, going) => next({ ...event, options: { ...options, ...going } }));
    },
    event: ({ event, context: handled }, next) =>
      run(`process ${event.topic}`, {
        kind: SpanKind.CONSUMER,
        attributes: messaging(event.topic, "process"),
        above: [event.traceparent, handled.tracestate],
      }, (_, { traceparent }) => {
        if (traceparent !== undefined) handled.continueTrace(traceparent);
        return next();
      }),
  };
}

function rpc(path: string): OpenTelemetry.Attributes {
  const at = path.lastIndexOf("/");
  return {
    "rpc.system": SYSTEM,
    "rpc.service": path.slice(0, Math.max(at, 0)),
    "rpc.method": path.slice(at + 1),
  };
}

function messaging(topic: string, operation: "send" | "process"): OpenTelemetry.Attributes {
  return {
    "messaging.system": SYSTEM,
    "messaging.destination.name": topic,
    "messaging.operation.type": operation,
  };
}

function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "HandlerFailed";
}
