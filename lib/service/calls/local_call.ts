/**
 * A call whose action is in the same program: no message, no encoding.
 * @module
 */

import { type Environment, millis } from "../../base/mod.ts";
import type { CallOptions } from "./call_options.ts";
import { CallContext } from "../definition/mod.ts";
import { CallError, failure, type WireFailure } from "../errors.ts";
import { type LocalAction, type Outcome, runAction } from "../local/mod.ts";
import { showPath } from "../topics/mod.ts";
import { endItems, isItemSource, type ItemSource } from "../wire/mod.ts";

/**
 * Runs an action until it answers, the deadline passes or the caller gives up.
 * @param path `service/action`, with its network
 * @throws CallError
 */
export function callLocal(
  { clock, timers }: Pick<Environment, "clock" | "timers">,
  action: LocalAction,
  path: string,
  params: unknown,
  { signal, stream }: CallOptions,
  timeoutMs: number,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const context = new CallContext(path, millis(clock.now() + timeoutMs), {
      ...(stream === undefined ? {} : { stream: streamOf(stream) }),
    });
    let isSettled = false;
    let cancelTimer = () => {};
    const giveUp = (reason: WireFailure) => {
      if (isSettled) return;
      context.abort(new CallError(reason));
      settle({ kind: "failure", failure: reason });
    };
    const abort = () => giveUp(failure("Canceled", `Canceled: ${showPath(path)}`, true));
    const settle = (outcome: Outcome) => {
      if (isSettled) {
        if (outcome.kind === "value" && isItemSource(outcome.value)) endItems(outcome.value);
        return;
      }
      isSettled = true;
      cancelTimer();
      signal?.removeEventListener("abort", abort);
      if (outcome.kind === "failure") reject(new CallError(outcome.failure));
      else resolve(isItemSource(outcome.value) ? streamOf(outcome.value) : outcome.value);
    };
    runAction(action, params, context, settle);
    if (isSettled) return;
    signal?.addEventListener("abort", abort, { once: true });
    cancelTimer = timers.setTimer(
      timeoutMs,
      () => giveUp(failure("Timeout", `No answer from ${showPath(path)} in time`, true)),
    );
  });
}

function streamOf(source: ItemSource): ReadableStream<unknown> {
  return source instanceof ReadableStream ? source : ReadableStream.from(source);
}
