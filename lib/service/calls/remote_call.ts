/**
 * A call of an action that is elsewhere, from parameters to what the program gets.
 * @module
 */

import { type Millis, millis } from "../../base/mod.ts";
import type { CallPath } from "./call_options.ts";
import type { CallDestination, CallEnd, CallOrder, Reply } from "./pending_calls.ts";
import { ELSEWHERE } from "./provider_choice.ts";
import type { RemoteCaller } from "./remote_caller.ts";
import { CallError } from "../errors.ts";
import type { PreparedCallOptions } from "../options.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import { showPath } from "../topics/mod.ts";
import { decodeValue, type ItemSource, type PropagatedContext, type WireValue } from "../wire/mod.ts";

/** What a call is made of, and made again. */
export interface CallRequest {
  readonly path: CallPath;
  readonly params: unknown;
  readonly options: PreparedCallOptions;
  readonly to: CallDestination;
}

/**
 * Is asked when a call has failed where others could serve it at once; what it throws, the call fails with.
 * @param leftMs the time that is left
 * @returns undefined when it is not made again
 */
export type CallAgain = (request: CallRequest, leftMs: number) => Promise<unknown> | undefined;

/** Asks others for an action. @throws CallError */
export function callRemote(
  base: RuntimeBase,
  caller: RemoteCaller,
  request: CallRequest,
  timeoutMs: number,
  again: CallAgain,
): Promise<unknown> {
  const value = caller.pool.encode(request.params);
  base.carrier.checkLength(value);
  return new RemoteCall(base, caller, request, value, timeoutMs, again).make();
}

/** One call: what `RemoteCaller` is ordered, and who is told of its end. One object, since every call has it. */
class RemoteCall implements CallOrder, CallEnd {
  readonly path: CallPath;
  readonly params: WireValue;
  readonly begunAt: Millis;
  readonly deadline: Millis;
  readonly source: ItemSource | undefined;
  readonly to: CallDestination;
  readonly context: PropagatedContext | undefined;
  readonly onProvider: ((node: string) => void) | undefined;
  readonly boundsStream: boolean;
  readonly #base: RuntimeBase;
  readonly #caller: RemoteCaller;
  readonly #request: CallRequest;
  readonly #again: CallAgain;
  #resolve: (value: unknown) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  #abort: (() => void) | undefined;
  #isHeld = true;

  constructor(
    base: RuntimeBase,
    caller: RemoteCaller,
    request: CallRequest,
    params: WireValue,
    timeoutMs: number,
    again: CallAgain,
  ) {
    const { stream, timeoutMs: givenMs, context, onProvider } = request.options;
    this.path = request.path;
    this.params = params;
    this.begunAt = base.clock.now();
    this.deadline = millis(this.begunAt + timeoutMs);
    this.source = stream;
    this.to = request.to;
    this.context = context;
    this.onProvider = onProvider;
    this.boundsStream = givenMs !== undefined;
    this.#base = base;
    this.#caller = caller;
    this.#request = request;
    this.#again = again;
  }

  make(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      const { signal } = this.#request.options;
      if (signal === undefined) this.#caller.call(this, this);
      else this.#makeUntil(signal);
    });
  }

  settle(reply: Reply): void {
    if (reply.kind === "failure") return this.#fail(reply);
    try {
      this.#resolve(reply.kind === "value" ? decodeValue(reply.value) : reply.items);
    } catch (error) {
      this.#reject(error);
    }
  }

  onOver(): void {
    if (this.#abort !== undefined) this.#request.options.signal?.removeEventListener("abort", this.#abort);
    if (this.#isHeld) this.#caller.pool.release(this.#request.params, this.params);
    this.#isHeld = false;
  }

  #makeUntil(signal: AbortSignal): void {
    // Whoever aborts it while it is made finds nothing to give up yet.
    let giveUp = () => {};
    this.#abort = () => giveUp();
    signal.addEventListener("abort", this.#abort, { once: true });
    const call = this.#caller.call(this, this);
    giveUp = () => this.#caller.giveUp(call);
  }

  #fail({ failure }: Extract<Reply, { kind: "failure" }>): void {
    const leftMs = Math.floor(this.deadline - this.#base.clock.now());
    const mayRepeat = ELSEWHERE.has(failure.code) && (!failure.executed || this.to.idempotent) &&
      this.source === undefined && leftMs > 0;
    try {
      const answer = mayRepeat ? this.#again(this.#request, leftMs) : undefined;
      if (answer === undefined) this.#reject(new CallError({ ...failure, path: showPath(this.path.text) }));
      else this.#resolve(answer);
    } catch (error) {
      this.#reject(error);
    }
  }
}
