/**
 * A call of an action of the same program, without message and encoding.
 * @module
 */

import { millis } from "../../base/mod.ts";
import type { CallPath } from "./call_options.ts";
import { CallContext } from "../call_context.ts";
import { CallError, callError, failure, failureOf, type WireFailure } from "../errors.ts";
import { LocalParams, type LocalService, type Outcome, runAction } from "../local/mod.ts";
import type { PreparedCallOptions } from "../options.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import { showPath } from "../topics/mod.ts";
import { endItems, isItemSource, toStream } from "../wire/mod.ts";

/**
 * Runs an action until it answers, the deadline passes or the caller gives up.
 * @throws CallError
 */
export function callLocal(
  { clock, timers, host }: Pick<RuntimeBase, "clock" | "timers" | "host">,
  service: LocalService,
  path: CallPath,
  params: unknown,
  { signal, stream, context: propagated }: PreparedCallOptions,
  timeoutMs: number,
): Promise<unknown> {
  const action = service.actions.get(path.action);
  if (action === undefined) {
    throw callError("UnknownAction", `${showPath(path.service)} has no action ${path.action}`);
  }
  return new Promise((resolve, reject) => {
    const deadline = millis(clock.now() + timeoutMs);
    const context = new CallContext(
      path.text,
      deadline,
      undefined,
      stream && toStream(stream),
      host,
      propagated,
    );
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
      const answer = asCallerGets(outcome);
      if (answer.kind === "failure") reject(new CallError(answer.failure));
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

/** A source that does not let itself be read has failed, as it has for a caller elsewhere. */
function asCallerGets(outcome: Outcome): Outcome {
  if (outcome.kind === "failure" || !isItemSource(outcome.value)) return outcome;
  try {
    return { kind: "value", value: toStream(outcome.value) };
  } catch (error) {
    return { kind: "failure", failure: failureOf(error) };
  }
}
