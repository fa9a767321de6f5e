/**
 * Whether there is somebody who takes spans, and what gives them.
 * @module
 */

import type { Tracer } from "../base/mod.ts";
import type { Middleware } from "../service/mod.ts";

/** What gives spans to whoever takes them. */
export interface Telemetry {
  /** Of calls and events. */
  readonly middleware: Middleware;
  /** Of everything else. */
  readonly tracer: Tracer;
}

/** Where providers of OpenTelemetry register, whichever copy of its package has them do so. */
const REGISTRY = Symbol.for("opentelemetry.js.api.1");

/** @returns what gives spans; undefined when nobody takes any, and then nothing was loaded */
export async function findTelemetry(): Promise<Telemetry | undefined> {
  const registered = (globalThis as { readonly [REGISTRY]?: { readonly trace?: unknown } })[REGISTRY];
  if (registered?.trace === undefined) return undefined;
  const { registeredTelemetry } = await import("./registered_telemetry.ts");
  return registeredTelemetry();
}
