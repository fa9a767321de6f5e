/**
 * A call as a promise: of an action of the same program, without message and encoding, or of somebody else's.
 * @module
 */

import { type Environment, millis } from "../../base/mod.ts";
import type { CallOptions, CallPath } from "./call_options.ts";
import type { CallDestination } from "./pending_calls.ts";
import type { RemoteCaller } from "./remote_caller.ts";
import { CallContext } from "../definition/mod.ts";
import { CallError, callError, failure, type WireFailure } from "../errors.ts";
import { type LocalService, type Outcome, runAction } from "../local/mod.ts";
import { showPath } from "../topics/mod.ts";
import {
  decodeValue,
  encodeValue,
  endItems,
  isItemSource,
  type ItemSource,
  type MessageCarrier,
} from "../wire/mod.ts";

/** Failures after which somebody else may serve the call at once. */
const ELSEWHERE: ReadonlySet<string> = new Set(["NoProvider", "ServicePaused", "Unreachable"]);

/** One answer of a call to all. */
export type CallAnswer =
  | { readonly node: string; readonly ok: true; readonly result: unknown }
  | { readonly node: string; readonly ok: false; readonly error: WireFailure };

/** What a call goes by: time, and the way to others. */
export interface CallPorts extends Pick<Environment, "clock" | "timers"> {
  readonly carrier: MessageCarrier;
  readonly remoteCaller: RemoteCaller;
}

/**
 * Runs an action until it answers, the deadline passes or the caller gives up.
 * @throws CallError
 */
export function callLocal(
  { clock, timers }: CallPorts,
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
    const context = new CallContext(path.text, millis(clock.now() + timeoutMs), {
      ...(stream === undefined ? {} : { stream: streamOf(stream) }),
    });
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
      if (outcome.kind === "failure") reject(new CallError(outcome.failure));
      else resolve(isItemSource(outcome.value) ? streamOf(outcome.value) : outcome.value);
    };
    runAction(action, params, context, settle);
    if (isSettled) return;
    signal?.addEventListener("abort", abort, { once: true });
    cancelTimer = timers.setTimer(
      timeoutMs,
      () => giveUp(failure("Timeout", `No answer from ${showPath(path.text)} in time`, true)),
    );
  });
}

/**
 * Asks others for an action.
 * @param again is asked, with the time that is left, when the call has failed where others could serve it at once
 * @throws CallError
 */
export function callRemote(
  { clock, carrier, remoteCaller }: CallPorts,
  path: CallPath,
  params: unknown,
  { signal, stream }: CallOptions,
  timeoutMs: number,
  to: CallDestination,
  again: (leftMs: number) => Promise<unknown> | undefined,
): Promise<unknown> {
  const value = encodeValue(params);
  carrier.checkLength(value);
  const deadline = millis(clock.now() + timeoutMs);
  return new Promise((resolve, reject) => {
    let cancel = () => {};
    const abort = () => cancel();
    signal?.addEventListener("abort", abort, { once: true });
    cancel = remoteCaller.call({ path, params: value, deadline, source: stream, to }, (reply) => {
      signal?.removeEventListener("abort", abort);
      if (reply.kind === "value") {
        try {
          return resolve(decodeValue(reply.value));
        } catch (error) {
          return reject(error);
        }
      }
      if (reply.kind === "stream") return resolve(reply.items);
      const { code, executed } = reply.failure;
      const leftMs = Math.floor(deadline - clock.now());
      const mayRepeat = ELSEWHERE.has(code) && !executed && stream === undefined && leftMs > 0;
      const answer = mayRepeat ? again(leftMs) : undefined;
      if (answer === undefined) reject(new CallError(reply.failure));
      else resolve(answer);
    });
  });
}

function streamOf(source: ItemSource): ReadableStream<unknown> {
  return source instanceof ReadableStream ? source : ReadableStream.from(source);
}
