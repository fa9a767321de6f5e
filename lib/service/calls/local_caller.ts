/**
 * Calls of actions of the same program. They go as those of others do: handlers and callers get values of their own,
 * and what surely did not run, or is idempotent, is tried again.
 * @module
 */

import { type CallPath, DEFAULT_RETRIES } from "./call_options.ts";
import { CallError, callError, failureOf, ofCall } from "../errors.ts";
import type { LocalService } from "../local/mod.ts";
import type { PreparedCallOptions } from "../options.ts";
import { callLocal } from "./local_call.ts";
import { RetryBackoff } from "./retry_backoff.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import { readCount } from "../service_definition.ts";
import { isBuiltIn, showPath } from "../topics/mod.ts";
import { copyAsSent } from "../wire/mod.ts";

/** One for a node or program. */
export class LocalCaller {
  readonly #base: RuntimeBase;
  /** Ends pauses before another attempt. */
  readonly #pauses = new Set<() => void>();
  #isClosed = false;

  constructor(base: RuntimeBase) {
    this.#base = base;
  }

  /**
   * Calls an action of this program.
   * @param elsewhere is asked, with the time that is left, when the service does not run here any more
   * @throws CallError
   */
  request(
    service: LocalService,
    path: CallPath,
    params: unknown,
    options: PreparedCallOptions,
    timeoutMs: number,
    elsewhere: (leftMs: number) => Promise<unknown> | undefined = () => undefined,
  ): Promise<unknown> {
    const { carrier, clock, stats, nodeName } = this.#base;
    const retries = options.stream === undefined
      ? readCount(options.retries, DEFAULT_RETRIES, 0, "retries")
      : 0;
    const deadline = clock.now() + timeoutMs;
    const node = options.onProvider && nodeName(undefined);
    if (node !== undefined) options.onProvider?.(node);
    // The caller may change them meanwhile, and so may a handler that runs again.
    const kept = copyAsSent(params, carrier);
    const first = callLocal(this.#base, service, path, kept, options, timeoutMs);
    return first.catch(async (error) => {
      const isIdempotent = options.idempotent ?? service.actions.get(path.action)?.idempotent ?? false;
      const backoff = new RetryBackoff();
      let reason: unknown = error;
      let hasRun = false;
      for (let left = retries; left > 0 && mayRepeat(reason, isIdempotent); left--) {
        hasRun ||= reason instanceof CallError && reason.executed;
        const waitMs = backoff.nextMs(this.#base.random);
        if (this.#isClosed || clock.now() + waitMs >= deadline) break;
        try {
          await this.#pause(waitMs, options.signal, path);
        } catch (error) {
          reason = error;
          break;
        }
        const leftMs = Math.max(1, Math.floor(deadline - clock.now()));
        const other = service.state === "running" ? undefined : elsewhere(leftMs);
        if (other !== undefined) return await other.catch((error) => Promise.reject(asRun(error, hasRun)));
        try {
          // As they are now: a copy more of each call would be for the sake of few.
          const again = copyAsSent(params, carrier);
          return await callLocal(this.#base, service, path, again, options, leftMs);
        } catch (error) {
          reason = error;
        }
      }
      reason = asRun(reason, hasRun);
      if (!isBuiltIn(path.service)) {
        const now = clock.now();
        stats.caller.of(path.text).record(now, now - deadline + timeoutMs, failureOf(reason).code);
      }
      throw ofCall(reason, showPath(path.text), this.#base.nodeName(undefined));
    });
  }

  /** Ends what waits to be tried again. */
  close(): void {
    this.#isClosed = true;
    for (const end of [...this.#pauses]) end();
  }

  /** @throws CallError when the caller gives up, or this program stops */
  #pause(waitMs: number, signal: AbortSignal | undefined, { text }: CallPath): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (then: () => void) => {
        cancel();
        this.#pauses.delete(stop);
        signal?.removeEventListener("abort", abort);
        then();
      };
      const cancel = this.#base.timers.setTimer(waitMs, () => end(resolve));
      const stop = () => end(() => reject(callError("Stopped", "this node stops")));
      const abort = () => end(() => reject(callError("Canceled", `Canceled: ${showPath(text)}`)));
      this.#pauses.add(stop);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}

/** @returns why a call has failed: it may have run when any of its tries may have, also when its end was another one */
function asRun(reason: unknown, hasRun: boolean): unknown {
  if (!hasRun || !(reason instanceof CallError) || reason.executed) return reason;
  return new CallError({ ...failureOf(reason), executed: true }, { cause: reason.cause });
}

/** As `RemoteCaller` does: what is a deadline's or the caller's own end is one. */
function mayRepeat(error: unknown, isIdempotent: boolean): boolean {
  return error instanceof CallError && error.retryable && (!error.executed || isIdempotent) &&
    error.code !== "Timeout";
}
