/**
 * How calls fail.
 * @module
 */

import { WeftError } from "../base/mod.ts";
import type { MessageRefusal } from "../policy/mod.ts";

/**
 * Why a call has failed. What a handler fails with of its own, by `ActionError`, comes with its own code instead.
 *
 * | code | what happened |
 * | --- | --- |
 * | `NoProvider` | nobody who is known offers the service |
 * | `UnknownAction` | the service has no such action |
 * | `ServicePaused` | the service is there, and not running |
 * | `Unreachable` | the provider could not be reached; the action did not run |
 * | `OutcomeUnknown` | the provider was lost in the middle; the action may have run |
 * | `Timeout` | no answer within the deadline |
 * | `Overloaded` | a queue is full |
 * | `Refused` | the caller may not do this |
 * | `InvalidParams` | the parameters are not what the action takes |
 * | `InvalidResult` | the handler answered with what can't be sent or is not what it promised |
 * | `PayloadTooLarge` | parameters or result are over the limit |
 * | `HandlerFailed` | the handler has thrown |
 * | `Canceled` | the caller gave up |
 * | `StreamBroken` | a stream of parameters or results ended before its end |
 * | `Incompatible` | the other end sent what this version can't read |
 * | `Stopped` | this node, or the one that was asked, stops |
 */
export type CallFailureCode =
  | "NoProvider"
  | "UnknownAction"
  | "ServicePaused"
  | "Unreachable"
  | "OutcomeUnknown"
  | "Timeout"
  | "Overloaded"
  | "Refused"
  | "InvalidParams"
  | "InvalidResult"
  | "PayloadTooLarge"
  | "HandlerFailed"
  | "Canceled"
  | "StreamBroken"
  | "Incompatible"
  | "Stopped";

/** Why a call has failed. */
export interface WireFailure {
  /** One of `CallFailureCode`, or what the handler calls it. */
  readonly code: string;
  /** What was wrong, in one sentence. */
  readonly message: string;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Whether the handler may have run. */
  readonly executed: boolean;
  /** The rule of the network's policy by which this node refuses it; others say no more than `Refused`. */
  readonly rule?: string;
}

const RETRYABLE: ReadonlySet<string> = new Set<CallFailureCode>([
  "NoProvider",
  "ServicePaused",
  "Unreachable",
  "Timeout",
  "Overloaded",
  "Stopped",
]);

/** @returns a failure of one of the known kinds */
export function failure(code: CallFailureCode, message: string, executed = false): WireFailure {
  return { code, message, retryable: RETRYABLE.has(code), executed };
}

/**
 * @param what what was tried, such as `call orders/refund`
 * @returns the failure of what the network's policy does not let this node do
 */
export function policyFailure(what: string, { kind, rule }: MessageRefusal): WireFailure {
  if (kind === "over-rate") {
    return { ...failure("Overloaded", `Cannot ${what}: ${rule} limits how often`), rule };
  }
  const reason = rule === "default"
    ? "no rule of the policy allows it"
    : `the policy's rule ${rule} denies it`;
  return { ...failure("Refused", `Cannot ${what}: ${reason}`), rule };
}

/** That a call has failed, in place of its outcome. */
export interface Failed {
  readonly kind: "failure";
  readonly failure: WireFailure;
}

/** @returns the failure of a call, in place of its outcome */
export function failed(...parts: Parameters<typeof failure>): Failed {
  return { kind: "failure", failure: failure(...parts) };
}

/** A call that has failed, here or at the provider. */
export class CallError extends WeftError {
  /** One of `CallFailureCode`, or the handler's own. */
  readonly code: string;
  /** Whether the action may have run. */
  readonly executed: boolean;
  /** The rule of the network's policy by which this node has refused it, `web-tier#3`; undefined for every other reason. */
  readonly rule: string | undefined;

  /** Makes the failure that a provider or this node has told. */
  constructor(
    { code, message, retryable, executed, rule }: WireFailure,
    options: { cause?: unknown; hint?: string } = {},
  ) {
    super(message, { ...options, retryable });
    this.code = code;
    this.executed = executed;
    this.rule = rule;
  }
}

/**
 * What a handler throws for its callers to tell apart: they get a `CallError` with the same code and message. Whatever
 * else it throws becomes `HandlerFailed`, and callers see only the message of an Error.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ActionError } from "./errors.ts";
 * const error = new ActionError("OutOfStock", "No tea is left", { retryable: true });
 * assert.equal(error.code, "OutOfStock");
 * ```
 */
export class ActionError extends WeftError {
  /** What the handler calls it; comes to the caller as it is. */
  readonly code: string;

  /** Fails a call with a code of the handler's own. @param code at most 64 characters */
  constructor(code: string, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}

/** @returns a call's failure of one of the known kinds, to throw */
export function callError(...parts: Parameters<typeof failure>): CallError {
  return new CallError(failure(...parts));
}

/** A service that can't be added, or an option that makes no sense. */
export class InvalidServiceError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidService";
}

/** A path that the network does not let this node offer a service at. */
export class ServiceNotGrantedError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "ServiceNotGranted";

  /** A program that does not catch it ends with the message alone, so that has the hint, too. */
  constructor(message: string, { hint }: { readonly hint: string }) {
    super(`${message}. ${hint}`, { hint });
  }
}

/** @returns what the caller gets for something that a handler threw, whatever that is */
export function failureOf(error: unknown): WireFailure {
  try {
    if (error instanceof ActionError || error instanceof CallError) {
      const { code, message, retryable } = error;
      return { code: textOf(code), message: textOf(message), retryable, executed: true };
    }
    if (error instanceof Error) return failure("HandlerFailed", textOf(error.message), true);
  } catch {
    // A getter has thrown, or there is no way to say it as text: that must not cost the caller its answer.
  }
  return failure("HandlerFailed", "the handler has failed", true);
}

/** Types say that it is text, and programs without types need not keep to that. @throws what its conversion throws */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : String(value);
}
