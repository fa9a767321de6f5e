/**
 * A call of an action of the same program, without message and encoding.
 * @module
 */

import { millis } from "../../base/mod.ts";
import { type CallPath, unknownAction } from "./call_options.ts";
import { CallContext } from "../call_context.ts";
import { CallError, failure, failureOf, type WireFailure } from "../errors.ts";
import { LocalParams, type LocalService, type Outcome, runAction } from "../local/mod.ts";
import type { PreparedCallOptions } from "../options.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import { showPath } from "../topics/mod.ts";
import { copyAsSent, endItems, isItemSource, type MessageCarrier, toStream } from "../wire/mod.ts";

/**
 * Runs an action once, until it answers, the deadline passes or the caller gives up.
 * @param params the handler's own
 * @throws CallError
 */
export function callLocal(
  { clock, timers, carrier, handlerLog, host, stats }: RuntimeBase,
  service: LocalService,
  path: CallPath,
  params: unknown,
  { signal, stream, timeoutMs: givenMs, context: propagated }: PreparedCallOptions,
  timeoutMs: number,
): Promise<unknown> {
  const action = service.actions.get(path.action);
  if (action === undefined) throw new CallError(unknownAction(path));
  return new Promise((resolve, reject) => {
    const begunAt = clock.now();
    const deadline = millis(begunAt + timeoutMs);
    const context = new CallContext(
      path.text,
      deadline,
      undefined,
      stream && toStream(stream),
      host,
      propagated,
    );
    let isSettled = false;
    /** Ends what was answered as a stream; a deadline that nobody has given is one for the answer to begin. */
    let answered: AbortController | undefined;
    let cancelTimer = () => {};
    const giveUp = (reason: WireFailure) => {
      const error = new CallError(reason);
      context.abort(error);
      answered?.abort(error);
      settle({ kind: "failure", failure: reason });
    };
    const abort = () => giveUp(failure("Canceled", `Canceled: ${showPath(path.text)}`, true));
    const over = () => {
      answered = undefined;
      cancelTimer();
      signal?.removeEventListener("abort", abort);
    };
    const open = (items: ReadableStream<unknown>) => {
      if (givenMs === undefined) cancelTimer();
      if (givenMs === undefined && signal === undefined) return items;
      answered = new AbortController();
      return breakable(items, answered.signal, over);
    };
    const settle = (outcome: Outcome) => {
      if (isSettled) {
        if (outcome.kind === "value" && isItemSource(outcome.value)) endItems(outcome.value);
        return;
      }
      isSettled = true;
      const answer = asCallerGets(
        outcome,
        carrier,
        open,
        (problem) => handlerLog.result(showPath(path.text), undefined, problem),
      );
      if (answered === undefined) over();
      if (action.counters !== undefined) {
        const now = clock.now();
        const code = answer.kind === "failure" ? answer.failure.code : undefined;
        action.counters.record(now, now - begunAt, code);
        // It may be tried again.
        if (code === undefined) stats.caller.of(path.text).record(now, now - begunAt, code);
      }
      if (answer.kind === "failure") reject(new CallError(answer.failure, { cause: answer.error }));
      else resolve(answer.value);
    };
    runAction(action, new LocalParams(params), context, settle);
    if (isSettled && answered === undefined) return;
    signal?.addEventListener("abort", abort, { once: true });
    if (isSettled && givenMs === undefined) return;
    cancelTimer = timers.setTimer(
      timeoutMs,
      () => {
        const what = isSettled ? "No end of the answer" : "No answer";
        giveUp(failure("Timeout", `${what} from ${showPath(path.text)} in time`, true));
      },
    );
  });
}

/** What a caller elsewhere would get: a copy, and no answer of what can't be sent or read. */
function asCallerGets(
  outcome: Outcome,
  carrier: MessageCarrier,
  open: (items: ReadableStream<unknown>) => ReadableStream<unknown>,
  refuse: (problem: string) => void,
): Outcome {
  if (outcome.kind === "failure") return outcome;
  const { value } = outcome;
  try {
    return isItemSource(value)
      ? { kind: "value", value: open(toStream(value, "InvalidResult")) }
      : { kind: "value", value: copyAsSent(value, carrier, "InvalidResult") };
  } catch (error) {
    const reason = { ...failureOf(error), executed: true };
    refuse(reason.message);
    return { kind: "failure", failure: reason, error };
  }
}

/**
 * @param signal breaks them off: who reads gets the signal's reason, and their source is ended
 * @param onEnd is called once, when they have ended, whatever has ended them
 * @returns the same items @throws TypeError when somebody else reads them
 */
function breakable(
  items: ReadableStream<unknown>,
  signal: AbortSignal,
  onEnd: () => void,
): ReadableStream<unknown> {
  const reader = items.getReader();
  let isEnded = false;
  const leave = () => {
    if (!isEnded) onEnd();
    isEnded = true;
  };
  return new ReadableStream<unknown>({
    start(controller) {
      signal.addEventListener("abort", () => {
        if (isEnded) return;
        leave();
        reader.cancel(signal.reason).catch(() => {});
        controller.error(signal.reason);
      }, { once: true });
    },
    async pull(controller) {
      try {
        const next = await reader.read();
        if (isEnded) return;
        if (!next.done) return controller.enqueue(next.value);
        leave();
        controller.close();
      } catch (error) {
        leave();
        controller.error(error);
      }
    },
    cancel(reason) {
      leave();
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
