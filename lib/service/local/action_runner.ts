/**
 * Running an action: parameters checked, bounds kept, the result checked.
 * @module
 */

import type { Bulkhead } from "./bulkhead.ts";
import { type CallContext, describeIssues, type Schema } from "../service_definition.ts";
import { type Failed, failed, failureOf } from "../errors.ts";
import type { LocalAction } from "./local_services.ts";
import { showPath } from "../topics/mod.ts";

/** How an action ended: with a value, which may be a stream, or a failure. */
export type Outcome = { readonly kind: "value"; readonly value: unknown } | Failed;

/**
 * Runs an action once there is room. Nothing is awaited that is not a promise: a handler that answers at once costs no
 * turn of the event loop.
 *
 * @param settle is called once, in the same turn when nothing has to be waited for
 * @param bytes the encoded length of the parameters; 0 for those of this program, which has them in memory anyway
 */
export function runAction(
  action: LocalAction,
  params: unknown,
  context: CallContext,
  settle: (outcome: Outcome) => void,
  bytes = 0,
): void {
  const { service, definition } = action;
  if (service.state !== "running") {
    return settle(failed("ServicePaused", `${showPath(service.path)} is ${service.state}`));
  }
  if (definition.params === undefined) return enter(action, params, context, settle, bytes);
  check(definition.params, params, (issues, value) => {
    if (issues !== undefined) {
      settle(failed("InvalidParams", `Cannot call ${showPath(context.path)}: ${issues}`));
    } else enter(action, value, context, settle, bytes);
  });
}

function enter(
  action: LocalAction,
  params: unknown,
  context: CallContext,
  settle: (outcome: Outcome) => void,
  bytes: number,
): void {
  const run = () => {
    if (!context.isAborted) return invoke(action, params, context, settle);
    // It was given up while it waited for its turn.
    for (const bulkhead of action.bulkheads) bulkhead.leave();
    settle(failed("Canceled", `${showPath(context.path)} was given up before it ran`));
  };
  pass(action.bulkheads, { bytes, run }, 0, (entered) => {
    for (let i = 0; i < entered; i++) action.bulkheads[i]?.leave();
    settle(failed("Overloaded", `${showPath(action.service.path)} has as many calls as it takes`));
  });
}

function pass(
  bulkheads: readonly Bulkhead[],
  call: { readonly bytes: number; readonly run: () => void },
  at: number,
  refuse: (entered: number) => void,
): void {
  const bulkhead = bulkheads[at];
  if (bulkhead === undefined) return call.run();
  if (!bulkhead.enter(() => pass(bulkheads, call, at + 1, refuse), call.bytes)) refuse(at);
}

function invoke(
  action: LocalAction,
  params: unknown,
  context: CallContext,
  settle: (outcome: Outcome) => void,
): void {
  const end = (outcome: Outcome) => {
    for (const bulkhead of action.bulkheads) bulkhead.leave();
    settle(outcome);
  };
  const fail = (error: unknown) => end({ kind: "failure", failure: failureOf(error) });
  try {
    const answer = action.definition.handler(params as never, context);
    if (isPromise(answer)) answer.then((value) => finish(action, value, end), fail);
    else finish(action, answer, end);
  } catch (error) {
    fail(error);
  }
}

function finish(action: LocalAction, value: unknown, end: (outcome: Outcome) => void): void {
  const { result } = action.definition;
  if (result === undefined) return end({ kind: "value", value });
  check(result, value, (issues, checked) => {
    const text = `${showPath(action.service.path)}/${action.name} answered with something else: ${issues}`;
    end(issues === undefined ? { kind: "value", value: checked } : failed("InvalidResult", text, true));
  });
}

function check(
  schema: Schema,
  value: unknown,
  done: (issues: string | undefined, value: unknown) => void,
): void {
  const standard = schema["~standard"];
  const report = (checked: Awaited<ReturnType<typeof standard.validate>>) =>
    checked.issues === undefined
      ? done(undefined, checked.value)
      : done(describeIssues(checked.issues), undefined);
  const broken = () => done("the schema has failed", undefined);
  let checked: ReturnType<typeof standard.validate>;
  try {
    checked = standard.validate(value);
  } catch {
    return broken();
  }
  if (isPromise(checked)) checked.then(report, broken);
  else report(checked);
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === "function";
}
