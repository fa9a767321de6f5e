/**
 * Running an action: bounds kept, parameters read and checked, the result checked.
 * @module
 */

import type { Bulkhead } from "./bulkhead.ts";
import type { CallContext } from "../call_context.ts";
import { describeIssues, type Schema } from "../schema.ts";
import { CallError, type Failed, failed, failureOf } from "../errors.ts";
import type { LocalAction } from "./local_services.ts";
import { type ActionHook, runHooks, type ServedCall } from "../middleware_chain.ts";
import { showPath, type TopicPath } from "../topics/mod.ts";
import { isItemSource, watchItems } from "../wire/mod.ts";

/** How an action ended: with a value, which may be a stream, or a failure. */
export type Outcome = { readonly kind: "value"; readonly value: unknown } | Failed;

/** The parameters of one call. */
export interface CallParams {
  /** How many bytes wait with it; 0 for those of this program, which has them in memory anyway. */
  readonly bytes: number;
  /** Called when the call has to wait. @returns whether there is room for its parameters until then */
  keep(): boolean;
  /** Called once, when it is the call's turn. @throws CallError */
  read(): unknown;
}

/** Parameters that need no reading. */
export class LocalParams implements CallParams {
  readonly bytes = 0;
  readonly #value: unknown;

  constructor(value: unknown) {
    this.#value = value;
  }

  keep(): boolean {
    return true;
  }

  read(): unknown {
    return this.#value;
  }
}

/** @returns why a call would be refused now, whatever its parameters are */
export function whyRefused({ service, bulkheads }: LocalAction, bytes: number): Failed | undefined {
  if (service.state !== "running") {
    return failed("ServicePaused", `${showPath(service.path)} is ${service.state}`);
  }
  const isFull = bulkheads.some((bulkhead) => !bulkhead.hasRoom(bytes));
  return isFull ? overloaded(service.path) : undefined;
}

/**
 * Runs an action once there is room; its parameters are read and checked then. Nothing is awaited that is not a promise:
 * a handler that answers at once costs no turn of the event loop.
 *
 * @param settle is called once, in the same turn when nothing has to be waited for
 */
export function runAction(
  action: LocalAction,
  params: CallParams,
  context: CallContext,
  settle: (outcome: Outcome) => void,
): void {
  const { service, bulkheads } = action;
  if (service.state !== "running") {
    return settle(failed("ServicePaused", `${showPath(service.path)} is ${service.state}`));
  }
  for (const { isBusy } of bulkheads) if (isBusy) return wait(action, params, context, settle);
  for (const bulkhead of bulkheads) bulkhead.pass();
  run(action, params, context, settle);
}

/** As `runAction`, where a bulkhead is busy. */
function wait(
  action: LocalAction,
  params: CallParams,
  context: CallContext,
  settle: (outcome: Outcome) => void,
): void {
  const { service, bulkheads } = action;
  for (const { isBusy } of bulkheads) {
    if (isBusy && !params.keep()) return settle(overloaded(service.path));
  }
  const call = { bytes: params.bytes, run: () => run(action, params, context, settle) };
  pass(bulkheads, call, 0, (entered) => {
    for (let i = 0; i < entered; i++) bulkheads[i]?.leave();
    settle(overloaded(service.path));
  });
}

/** Runs an action that has its place in all bulkheads, and gives that back. */
function run(
  action: LocalAction,
  params: CallParams,
  context: CallContext,
  settle: (outcome: Outcome) => void,
): void {
  const leave = (outcome: Outcome) => {
    for (const bulkhead of action.bulkheads) bulkhead.leave();
    settle(outcome);
  };
  if (!context.isAborted) return read(action, params, context, leave);
  // It was given up while it waited for its turn.
  leave(failed("Canceled", `${showPath(context.path)} was given up before it ran`));
}

function overloaded(path: TopicPath): Failed {
  return failed("Overloaded", `${showPath(path)} has as many calls as it takes`);
}

function read(
  action: LocalAction,
  params: CallParams,
  context: CallContext,
  end: (outcome: Outcome) => void,
): void {
  let value: unknown;
  try {
    value = params.read();
  } catch (error) {
    return end({ kind: "failure", failure: { ...failureOf(error), executed: false } });
  }
  const hooks = action.hooks.all();
  if (hooks.length === 0) serve(action, value, context, end);
  else intercept(action, hooks, value, context, end);
}

/** Runs an action behind its middleware, which may answer in its place. */
function intercept(
  action: LocalAction,
  hooks: readonly ActionHook[],
  params: unknown,
  context: CallContext,
  end: (outcome: Outcome) => void,
): void {
  const service = showPath(action.service.path);
  const said = new WeakMap<CallError, Failed>();
  let hasRun = false;
  const last = (call: ServedCall): Promise<unknown> => {
    const hadRun = hasRun;
    // For as long as it runs, and whoever is around it does not wait.
    hasRun = true;
    return new Promise((resolve, reject) =>
      serve(action, call.params, context, (outcome) => {
        if (outcome.kind === "value") return resolve(outcome.value);
        hasRun = hadRun || outcome.failure.executed;
        const error = new CallError(outcome.failure, { cause: outcome.error });
        said.set(error, outcome);
        reject(error);
      })
    );
  };
  runHooks(hooks, { service, action: action.name, params, context }, action.environment, last).then(
    (value) => end({ kind: "value", value }),
    (error) => {
      const known = error instanceof CallError ? said.get(error) : undefined;
      if (known !== undefined) return end(known);
      action.log.action(service, action.name, context.caller, error);
      end({ kind: "failure", failure: { ...failureOf(error), executed: hasRun }, error });
    },
  );
}

function serve(
  action: LocalAction,
  value: unknown,
  context: CallContext,
  end: (outcome: Outcome) => void,
): void {
  const schema = action.definition.params;
  if (schema === undefined) invoke(action, value, context, end);
  else serveChecked(action, schema, value, context, end);
}

function serveChecked(
  action: LocalAction,
  schema: Schema,
  value: unknown,
  context: CallContext,
  end: (outcome: Outcome) => void,
): void {
  const onBroken = (error: unknown) => {
    action.log.action(showPath(action.service.path), action.name, context.caller, error);
  };
  check(schema, value, onBroken, (issues, checked) => {
    if (issues !== undefined) {
      end(failed("InvalidParams", `Cannot call ${showPath(context.path)}: ${issues}`));
    } else if (context.isAborted) {
      end(failed("Canceled", `${showPath(context.path)} was given up before it ran`));
    } else invoke(action, checked, context, end);
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
  end: (outcome: Outcome) => void,
): void {
  let answer: unknown;
  let isLater: boolean;
  try {
    answer = action.definition.handler(params as never, context);
    isLater = isPromise(answer);
  } catch (error) {
    return fail(action, error, context, end);
  }
  // Outside of it, since what throws behind `end` must not end the call a second time.
  if (isLater) awaitAnswer(action, answer, context, end);
  else finish(action, answer, context, end);
}

function awaitAnswer(
  action: LocalAction,
  answer: unknown,
  context: CallContext,
  end: (outcome: Outcome) => void,
): void {
  // What only looks like a promise may call back twice, or throw.
  Promise.resolve(answer).then(
    (value) => finish(action, value, context, end),
    (error) => fail(action, error, context, end),
  );
}

function fail(
  action: LocalAction,
  error: unknown,
  context: CallContext,
  end: (outcome: Outcome) => void,
): void {
  action.log.action(showPath(action.service.path), action.name, context.caller, error);
  end({ kind: "failure", failure: failureOf(error), error });
}

function finish(
  action: LocalAction,
  value: unknown,
  context: CallContext,
  end: (outcome: Outcome) => void,
): void {
  const { result } = action.definition;
  // Its items are asked for by whoever reads them, elsewhere.
  if (isItemSource(value)) end({ kind: "value", value: watchItems(value, errorLog(action, context)) });
  else if (result === undefined) end({ kind: "value", value });
  else finishChecked(action, result, value, context, end);
}

function errorLog({ log, name, service }: LocalAction, { caller }: CallContext): (error: unknown) => void {
  return (error) => log.action(showPath(service.path), name, caller, error);
}

function finishChecked(
  action: LocalAction,
  result: Schema,
  value: unknown,
  context: CallContext,
  end: (outcome: Outcome) => void,
): void {
  const { log, name, service } = action;
  const onError = errorLog(action, context);
  check(result, value, onError, (issues, checked) => {
    if (issues === undefined) return end({ kind: "value", value: checked });
    const path = `${showPath(service.path)}/${name}`;
    log.result(path, context.caller, issues);
    end(failed("InvalidResult", `${path} answered with something else: ${issues}`, true));
  });
}

/**
 * Has a schema check and convert a value.
 * @param onBroken is told what the schema throws
 * @param done is called once, in the same turn when the schema answers at once: with what is wrong, or with the value
 */
export function check(
  schema: Schema,
  value: unknown,
  onBroken: (error: unknown) => void,
  done: (issues: string | undefined, value: unknown) => void,
): void {
  const standard = schema["~standard"];
  const report = (checked: Awaited<ReturnType<typeof standard.validate>>) =>
    // Without strict null checks the one does not tell the other apart.
    checked.issues === undefined
      ? done(undefined, (checked as { readonly value: unknown }).value)
      : done(describeIssues(checked.issues), undefined);
  const broken = (error: unknown) => {
    onBroken(error);
    done("the schema has failed", undefined);
  };
  let checked: ReturnType<typeof standard.validate>;
  try {
    checked = standard.validate(value);
  } catch (error) {
    return broken(error);
  }
  if (isPromise(checked)) checked.then(report, broken);
  else report(checked);
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === "function";
}
