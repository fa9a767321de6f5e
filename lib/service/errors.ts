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
  /** The name of the node that has failed, as the caller's own node knows it. */
  readonly node?: string;
  /** `service/action`, of a cause: of the call that the handler has made. */
  readonly path?: string;
  /** The failure that has led to this one. */
  readonly cause?: WireFailure;
}

/** How many failures are told of, each the cause of the one before. */
export const MAX_CAUSES = 3;

/** All of `CallFailureCode`. */
export const CALL_FAILURE_CODES: ReadonlySet<string> = new Set(
  Object.keys(
    {
      ...{ NoProvider: 0, UnknownAction: 0, ServicePaused: 0, Unreachable: 0, OutcomeUnknown: 0, Timeout: 0 },
      ...{ Overloaded: 0, Refused: 0, InvalidParams: 0, InvalidResult: 0, PayloadTooLarge: 0 },
      ...{ HandlerFailed: 0, Canceled: 0, StreamBroken: 0, Incompatible: 0, Stopped: 0 },
    } satisfies Record<CallFailureCode, 0>,
  ),
);

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
  /** What was thrown, where that was in this program. */
  readonly error?: unknown;
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
  /** The name of the node whose answer this is, or that was asked last; undefined when nobody was. */
  readonly node: string | undefined;
  /** `service/action`, of the call that has failed; undefined for what was no call. */
  readonly path: string | undefined;

  /**
   * Makes the failure that a provider or this node has told. Its `cause` is the failure of the call that the handler has
   * made, if that is why; and what the handler has thrown, where that was in this program.
   */
  constructor(failure: WireFailure, options: { cause?: unknown; hint?: string } = {}) {
    const { code, message, retryable, executed, rule, node, path } = failure;
    const cause = options.cause ?? (failure.cause && new CallError(failure.cause));
    super(message, { ...options, retryable, cause });
    this.code = code;
    this.executed = executed;
    this.rule = rule;
    this.node = node;
    this.path = path;
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

/**
 * @param path `service/action`
 * @param node the name of the node that has failed, where it is known
 * @returns the error of a call, with where it was made; any other error as it is
 */
export function ofCall(error: unknown, path: string, node?: string): unknown {
  if (!(error instanceof CallError) || error.path !== undefined) return error;
  const { code, message, retryable, executed, rule, hint, cause } = error;
  const known = error.node ?? node;
  return new CallError({
    ...{ code, message, retryable, executed, path },
    ...rule !== undefined && { rule },
    ...known !== undefined && { node: known },
  }, { cause, ...hint !== undefined && { hint } });
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
      return { ...told(error), executed: true, ...causeOf(error) };
    }
    if (error instanceof Error) return failure("HandlerFailed", textOf(error.message), true);
  } catch {
    // A getter has thrown, or there is no way to say it as text: that must not cost the caller its answer.
  }
  return failure("HandlerFailed", "the handler has failed", true);
}

/** What an error says of itself that is meant for callers. */
function told({ code, message, retryable }: ActionError | CallError): WireFailure {
  return { code: textOf(code), message: textOf(message), retryable: Boolean(retryable), executed: true };
}

/** Of errors that are answers themselves: what else has failed may say more than callers are to know. */
function causeOf(error: ActionError | CallError, depth = MAX_CAUSES): { cause?: WireFailure } {
  // A call that fails its handler is what the handler fails with, and its cause.
  const cause: unknown = error instanceof CallError && error.path !== undefined && depth === MAX_CAUSES
    ? error
    : error.cause;
  if (depth === 0 || !(cause instanceof CallError || cause instanceof ActionError)) return {};
  const { node, path } = cause instanceof CallError ? cause : {};
  const { executed } = cause instanceof CallError ? cause : { executed: true };
  return {
    cause: {
      ...told(cause),
      executed,
      ...node !== undefined && { node },
      ...path !== undefined && { path },
      ...causeOf(cause, depth - 1),
    },
  };
}

/** Types say that it is text, and programs without types need not keep to that. @throws what its conversion throws */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : String(value);
}
