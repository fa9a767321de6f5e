/**
 * A call of an action of the same program, without message and encoding.
 * @module
 */

import { millis } from "../../base/mod.ts";
import type { CallOptions, CallPath } from "./call_options.ts";
import { CallContext } from "../service_definition.ts";
import { CallError, callError, failure, failureOf, type WireFailure } from "../errors.ts";
import { LocalParams, type LocalService, type Outcome, runAction } from "../local/mod.ts";
import { showPath } from "../topics/mod.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import { copyAsSent, endItems, isItemSource, type MessageCarrier, toStream } from "../wire/mod.ts";

/**
 * Runs an action once, until it answers, the deadline passes or the caller gives up.
 * @param params the handler's own
 * @throws CallError
 */
export function callLocal(
  { clock, timers, carrier, handlerLog }: RuntimeBase,
  service: LocalService,
  path: CallPath,
  params: unknown,
  { signal, stream }: CallOptions,
  timeoutMs: number,
): Promise<unknown> {
  const action = service.actions.get(path.action);
  if (action === undefined) {
    throw callError("UnknownAction", `${showPath(path.service)} has no action ${path.action}`);
  }
  return new Promise((resolve, reject) => {
    const deadline = millis(clock.now() + timeoutMs);
    const context = new CallContext(path.text, deadline, undefined, stream && toStream(stream));
    let isSettled = false;
    let cancelTimer = () => {};
    const giveUp = (reason: WireFailure) => {
      if (isSettled) return;
      context.abort(new CallError(reason));
      settle({ kind: "failure", failure: reason });
    };
    const abort = () => giveUp(failure("Canceled", `Canceled: ${showPath(path.text)}`, true));
    const settle = (outcome: Outcome) => {
      if (isSettled) {
        if (outcome.kind === "value" && isItemSource(outcome.value)) endItems(outcome.value);
        return;
      }
      isSettled = true;
      cancelTimer();
      signal?.removeEventListener("abort", abort);
      const answer = asCallerGets(
        outcome,
        carrier,
        (problem) => handlerLog.result(showPath(path.text), undefined, problem),
      );
      if (answer.kind === "failure") reject(new CallError(answer.failure, { cause: answer.error }));
      else resolve(answer.value);
    };
    runAction(action, new LocalParams(params), context, settle);
    if (isSettled) return;
    signal?.addEventListener("abort", abort, { once: true });
    cancelTimer = timers.setTimer(
      timeoutMs,
      () => giveUp(failure("Timeout", `No answer from ${showPath(path.text)} in time`, true)),
    );
  });
}

/** What a caller elsewhere would get: a copy, and no answer of what can't be sent or read. */
function asCallerGets(
  outcome: Outcome,
  carrier: MessageCarrier,
  refuse: (problem: string) => void,
): Outcome {
  if (outcome.kind === "failure") return outcome;
  const { value } = outcome;
  try {
    return isItemSource(value)
      ? { kind: "value", value: toStream(value, "InvalidResult") }
      : { kind: "value", value: copyAsSent(value, carrier, "InvalidResult") };
  } catch (error) {
    const reason = { ...failureOf(error), executed: true };
    refuse(reason.message);
    return { kind: "failure", failure: reason, error };
  }
}
