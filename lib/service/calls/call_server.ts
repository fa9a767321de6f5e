/**
 * Serving the calls of others: nothing runs twice, and what nobody waits for is aborted.
 * @module
 */

import { MAX_TIMEOUT_MS } from "../bounds.ts";
import type { CallPath } from "./call_options.ts";
import { DedupWindow } from "./dedup_window.ts";
import type { Reply } from "./pending_calls.ts";
import { CallContext } from "../service_definition.ts";
import {
  CallError,
  callError,
  type Failed,
  failed,
  failure,
  failureOf,
  type WireFailure,
} from "../errors.ts";
import { type LocalAction, type LocalService, type Outcome, runAction } from "../local/mod.ts";
import { type PeerId, PeerTally, type ServiceStream } from "../ports.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import { showPath } from "../topics/mod.ts";
import {
  decodeValue,
  encodeValue,
  endItems,
  isItemSource,
  isRemote,
  type ItemSource,
  NO_VALUE,
  receiveItems,
  type RequestMessage,
  RESET_CANCELED,
  RESET_MALFORMED,
  type ResponseMessage,
  sendItems,
  type WireValue,
} from "../wire/mod.ts";

/** How many runs of one peer are remembered: it has one, and had others before it was started again. */
const MAX_RUNS = 4;
/** How often calls are looked at whose deadline may have passed. */
const SWEEP_MS = 100;
/** An answer that is longer is not kept for whoever asks again. */
const MAX_KEPT_BYTES = 16 * 1_024;
/** How much waits for a congested link, in bytes with what each answer takes beside them; further answers are dropped. */
const MAX_WAITING_BYTES = 64 << 20;
const WAITING_OVERHEAD_BYTES = 512;
const NOT_KEPT = new Uint8Array(0);

/** Where a request of somebody else leads: to an action of this program, to a program that is attached, or nowhere. */
export type Route =
  | { readonly kind: "action"; readonly action: LocalAction; readonly caller: PeerId | undefined }
  | { readonly kind: "forward"; readonly forward: Forward }
  | Failed;

/** Hands a request on, and gives what comes back, its bytes its own. */
export type Forward = (
  request: RequestMessage,
  params: WireValue,
  stream: ServiceStream | undefined,
  signal: AbortSignal,
) => Promise<Reply>;

/**
 * @param caller whom the handler sees as its caller
 * @param member who has to be allowed; undefined when its agent has checked that, or it is of this machine
 * @returns the route to an action of a service of this program
 */
export function routeToAction(
  service: LocalService,
  path: CallPath,
  caller: PeerId | undefined,
  member?: PeerId,
): Route {
  const action = service.actions.get(path.action);
  if (action === undefined) {
    return failed("UnknownAction", `${showPath(path.service)} has no action ${path.action}`);
  }
  if (member !== undefined && !action.allows(member)) {
    return failed("Refused", `${showPath(path.text)} may not be called from there`);
  }
  return { kind: "action", action, caller };
}

interface CallerRun {
  readonly run: number;
  readonly seen: DedupWindow;
  readonly running: Map<number, IncomingCall>;
}

interface IncomingCall {
  readonly peer: PeerId;
  readonly request: RequestMessage;
  readonly caller: CallerRun;
  /** Whether its number and its answer are remembered; idempotent actions may run again. */
  readonly isKept: boolean;
  readonly context: CallContext;
  /** What the caller streams: nobody reads on when the answer is no stream itself. */
  readonly items: ServiceStream | undefined;
}

/** Serves requests; one for a node or program. */
export class CallServer {
  readonly #base: Pick<RuntimeBase, "clock" | "timers" | "carrier" | "run">;
  readonly #route: (peer: PeerId, request: RequestMessage) => Route;
  readonly #callers = new Map<PeerId, CallerRun[]>();
  /** Of each peer, the bytes of answers that wait for its link. */
  readonly #waiting = new PeerTally();
  #running = 0;
  #cancelSweep: (() => void) | undefined;

  /** @param route finds where a request leads */
  constructor(
    base: Pick<RuntimeBase, "clock" | "timers" | "carrier" | "run">,
    route: (peer: PeerId, request: RequestMessage) => Route,
  ) {
    this.#base = base;
    this.#route = route;
  }

  get running(): number {
    return this.#running;
  }

  /** Serves a request. @param stream what it has opened, if anything */
  handleRequest(peer: PeerId, request: RequestMessage, stream?: ServiceStream): void {
    const { carrier, run } = this.#base;
    if (request.providerRun !== 0 && request.providerRun !== run) {
      stream?.reset(RESET_CANCELED);
      return void this.#answerFailure(
        peer,
        request,
        failure("Unreachable", "the provider was started again"),
      );
    }
    if (!isRemote(request.params)) return this.#begin(peer, request, request.params, stream);
    carrier.complete(peer, request.params, stream).then((params) => {
      if ("code" in params) this.#reject(peer, request, params, undefined, params.code !== "StreamBroken");
      else this.#begin(peer, request, params, undefined);
    });
  }

  handleCancel(peer: PeerId, callerRun: number, number: number): void {
    const call = this.#callers.get(peer)?.find(({ run }) => run === callerRun)?.running.get(number);
    call?.context.abort(callError("Canceled", "the caller gave up"));
  }

  /** Forgets a peer that is gone for good. */
  forget(peer: PeerId): void {
    for (const { running } of this.#callers.get(peer) ?? []) abortAll(running);
    this.#callers.delete(peer);
  }

  close(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    for (const peer of [...this.#callers.keys()]) this.forget(peer);
  }

  #begin(peer: PeerId, request: RequestMessage, params: WireValue, stream: ServiceStream | undefined): void {
    const route = this.#route(peer, request);
    if (route.kind === "failure") return this.#reject(peer, request, route.failure, stream);
    const caller = this.#caller(peer, request.callerRun);
    const isKept = route.kind === "forward" || !route.action.idempotent;
    if (isKept && !this.#isNew(peer, request, caller, stream)) return;
    if (!isKept && caller.running.has(request.number)) return stream?.reset(RESET_CANCELED);
    const items = request.streamsParams ? stream : undefined;
    if (items === undefined) stream?.reset(RESET_MALFORMED);
    const deadline = this.#base.clock.now() + Math.min(request.timeoutMs, MAX_TIMEOUT_MS);
    const isHere = route.kind === "action";
    const context = new CallContext(
      request.path,
      deadline,
      isHere ? route.caller : undefined,
      isHere && items !== undefined ? receiveItems(items) : undefined,
    );
    const call = { peer, request, caller, isKept, context, items };
    caller.running.set(request.number, call);
    this.#running++;
    this.#cancelSweep ??= this.#sweepLater();
    if (route.kind === "forward") return void this.#forward(call, route.forward, params);
    const settle = (outcome: Outcome) => {
      this.#end(call);
      this.#answer(call, outcome);
    };
    try {
      runAction(route.action, decodeValue(params), context, settle, params.data.length);
    } catch (error) {
      settle({ kind: "failure", failure: { ...failureOf(error), executed: false } });
    }
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
    const caller = this.#caller(peer, request.callerRun);
    if (!this.#isNew(peer, request, caller, stream)) return;
    stream?.reset(RESET_CANCELED);
    const answer = this.#answerFailure(peer, request, reason);
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
    if (seen.kind === "answered") this.#post(peer, seen.answer);
    if (seen.kind === "forgotten") {
      const lost = failure("OutcomeUnknown", "it was answered before, and the answer is not kept", true);
      this.#answerFailure(peer, request, lost);
    }
    return false;
  }

  async #forward(call: IncomingCall, forward: Forward, { data, ...params }: WireValue): Promise<void> {
    const { request, items, context } = call;
    let done: Reply;
    try {
      done = await forward(request, { ...params, data: data.slice() }, items, context.signal);
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

  #end({ caller, request }: IncomingCall): void {
    if (caller.running.delete(request.number)) this.#running--;
  }

  #answer(call: IncomingCall, outcome: Outcome): void {
    const { items } = call;
    if (outcome.kind === "failure") {
      items?.reset(RESET_CANCELED);
      const bytes = this.#answerFailure(call.peer, call.request, outcome.failure);
      // Also one that did not run: its caller may have turned to somebody else when it comes again.
      return remember(call, bytes);
    }
    const { value } = outcome;
    if (isItemSource(value)) {
      remember(call, NOT_KEPT);
      return void this.#stream(call, value);
    }
    items?.reset(RESET_CANCELED);
    try {
      const wire = encodeValue(value);
      this.#base.carrier.checkLength(wire);
      this.#answerValue(call, wire);
    } catch (error) {
      const reason = error instanceof CallError && error.code === "PayloadTooLarge"
        ? { ...failureOf(error), executed: true }
        : failure("InvalidResult", "the handler answered with what can't be sent", true);
      this.#answer(call, { kind: "failure", failure: reason });
    }
  }

  #answerValue(call: IncomingCall, value: WireValue): void {
    const { carrier } = this.#base;
    const { peer, request } = call;
    if (carrier.isShort(value)) {
      const bytes = carrier.encode(response(request, { result: value }));
      remember(call, bytes.length > MAX_KEPT_BYTES ? NOT_KEPT : bytes);
      return this.#post(peer, bytes);
    }
    remember(call, NOT_KEPT);
    carrier.sendLong(peer, value, (result) => response(request, { result })).then((sent) => {
      if (sent !== "refused") return;
      const reason = failure("PayloadTooLarge", "the result is over the caller's limit", true);
      this.#answerFailure(peer, request, reason);
    }, () => {
      this.#answerFailure(peer, request, failure("InvalidResult", "the result can't be compressed", true));
    });
  }

  async #stream({ peer, request, context, items }: IncomingCall, source: ItemSource): Promise<void> {
    const stream = this.#base.carrier.openStream(peer, response(request, { streamsResult: true }));
    const end = () => context.abort(callError("Canceled", "nobody reads the answer any more"));
    if (stream === undefined) {
      end();
      endItems(source);
    } else await sendItems(source, stream, end);
    items?.reset(RESET_CANCELED);
  }

  /** @returns the bytes that were sent, good until others are */
  #answerFailure(peer: PeerId, request: RequestMessage, reason: WireFailure): Uint8Array {
    const bytes = this.#base.carrier.encode(response(request, { failure: reason }));
    this.#post(peer, bytes);
    return bytes;
  }

  /** An answer waits while the link is congested, for whoever asks much may read nothing. */
  #post(peer: PeerId, bytes: Uint8Array): void {
    const { links } = this.#base.carrier;
    if (links.post(peer, bytes) !== "congested") return;
    const cost = bytes.length + WAITING_OVERHEAD_BYTES;
    if (this.#waiting.of(peer) + cost > MAX_WAITING_BYTES) return;
    this.#waiting.add(peer, cost);
    const kept = bytes.slice();
    void links.drained(peer).then(() => {
      this.#waiting.add(peer, -cost);
      this.#post(peer, kept);
    });
  }

  #caller(peer: PeerId, run: number): CallerRun {
    let runs = this.#callers.get(peer);
    if (runs === undefined) this.#callers.set(peer, runs = []);
    const known = runs.find((caller) => caller.run === run);
    if (known !== undefined) return known;
    const caller: CallerRun = { run, seen: new DedupWindow(), running: new Map() };
    runs.push(caller);
    // Its former runs are over.
    for (const former of runs.slice(0, -1)) abortAll(former.running);
    if (runs.length > MAX_RUNS) runs.shift();
    return caller;
  }

  #sweepLater(): () => void {
    return this.#base.timers.setTimer(SWEEP_MS, () => {
      this.#cancelSweep = undefined;
      const now = this.#base.clock.now();
      const reason = callError("Timeout", "the caller's deadline has passed");
      for (const runs of this.#callers.values()) {
        for (const { running } of runs) {
          for (const { context } of running.values()) if (context.deadlineMs <= now) context.abort(reason);
        }
      }
      if (this.#running > 0) this.#cancelSweep = this.#sweepLater();
    });
  }
}

function abortAll(running: ReadonlyMap<number, IncomingCall>): void {
  const reason = callError("Canceled", "the caller is gone");
  for (const { context } of running.values()) context.abort(reason);
}

/** Keeps what was answered, for a request that comes again. */
function remember({ isKept, caller, request }: IncomingCall, answer: Uint8Array): void {
  if (isKept) caller.seen.finish(request.number, answer);
}

function response(
  { number, callerRun }: RequestMessage,
  outcome: { result?: WireValue; failure?: WireFailure; streamsResult?: boolean },
): ResponseMessage {
  const { result = NO_VALUE, failure, streamsResult = false } = outcome;
  return { kind: "response", number, callerRun, result, failure, streamsResult };
}
