/**
 * Serving the calls of others: nothing runs twice, and what nobody waits for is aborted.
 * @module
 */

import { MAX_TIMEOUT_MS } from "../bounds.ts";
import { AnswerSender, NOT_KEPT } from "./answer_sender.ts";
import { type CallerRun, CallerRuns, type IncomingCall } from "./caller_runs.ts";
import { IncomingParams } from "./incoming_params.ts";
import type { Reply } from "./pending_calls.ts";
import type { FindRoute, Forward, Route } from "./route.ts";
import { CallContext } from "../call_context.ts";
import { CallError, callError, type Failed, failure, failureOf, type WireFailure } from "../errors.ts";
import { type LocalAction, type Outcome, runAction, whyRefused } from "../local/mod.ts";
import { isProgram, type PeerId, type ServiceStream } from "../ports.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import { isBuiltIn, showPath } from "../topics/mod.ts";
import {
  encodeView,
  endItems,
  isItemSource,
  isRemote,
  type ItemSource,
  receiveItems,
  type RequestMessage,
  RESET_CANCELED,
  RESET_MALFORMED,
  type WireValue,
} from "../wire/mod.ts";

const STOPPED = failure("Stopped", "this node stops");

/** Serves requests; one for a node or program. */
export class CallServer {
  readonly #base: Pick<
    RuntimeBase,
    "clock" | "timers" | "carrier" | "run" | "handlerLog" | "nodeName" | "host" | "stats"
  >;
  readonly #route: FindRoute;
  /** Calls whose answers are streams that go on. */
  readonly #streaming = new Map<IncomingCall, ServiceStream>();
  readonly #callers: CallerRuns;
  readonly #answers: AnswerSender;
  #running = 0;
  #isDraining = false;
  #isClosed = false;

  constructor(
    base: Pick<
      RuntimeBase,
      "clock" | "timers" | "carrier" | "run" | "handlerLog" | "nodeName" | "host" | "stats"
    >,
    route: FindRoute,
  ) {
    this.#base = base;
    this.#route = route;
    this.#answers = new AnswerSender(base.carrier);
    this.#callers = new CallerRuns(base);
  }

  get running(): number {
    return this.#running;
  }

  /**
   * Serves a request. Who may not call, or finds no room, is answered before anything is done with the parameters.
   * @param stream what it has opened, if anything
   */
  handleRequest(peer: PeerId, request: RequestMessage, stream?: ServiceStream): void {
    const { carrier, run } = this.#base;
    if (request.providerRun !== 0 && request.providerRun !== run) {
      stream?.reset(RESET_CANCELED);
      const reason = failure("Unreachable", "the provider was started again");
      return void this.#answers.sendFailure(peer, request, reason);
    }
    if (this.#isTooLate(peer, request)) return this.#reject(peer, request, STOPPED, stream);
    const { params } = request;
    const route = this.#route(peer, request, false);
    const refused = route.kind === "action" && isRemote(params)
      ? whyRefused(route.action, params.detachedBytes)
      : undefined;
    if (route.kind === "failure") return this.#reject(peer, request, route.failure, stream);
    if (refused !== undefined) return this.#reject(peer, request, refused.failure, stream);
    if (!isRemote(params)) {
      return this.#begin(peer, request, route, new IncomingParams(carrier, peer, params, undefined), stream);
    }
    if (isKept(route)) {
      const caller = this.#callers.of(peer, request.callerRun);
      if (!this.#isNew(peer, request, caller, stream)) return;
      // It counts once it is here as a whole: one that breaks off comes again.
      caller.seen.release(request.number);
    }
    this.#complete(peer, request, params, stream);
  }

  #complete(
    peer: PeerId,
    request: RequestMessage,
    params: WireValue,
    stream: ServiceStream | undefined,
  ): void {
    const { carrier } = this.#base;
    carrier.complete(peer, params, stream).then((whole) => {
      if (this.#isClosed) return "claim" in whole ? whole.claim.release() : undefined;
      if ("code" in whole) {
        return this.#reject(peer, request, whole, undefined, whole.code !== "StreamBroken");
      }
      const held = new IncomingParams(carrier, peer, whole.value, whole.claim);
      if (this.#isTooLate(peer, request)) {
        held.release();
        return this.#reject(peer, request, STOPPED, undefined);
      }
      // Meanwhile the caller may have lost its right, and the service may be gone.
      const route = this.#route(peer, request, true);
      if (route.kind !== "failure") return this.#begin(peer, request, route, held, undefined);
      held.release();
      this.#reject(peer, request, route.failure, undefined);
    });
  }

  handleCancel(peer: PeerId, callerRun: number, number: number): void {
    const reason = callError("Canceled", "the caller gave up");
    const call = this.#callers.find(peer, callerRun)?.running.get(number);
    if (call !== undefined) return call.context.abort(reason);
    for (const [call, stream] of this.#streaming) {
      const isMeant = call.peer === peer && call.caller.run === callerRun && call.request.number === number;
      if (isMeant) return endStream(call, stream, reason);
    }
  }

  /** Ends the calls that run, and the streams of answers, of whoever may not call any more. */
  endForbidden(mayCall: (peer: PeerId, path: string) => boolean): void {
    const reason = callError("Refused", "the caller may not call this any more");
    for (const { peer, request, context, items } of this.#callers.calls()) {
      if (mayCall(peer, request.path)) continue;
      context.abort(reason);
      items?.reset(RESET_CANCELED);
    }
    for (const [call, stream] of [...this.#streaming]) {
      if (!mayCall(call.peer, call.request.path)) endStream(call, stream, reason);
    }
  }

  /**
   * Begins no more calls of others: who asks is told, and may turn to somebody else. What the programs of this node call
   * by way of it goes on.
   * @returns whether nothing is under way any more of what was
   */
  drain(): () => boolean {
    this.#isDraining = true;
    const calls = [...this.#callers.calls(), ...this.#streaming.keys()];
    const isUnderWay = (call: IncomingCall) =>
      call.caller.running.get(call.request.number) === call || this.#streaming.has(call);
    return () => this.#answers.isIdle && !calls.some(isUnderWay);
  }

  /** Forgets a peer that is gone for good. */
  forget(peer: PeerId): void {
    this.#callers.forget(peer);
  }

  /** Ends all calls, and begins none that is still on its way. */
  close(): void {
    this.#isClosed = true;
    this.#callers.close();
  }

  /** Whether this node stops, and the call is one that somebody else may serve. */
  #isTooLate(peer: PeerId, { path }: RequestMessage): boolean {
    return this.#isDraining && !isProgram(peer) && !isBuiltIn(path);
  }

  #begin(
    peer: PeerId,
    request: RequestMessage,
    route: Exclude<Route, Failed>,
    params: IncomingParams,
    stream: ServiceStream | undefined,
  ): void {
    const { carrier } = this.#base;
    const caller = this.#callers.of(peer, request.callerRun);
    const isOnce = isKept(route);
    if (isOnce ? !this.#isNew(peer, request, caller, stream) : caller.running.has(request.number)) {
      params.release();
      return stream?.reset(RESET_CANCELED);
    }
    const items = request.streamsParams ? stream : undefined;
    if (items === undefined) stream?.reset(RESET_MALFORMED);
    const begunAt = this.#base.clock.now();
    const deadline = begunAt + Math.min(request.timeoutMs, MAX_TIMEOUT_MS);
    const isHere = route.kind === "action";
    const context = new CallContext(
      request.path,
      deadline,
      isHere ? route.caller : undefined,
      isHere && items !== undefined ? receiveItems(items, carrier.account(peer)) : undefined,
      this.#base.host,
      request.context,
    );
    const call = { peer, request, caller, isKept: isOnce, context, params, items };
    caller.running.set(request.number, call);
    this.#running++;
    this.#callers.watchDeadlines();
    if (route.kind === "forward") return void this.#forward(call, route.forward);
    const { action } = route;
    runAction(action, params, context, (outcome) => {
      this.#end(call);
      const code = this.#answer(call, this.#fromHere(peer, outcome));
      this.#count(action, call, begunAt, code);
    });
  }

  /** @param code why it has failed; undefined when it has not */
  #count({ counters }: LocalAction, { peer, request }: IncomingCall, begunAt: number, code?: string): void {
    if (counters === undefined) return;
    const { clock, stats } = this.#base;
    const now = clock.now();
    counters.record(now, now - begunAt, code);
    if (isProgram(peer)) stats.caller.of(request.path).record(now, now - begunAt, code);
  }

  /** Who asks for what is not here names no counters. */
  #countRejected(peer: PeerId, { path }: RequestMessage, code: string): void {
    if (isBuiltIn(path)) return;
    const { clock, stats } = this.#base;
    const now = clock.now();
    stats.provider.find(path).record(now, 0, code);
    if (isProgram(peer)) stats.caller.find(path).record(now, 0, code);
  }

  /** A program knows the name of its node by what its agent says; nobody else believes it. */
  #fromHere(peer: PeerId, outcome: Outcome): Outcome {
    if (outcome.kind !== "failure" || !isProgram(peer)) return outcome;
    const node = this.#base.nodeName(undefined);
    return node === undefined ? outcome : { ...outcome, failure: { ...outcome.failure, node } };
  }

  /**
   * A request that does not run, unless it has run before: then it is answered as it was.
   * @param isFinal its caller may have turned to somebody else when it comes again; false for one that broke off, which
   *   its caller sends again
   */
  #reject(
    peer: PeerId,
    request: RequestMessage,
    reason: WireFailure,
    stream: ServiceStream | undefined,
    isFinal = true,
  ): void {
    const caller = this.#callers.of(peer, request.callerRun);
    if (!this.#isNew(peer, request, caller, stream)) return;
    stream?.reset(RESET_CANCELED);
    this.#countRejected(peer, request, reason.code);
    const answer = this.#answers.sendFailure(peer, request, reason);
    if (isFinal) caller.seen.finish(request.number, answer);
    else caller.seen.release(request.number);
  }

  /** @returns whether it is to run; otherwise it was answered, or will be */
  #isNew(
    peer: PeerId,
    request: RequestMessage,
    caller: CallerRun,
    stream: ServiceStream | undefined,
  ): boolean {
    const seen = caller.seen.begin(request.number);
    if (seen.kind === "new") return true;
    stream?.reset(RESET_CANCELED);
    if (seen.kind === "answered") this.#answers.post(peer, seen.answer);
    if (seen.kind === "forgotten") {
      const lost = failure("OutcomeUnknown", "it was answered before, and the answer is not kept", true);
      this.#answers.sendFailure(peer, request, lost);
    }
    return false;
  }

  async #forward(call: IncomingCall, forward: Forward): Promise<void> {
    const { request, params, items, context } = call;
    let done: Reply;
    try {
      done = await forward(request, params.take(), items, context.signal);
    } catch (error) {
      const executed = error instanceof CallError && error.executed;
      done = { kind: "failure", failure: { ...failureOf(error), executed } };
    }
    this.#end(call);
    if (done.kind === "value") {
      items?.reset(RESET_CANCELED);
      this.#answerValue(call, done.value);
    } else this.#answer(call, done.kind === "failure" ? done : { kind: "value", value: done.items });
  }

  #end({ caller, request, params }: IncomingCall): void {
    if (!caller.running.delete(request.number)) return;
    this.#running--;
    params.release();
  }

  /** @returns the code of the failure that it was answered with; undefined for none */
  #answer(call: IncomingCall, outcome: Outcome): string | undefined {
    const { items } = call;
    if (outcome.kind === "failure") {
      items?.reset(RESET_CANCELED);
      const bytes = this.#answers.sendFailure(call.peer, call.request, outcome.failure);
      // Also one that did not run: its caller may have turned to somebody else when it comes again.
      remember(call, bytes);
      return outcome.failure.code;
    }
    const { value } = outcome;
    if (isItemSource(value)) {
      remember(call, NOT_KEPT);
      this.#stream(call, value);
      return undefined;
    }
    items?.reset(RESET_CANCELED);
    try {
      const wire = encodeView(value, "InvalidResult");
      this.#base.carrier.checkLength(wire);
      this.#answerValue(call, wire);
    } catch (error) {
      const reason = failureOf(error);
      this.#base.handlerLog.result(showPath(call.context.path), call.context.caller, reason.message);
      return this.#answer(call, { kind: "failure", failure: reason });
    }
    return undefined;
  }

  /** @param value its bytes may be the handler's own, good for this turn */
  #answerValue(call: IncomingCall, value: WireValue): void {
    remember(call, this.#answers.sendValue(call.peer, call.request, value));
  }

  async #stream(call: IncomingCall, source: ItemSource): Promise<void> {
    const { peer, request, context, items } = call;
    const end = () => context.abort(callError("Canceled", "nobody reads the answer any more"));
    const onOpen = (stream: ServiceStream) => void this.#streaming.set(call, stream);
    if (!await this.#answers.sendItems(peer, request, source, end, onOpen)) {
      end();
      endItems(source);
      // Lost without a link, and with one it has as many streams as it may.
      const full = failure("Overloaded", "too many streams of this caller are open already", true);
      this.#answers.sendFailure(peer, request, full);
    }
    this.#streaming.delete(call);
    items?.reset(RESET_CANCELED);
  }
}

/** Whether what it leads to may run once only. */
function isKept(route: Exclude<Route, Failed>): boolean {
  return route.kind === "forward" || !route.action.idempotent;
}

function endStream({ context, items }: IncomingCall, stream: ServiceStream, reason: CallError): void {
  context.abort(reason);
  stream.reset(RESET_CANCELED);
  items?.reset(RESET_CANCELED);
}

/** Keeps what was answered, for a request that comes again. */
function remember({ isKept, caller, request }: IncomingCall, answer: Uint8Array): void {
  if (isKept) caller.seen.finish(request.number, answer);
}
