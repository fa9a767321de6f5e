/**
 * Spans of a trace, as W3C Trace Context and OpenTelemetry have them. Without this middleware a trace that comes along is
 * passed on as it is (Trace Context §4.3).
 * @module
 */

import { type Environment, type RandomSource, randomUint32 } from "../../base/mod.ts";
import type { Middleware } from "../middleware_chain.ts";
import type { PropagationOptions } from "../options.ts";
import { codeOf } from "./logging.ts";

/** One step of a trace that has ended. */
export interface Span {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** The step that it belongs to; undefined for the first one. */
  readonly parentSpanId: string | undefined;
  /** `service/action`, or a topic. */
  readonly name: string;
  /** The kinds of OpenTelemetry, for a request, an action, a publication, a handler of events. */
  readonly kind: "client" | "server" | "producer" | "consumer";
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** How long it took, in milliseconds. */
  readonly tookMs: number;
  /** The code of its failure; undefined when it went well. */
  readonly error: string | undefined;
}

/** Where spans go. */
export interface TracingOptions {
  /** Is given each span of a trace that is sampled, when it ends. What it throws is left out. */
  onSpan(span: Span): void;
  /** The share of traces that begin here and are sampled, from 0 to 1; 1 unless given. Others' traces say it themselves. */
  readonly sampled?: number;
}

/** Begins traces, and continues those that come along: each call and event that goes through is a span. */
export function tracing({ onSpan, sampled = 1 }: TracingOptions): Middleware {
  const span = async <T>(
    kind: Span["kind"],
    name: string,
    traceparent: string | undefined,
    environment: Environment,
    step: (traceparent: string) => Promise<T>,
  ): Promise<T> => {
    const { clock, random } = environment;
    const parent = traceparent?.split("-");
    const [, traceId = hex(random, 32), parentSpanId, flags] = parent ?? [];
    const isSampled = flags === undefined
      ? randomUint32(random) < sampled * 2 ** 32
      : Number.parseInt(flags, 16) % 2 === 1;
    const spanId = hex(random, 16);
    const [startedAt, begunAt] = [clock.wall(), clock.now()];
    let error: string | undefined;
    try {
      return await step(`00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`);
    } catch (thrown) {
      error = codeOf(thrown);
      throw thrown;
    } finally {
      const tookMs = clock.now() - begunAt;
      if (isSampled) tell(onSpan, { traceId, spanId, parentSpanId, name, kind, startedAt, tookMs, error });
    }
  };
  const going = <Options extends PropagationOptions>(options: Options, traceparent: string): Options => ({
    ...options,
    traceparent,
  });
  return {
    request: (call, next, environment) =>
      span(
        "client",
        call.path,
        call.options.traceparent,
        environment,
        (traceparent) => next({ ...call, options: going(call.options, traceparent) }),
      ),
    publish: (event, next, environment) =>
      span(
        "producer",
        event.topic,
        event.options.traceparent,
        environment,
        (traceparent) => next({ ...event, options: going(event.options, traceparent) }),
      ),
    action: ({ service, action, context }, next, environment) =>
      span("server", `${service}/${action}`, context.traceparent, environment, (traceparent) => {
        context.continueTrace(traceparent);
        return next();
      }),
    event: ({ event, context }, next, environment) =>
      span("consumer", event.topic, event.traceparent, environment, (traceparent) => {
        context.continueTrace(traceparent);
        return next();
      }),
  };
}

function tell(onSpan: (span: Span) => void, span: Span): void {
  try {
    onSpan(span);
  } catch {
    // A broken exporter is no reason for a call to fail.
  }
}

/** @returns random hexadecimal digits, not all of them 0 */
function hex(random: RandomSource, digits: number): string {
  let text = "";
  while (text.length < digits) text += randomUint32(random).toString(16).padStart(8, "0");
  return /^0+$/.test(text) ? hex(random, digits) : text;
}
