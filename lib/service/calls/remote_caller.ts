/**
 * Calls by message: one provider after the other until one answers, the deadline passes, or trying again could do harm.
 *
 * ```
 *   choose --> send --> wait --> answered
 *     ^          |        |--- link lost: again to the same one under the same number, which it runs once
 *     +- backoff-+--------+--- surely not run, or idempotent: another one
 * ```
 *
 * @module
 */

import { millis } from "../../base/mod.ts";
import type { CallOptions, CallPath } from "./call_options.ts";
import {
  type CallDestination,
  type CallOrder,
  type CallRouting,
  OpenAnswers,
  PendingCall,
  PendingCalls,
  type Reply,
} from "./pending_calls.ts";
import { type Balancer, ELSEWHERE, noProvider, TROUBLE } from "./provider_choice.ts";
import { CallError, failure, type WireFailure } from "../errors.ts";
import { peerName, placeFailure } from "./failure_place.ts";
import {
  decodeValue,
  encodeValue,
  isRemote,
  type ItemSource,
  receiveItems,
  type RequestMessage,
  RESET_CANCELED,
  type ResponseMessage,
  sendItems,
  type WireValue,
} from "../wire/mod.ts";
import type { PeerId, PostOutcome, ServiceStream } from "../ports.ts";
import type { Provider } from "../directory/mod.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import { showPath } from "../topics/mod.ts";

/** How many calls may wait for answers; further ones fail with `Overloaded`. */
export const MAX_PENDING_CALLS = 65_536;

const SWEEP_MS = 25;
/** Sends the calls of one node or program, and retries them. */
export class RemoteCaller {
  readonly #base: RuntimeBase;
  readonly #balancer: Balancer;
  readonly #routing: CallRouting;
  readonly #pending = new PendingCalls();
  /** Without a number, for they wait to be tried again. */
  readonly #resting = new Set<PendingCall>();
  readonly #answers = new OpenAnswers();
  #lastNumber = 0;
  #cancelSweep: (() => void) | undefined;
  #isClosed = false;

  constructor(base: RuntimeBase, balancer: Balancer, routing: CallRouting) {
    this.#base = base;
    this.#balancer = balancer;
    this.#routing = routing;
  }

  get pending(): number {
    return this.#pending.size + this.#resting.size;
  }

  /**
   * Asks others for an action.
   * @param again is asked, with the time that is left, when the call has failed where others could serve it at once
   * @throws CallError
   */
  request(
    path: CallPath,
    params: unknown,
    { signal, stream }: CallOptions,
    timeoutMs: number,
    to: CallDestination,
    again: (leftMs: number) => Promise<unknown> | undefined,
  ): Promise<unknown> {
    const { clock, carrier } = this.#base;
    const value = encodeValue(params);
    carrier.checkLength(value);
    const deadline = millis(clock.now() + timeoutMs);
    return new Promise((resolve, reject) => {
      let cancel = () => {};
      const abort = () => cancel();
      signal?.addEventListener("abort", abort, { once: true });
      cancel = this.call({ path, params: value, deadline, source: stream, to }, (reply) => {
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
        if (answer === undefined) reject(new CallError({ ...reply.failure, path: showPath(path.text) }));
        else resolve(answer);
      });
    });
  }

  /** Makes a call. @param settle is called once @returns a function that gives it up, for what reason it is told */
  call(order: CallOrder, settle: (reply: Reply) => void): (reason?: WireFailure) => void {
    const call = new PendingCall(order, settle);
    if (this.#isClosed) this.#fail(call, failure("Stopped", "this node stops"));
    else if (this.pending >= MAX_PENDING_CALLS) {
      this.#fail(call, failure("Overloaded", `${MAX_PENDING_CALLS} calls wait already`));
    } else this.#start(call);
    return (reason = failure("Canceled", `Canceled: ${showPath(order.path.text)}`)) =>
      this.#giveUp(call, { ...reason, executed: call.isSent });
  }

  /** Takes an answer in. @param stream what it has opened, if anything */
  handleResponse(peer: PeerId, response: ResponseMessage, stream?: ServiceStream): void {
    const { run, carrier } = this.#base;
    const call = this.#pending.get(response.number);
    if (call === undefined || response.callerRun !== run || call.provider?.peer !== peer || !call.isSent) {
      // Late, or a duplicate.
      return stream?.reset(RESET_CANCELED);
    }
    const { provider } = call;
    if (response.failure !== undefined) {
      stream?.reset(RESET_CANCELED);
      return this.#handleFailure(call, response.failure, true);
    }
    if (response.streamsResult) {
      if (stream === undefined) return this.#handleFailure(call, failure("Incompatible", "no stream", true));
      provider.breaker.handleSuccess();
      const onEnd = this.#answers.add({ call, peer, stream });
      return this.#settle(call, {
        kind: "stream",
        items: receiveItems(stream, carrier.account(peer), onEnd),
      });
    }
    if (!isRemote(response.result)) {
      stream?.reset(RESET_CANCELED);
      provider.breaker.handleSuccess();
      return this.#settle(call, { kind: "value", value: response.result });
    }
    const attempt = call.attempt;
    carrier.complete(peer, response.result, stream).then((whole) => {
      if (!("code" in whole)) {
        provider.breaker.handleSuccess();
        this.#settle(call, { kind: "value", value: whole.value });
        return whole.claim.release();
      }
      // Meanwhile it may be on its way again.
      if (!this.#isCurrent(call, attempt)) return;
      this.#handleFailure(call, { ...whole, retryable: whole.code === "StreamBroken", executed: true });
    });
  }

  /** A link has ended, and what was under way on it may be lost. */
  handleLinkLost(peer: PeerId): void {
    for (const call of [...this.#pending.values()]) {
      if (call.provider?.peer === peer && call.isSent) this.#handleLost(call, call.provider);
    }
  }

  /**
   * Ends what is under way and may not go on.
   * @param why the reason, or undefined where it may
   */
  endForbidden(why: (peer: PeerId, path: CallPath) => WireFailure | undefined): void {
    for (const call of [...this.#pending.values()]) {
      const reason = call.provider && why(call.provider.peer, call.order.path);
      if (reason !== undefined) this.#giveUp(call, { ...reason, executed: call.isSent });
    }
    this.#answers.endForbidden(why);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelSweep?.();
    for (const call of [...this.#pending.values(), ...this.#resting]) {
      this.#fail(call, failure("Stopped", "this node stops", call.isSent));
    }
  }

  #start(call: PendingCall): void {
    const { order } = call;
    const balancer = this.#balancer;
    const now = this.#base.clock.now();
    const offered = this.#routing.providers(order);
    const candidates = balancer.candidates(offered, now);
    const fresh = call.untried(candidates);
    const from = fresh.length > 0 ? fresh : candidates;
    let provider = from.length === 0 ? undefined : balancer.choose(order.path.service, from, order.to.mode);
    if (provider !== undefined && !this.#pending.hasRoom(provider.peer)) {
      const roomy = from.filter(({ peer }) => this.#pending.hasRoom(peer));
      if (roomy.length === 0) {
        return this.#fail(
          call,
          failure("Overloaded", `Too many calls wait for ${peerName(this.#base, provider.peer)} already`),
        );
      }
      provider = balancer.choose(order.path.service, roomy, order.to.mode);
    }
    if (provider === undefined || !provider.breaker.allows(now)) {
      const denied = offered.length === 0 ? this.#routing.refusal(order, undefined) : undefined;
      return this.#handleFailure(call, denied ?? noProvider(order, offered));
    }
    const refusal = this.#routing.refusal(order, provider);
    if (refusal !== undefined) return this.#handleFailure(call, refusal);
    call.assign(provider, ++this.#lastNumber);
    this.#pending.add(call);
    this.#cancelSweep ??= this.#sweepLater();
    this.#send(call, provider);
  }

  #send(call: PendingCall, provider: Provider): void {
    const { carrier } = this.#base;
    const { order } = call, { peer } = provider;
    if (order.source !== undefined) return this.#sendWithItems(call, provider, order.source);
    if (!carrier.isShort(order.params)) {
      call.isSent = true;
      const attempt = ++call.attempt;
      carrier.sendLong(peer, order.params, (params) => this.#request(call, provider, params)).then((sent) => {
        if (!this.#isCurrent(call, attempt) || sent === "queued") return;
        if (sent === "refused") {
          return this.#fail(call, failure("PayloadTooLarge", "the parameters are over the provider's limit"));
        }
        call.isSent = false;
        // What is lost on the way may have arrived as a whole.
        call.isResent ||= sent === "lost";
        this.#handlePosted(call, provider, sent === "lost" ? "no-link" : sent);
      }, (error) => {
        if (this.#isCurrent(call, attempt)) this.#fail(call, failure("Incompatible", String(error)));
      });
      return;
    }
    const request = this.#request(call, provider, order.params);
    this.#handlePosted(call, provider, carrier.post(peer, request));
  }

  #sendWithItems(call: PendingCall, provider: Provider, source: ItemSource): void {
    const { carrier } = this.#base;
    const { order } = call;
    if (!carrier.isShort(order.params)) {
      const long = "Parameters beside a stream are short: put long ones into the stream";
      return this.#fail(call, failure("PayloadTooLarge", long));
    }
    const request = { ...this.#request(call, provider, order.params), streamsParams: true };
    const stream = carrier.openStream(provider.peer, request);
    if (stream === undefined) return this.#handlePosted(call, provider, "no-link");
    call.isSent = true;
    call.items = stream;
    void sendItems(source, stream, undefined, carrier.account(provider.peer));
  }

  #request(call: PendingCall, { run }: Provider, params: WireValue): RequestMessage {
    const { order, number } = call;
    const left = order.deadline - this.#base.clock.now();
    return {
      kind: "request",
      number,
      callerRun: this.#base.run,
      providerRun: run,
      path: order.path.text,
      params,
      timeoutMs: Math.max(1, Math.ceil(left)),
      streamsParams: false,
      routing: order.to.routing,
      caller: order.to.caller ?? "",
    };
  }

  #handlePosted(call: PendingCall, provider: Provider, outcome: PostOutcome): void {
    const { links } = this.#base.carrier;
    const { peer } = provider;
    if (outcome === "queued") return call.noteSent();
    const { attempt } = call;
    const again = (isThere: boolean) => {
      if (!this.#isCurrent(call, attempt)) return;
      if (isThere) this.#send(call, provider);
      else {this.#handleFailure(
          call,
          failure("Unreachable", `Cannot reach ${peerName(this.#base, peer)}`, call.isResent),
        );}
    };
    if (outcome === "congested") return void links.drained(peer).then(() => again(true));
    const reach = () => void links.reach(peer).then(again);
    const waitMs = call.nextReachMs();
    if (waitMs === 0) reach();
    else this.#pause(call, waitMs, reach);
  }

  #handleLost(call: PendingCall, provider: Provider): void {
    const { order } = call;
    const text = `The link to ${peerName(this.#base, provider.peer)} was lost before the answer`;
    const lost = failure("OutcomeUnknown", text, true);
    call.isSent = false;
    call.attempt++;
    if (order.to.idempotent) return this.#handleFailure(call, { ...lost, retryable: true });
    // Without a run to hold it to, the other end might have been started again.
    if (order.source !== undefined || provider.run === 0) return this.#fail(call, lost);
    call.isResent = true;
    this.#handlePosted(call, provider, "no-link");
  }

  /** @param isAnswer the provider says so: then the code is its handler's, and says nothing of the provider */
  #handleFailure(call: PendingCall, reason: WireFailure, isAnswer = false): void {
    const { order, provider } = call;
    const { clock, random } = this.#base;
    const now = clock.now();
    if (provider !== undefined) {
      if (TROUBLE.has(reason.code) && !(isAnswer && reason.executed)) provider.breaker.handleFailure(now);
      else provider.breaker.handleSuccess();
    }
    if (call.isResent && !order.to.idempotent && reason.code === "Unreachable") {
      return this.#fail(call, { ...reason, code: "OutcomeUnknown", retryable: false, executed: true });
    }
    const mayRepeat = reason.retryable && (!reason.executed || order.to.idempotent) &&
      reason.code !== "Timeout";
    if (!mayRepeat || call.retriesLeft === 0 || this.#isClosed) return this.#fail(call, reason);
    this.#pending.delete(call);
    call.withdraw();
    if (provider !== undefined && this.#hasOthers(call)) return this.#start(call);
    const waitMs = call.nextBackoffMs(random);
    // No time is left for another attempt.
    if (now + waitMs >= order.deadline) return this.#fail(call, reason);
    this.#resting.add(call);
    this.#pause(call, waitMs, () => {
      this.#resting.delete(call);
      this.#start(call);
    });
  }

  #pause(call: PendingCall, waitMs: number, then: () => void): void {
    call.cancelPause = this.#base.timers.setTimer(waitMs, () => {
      call.cancelPause = undefined;
      then();
    });
  }

  /** Whether somebody is left who has not been tried. */
  #hasOthers(call: PendingCall): boolean {
    const candidates = this.#balancer.candidates(this.#routing.providers(call.order), this.#base.clock.now());
    return call.untried(candidates).length > 0;
  }

  #giveUp(call: PendingCall, reason: WireFailure): void {
    if (call.isSettled) return;
    const { provider, isSent } = call;
    if (isSent && provider !== undefined) {
      const { run, carrier } = this.#base;
      carrier.post(provider.peer, { kind: "cancel", number: call.number, callerRun: run });
    }
    this.#fail(call, reason);
  }

  #fail(call: PendingCall, reason: WireFailure): void {
    this.#settle(call, { kind: "failure", failure: placeFailure(this.#base, reason, call.provider?.peer) });
  }

  #settle(call: PendingCall, reply: Reply): void {
    if (call.isSettled) {
      if (reply.kind === "stream") void reply.items.cancel();
      return;
    }
    call.isSettled = true;
    call.cancelPause?.();
    this.#resting.delete(call);
    this.#pending.delete(call);
    // A stream of answers may go on for as long as its parameters do.
    if (reply.kind !== "stream") call.items?.reset(RESET_CANCELED);
    call.settle(reply);
  }

  /** Whether a call waits for what was begun with this attempt. */
  #isCurrent(call: PendingCall, attempt: number): boolean {
    return !call.isSettled && call.attempt === attempt && this.#pending.get(call.number) === call;
  }

  #sweepLater(): () => void {
    return this.#base.timers.setTimer(SWEEP_MS, () => {
      this.#cancelSweep = undefined;
      const now = this.#base.clock.now();
      for (const call of this.#pending.values()) {
        if (call.order.deadline > now) continue;
        call.provider?.breaker.handleFailure(now);
        this.#giveUp(
          call,
          failure("Timeout", `No answer from ${showPath(call.order.path.text)} in time`, call.isSent),
        );
      }
      if (this.#pending.size > 0) this.#cancelSweep ??= this.#sweepLater();
    });
  }
}
