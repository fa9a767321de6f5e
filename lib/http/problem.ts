/**
 * Failures as JSON: `{code, message, hint?}`.
 * @module
 */

import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type Problem, problemOf } from "../api/mod.ts";

/** RFC 9110 §15 for the failures that an agent names; any other is the agent's own fault. */
const STATUS_OF_CODE: ReadonlyMap<string, ContentfulStatusCode> = new Map([
  ["InvalidRequest", 400],
  ["InvalidConfig", 400],
  ["OutOfRange", 400],
  ["UnknownPeer", 404],
  ["UnknownToken", 404],
  ["UnknownName", 404],
  ["InvalidRecord", 400],
  ["NotLeader", 409],
  ["AddressTaken", 409],
  ["NameTaken", 409],
  ["PoolExhausted", 409],
  ["InvalidTopic", 400],
  ["InvalidService", 400],
  ["InvalidSelector", 400],
  ["InvalidParams", 400],
  ["Refused", 403],
  ["NoProvider", 404],
  ["UnknownAction", 404],
  ["UnknownService", 404],
  ["ServicePaused", 409],
  ["PayloadTooLarge", 413],
  ["Overloaded", 429],
  ["HandlerFailed", 502],
  ["InvalidResult", 502],
  ["Incompatible", 502],
  ["OutcomeUnknown", 502],
  ["StreamBroken", 502],
  ["Stopped", 503],
  ["Timeout", 504],
  ["Unreachable", 504],
]);

/** @returns an answer of `status` with a body that says why */
export function problem(
  context: Context,
  status: ContentfulStatusCode,
  code: string,
  message: string,
  hint?: string,
): Response {
  const body: Problem = hint === undefined ? { code, message } : { code, message, hint };
  return context.json(body, status);
}

/** Answers a failure: a WeftError by its code, anything else without detail. */
export function failure(error: unknown, context: Context): Response {
  const { code, message, hint } = problemOf(error);
  return problem(context, STATUS_OF_CODE.get(code) ?? 500, code, message, hint);
}
