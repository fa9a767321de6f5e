/**
 * A line of the log for each call and event.
 * @module
 */

import type { Environment } from "../../base/mod.ts";
import { ActionError, CallError } from "../errors.ts";
import type { Middleware } from "../middleware_chain.ts";

/** How calls are logged. */
export interface LoggingOptions {
  /** The level of what goes well, `info` unless given; what fails is a warning. */
  readonly level?: "debug" | "info";
}

/**
 * Logs each call and event with its path, how long it took, and how it failed; never parameters, data or metadata, which
 * may be secret. Where it is used on a node it says what the node asks for (`request`, `publish`) and what it serves
 * (`action`, `event`).
 */
export function logging({ level = "info" }: LoggingOptions = {}): Middleware {
  const around = async <T>(
    { clock, log }: Environment,
    message: string,
    fields: Readonly<Record<string, unknown>>,
    step: () => Promise<T>,
  ): Promise<T> => {
    const startedAt = clock.now();
    const tookMs = () => Math.round((clock.now() - startedAt) * 10) / 10;
    try {
      const result = await step();
      log[level](message, { ...fields, tookMs: tookMs() });
      return result;
    } catch (error) {
      log.warn(`${message} failed`, { ...fields, tookMs: tookMs(), code: codeOf(error) });
      throw error;
    }
  };
  return {
    request: (call, next, environment) => around(environment, "request", { path: call.path }, next),
    publish: (event, next, environment) => around(environment, "publish", { topic: event.topic }, next),
    action: ({ service, action, context: { caller } }, next, environment) =>
      around(environment, "action", { path: `${service}/${action}`, ...caller && { from: caller } }, next),
    event: ({ event: { topic, publisher }, group }, next, environment) => {
      const fields = { topic, ...group !== "" && { service: group }, ...publisher && { from: publisher } };
      return around(environment, "event", fields, next);
    },
  };
}

/** @returns the code of a failure, for people and counters */
export function codeOf(error: unknown): string {
  return error instanceof CallError || error instanceof ActionError ? error.code : "HandlerFailed";
}
