/**
 * Failures as JSON: `{code, message, hint?}`.
 * @module
 */

import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type Problem, problemOf } from "../api/mod.ts";

/** RFC 9110 §15 for the failures that an agent names; any other is the agent's own fault. */
const STATUS_OF_CODE: ReadonlyMap<string, ContentfulStatusCode> = new Map(
  ([
    [400, ["InvalidRequest", "InvalidConfig", "OutOfRange", "InvalidRecord"]],
    [400, ["InvalidTopic", "InvalidService", "InvalidSelector", "InvalidParams", "InvalidPolicy"]],
    [403, ["Refused"]],
    [404, ["UnknownPeer", "UnknownToken", "UnknownName", "NoProvider", "UnknownAction", "UnknownService"]],
    [404, ["UnknownRevision", "NoPolicy"]],
    // Overlay networks and their endpoints.
    [400, [
      "InvalidNetwork",
      "InvalidEndpoint",
      "UnknownDriver",
      "NetworkType",
      "IdentifierRange",
      "MtuRange",
    ]],
    [400, ["InvalidDriverOption"]],
    [403, ["NotPermittedMember"]],
    [404, ["UnknownNetwork", "UnknownEndpoint"]],
    [409, ["DuplicateNetwork", "DuplicateEndpoint", "NetworkInUse", "TooManyEndpoints"]],
    [409, ["PolicyTestFailed", "PolicyCutsOff", "PolicyConflict"]],
    [409, [
      "AmbiguousName",
      "NotLeader",
      "AddressTaken",
      "NameTaken",
      "PoolExhausted",
      "ServicePaused",
      "QuorumLost",
      "ServerNotLost",
      "TooEarly",
    ]],
    [413, ["PayloadTooLarge", "PolicyTooLarge"]],
    [429, ["Overloaded", "TooOften"]],
    [502, ["HandlerFailed", "InvalidResult", "Incompatible", "OutcomeUnknown", "StreamBroken"]],
    [503, ["Stopped"]],
    [504, ["Timeout", "Unreachable"]],
  ] as const).flatMap(([status, codes]) => codes.map((code) => [code, status])),
);

/** @returns an answer of `status` with a body that says why */
export function problem(
  context: Context,
  status: ContentfulStatusCode,
  code: string,
  message: string,
): Response {
  return context.json({ code, message } satisfies Problem, status);
}

/** Answers a failure: a WeftError by its code, anything else without detail. */
export function failure(error: unknown, context: Context): Response {
  const body = problemOf(error);
  return context.json(body, STATUS_OF_CODE.get(body.code) ?? 500);
}
