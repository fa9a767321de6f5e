/**
 * Whether there is somebody who takes spans, and what gives them.
 * @module
 */

import type { Telemetry } from "./registered_telemetry.ts";

/** Where providers of OpenTelemetry register, whichever copy of its package has them do so. */
const REGISTRY = Symbol.for("opentelemetry.js.api.1");

/** @returns what gives spans; undefined when nobody takes any, and then nothing was loaded */
export async function findTelemetry(): Promise<Telemetry | undefined> {
  const registered = (globalThis as { readonly [REGISTRY]?: { readonly trace?: unknown } })[REGISTRY];
  if (registered?.trace === undefined) return undefined;
  const { registeredTelemetry } = await import("./registered_telemetry.ts");
  return registeredTelemetry();
}
