/**
 * A call of an action that is elsewhere, from parameters to what the program gets.
 * @module
 */

import { millis } from "../../base/mod.ts";
import type { CallPath } from "./call_options.ts";
import type { CallDestination } from "./pending_calls.ts";
import { ELSEWHERE } from "./provider_choice.ts";
import type { RemoteCaller } from "./remote_caller.ts";
import { CallError } from "../errors.ts";
import type { PreparedCallOptions } from "../options.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import { showPath } from "../topics/mod.ts";
import { decodeValue } from "../wire/mod.ts";

/**
 * Asks others for an action.
 * @param again is asked, with the time that is left, when the call has failed where others could serve it at once; what it
 *   throws, the call fails with
 * @throws CallError
 */
export function callRemote(
  { clock, carrier }: RuntimeBase,
  caller: RemoteCaller,
  path: CallPath,
  params: unknown,
  { signal, stream, timeoutMs: givenMs, context, onProvider }: PreparedCallOptions,
  timeoutMs: number,
  to: CallDestination,
  again: (leftMs: number) => Promise<unknown> | undefined,
): Promise<unknown> {
  const { pool } = caller;
  const value = pool.encode(params);
  carrier.checkLength(value);
  const begunAt = clock.now();
  const deadline = millis(begunAt + timeoutMs);
  return new Promise((resolve, reject) => {
    let cancel = () => {};
    const abort = signal && (() => cancel());
    if (abort !== undefined) signal?.addEventListener("abort", abort, { once: true });
    const boundsStream = givenMs !== undefined;
    const order = {
      path,
      params: value,
      begunAt,
      deadline,
      source: stream,
      to,
      context,
      onProvider,
      boundsStream,
    };
    let isHeld = true;
    const onOver = () => {
      if (abort !== undefined) signal?.removeEventListener("abort", abort);
      if (isHeld) pool.release(params, value);
      isHeld = false;
    };
    cancel = caller.call(order, (reply) => {
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
      const mayRepeat = ELSEWHERE.has(code) && (!executed || to.idempotent) && stream === undefined &&
        leftMs > 0;
      try {
        const answer = mayRepeat ? again(leftMs) : undefined;
        if (answer === undefined) reject(new CallError({ ...reply.failure, path: showPath(path.text) }));
        else resolve(answer);
      } catch (error) {
        reject(error);
      }
    }, onOver);
  });
}
