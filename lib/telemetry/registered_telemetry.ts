/**
 * What gives spans to the provider that is registered. Its package is imported here alone, and as a whole: a bundler
 * makes of a package in CommonJS that is imported when it is needed something without names.
 * @module
 */

import * as api from "@opentelemetry/api";
import project from "../../deno.json" with { type: "json" };
import type { Tracer } from "../base/mod.ts";
import type { Middleware } from "../service/mod.ts";
import { callSpans } from "./call_spans.ts";
import { stepSpans } from "./step_spans.ts";

/** What gives spans to whoever takes them. */
export interface Telemetry {
  /** Of calls and events. */
  readonly middleware: Middleware;
  /** Of everything else. */
  readonly tracer: Tracer;
}

/** @returns what gives spans to whoever is registered now */
export function registeredTelemetry(): Telemetry {
  const tracer = api.trace.getTracer(project.name, project.version);
  return { middleware: callSpans(api, tracer), tracer: stepSpans(api, tracer) };
}
