/**
 * Calls by message: one provider after the other until one answers, the deadline passes, or trying again could do harm.
 *
 * ```
 *   choose --> send --> wait --> answered
 *     ^          |        |--- link lost: again to the same one under the same number, which it runs once
 *     +- backoff-+--------+--- surely not run, or idempotent: another one
 *     ^                   |
 *     +-------------------+--- idempotent, and no answer after its share of the time: another one as well
 * ```
 *
 * @module
 */

import { countReply } from "./call_counting.ts";
import type { CallPath } from "./call_options.ts";
import {
  type CallEnd,
  type CallOrder,
  type CallRouting,
  MAX_PENDING_CALLS,
  PendingCall,
  PendingCalls,
  type Reply,
} from "./pending_calls.ts";
import { OpenAnswers } from "./open_answers.ts";
import { ParamsPool } from "./params_pool.ts";
import { type Balancer, noProvider } from "./provider_choice.ts";
import { failure, type WireFailure } from "../errors.ts";
import { linkLost, noRoomFor, placeFailure, tooManyStreams, unreachable } from "./failure_place.ts";
import { isRemote, type ItemSource, RESET_CANCELED, type ResponseMessage } from "../wire/mod.ts";
import type { PeerId, PostOutcome, ServiceStream } from "../ports.ts";
import type { Provider } from "../directory/mod.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import { sendWithItems } from "./streamed_params.ts";
import { showPath } from "../topics/mod.ts";

const SWEEP_MS = 25;
/** Sends the calls of one node or program, and retries them. */
export class RemoteCaller {
  readonly #base: RuntimeBase;
  readonly #balancer: Balancer;
  readonly #routing: CallRouting;
  /** What calls keep their parameters in. */
  readonly pool: ParamsPool = new ParamsPool();
  readonly #pending = new PendingCalls();
  /** Without a number, for they wait to be tried again. */
  readonly #resting = new Set<PendingCall>();
  readonly #answers: OpenAnswers;
  #lastNumber = 0;
  #cancelSweep: (() => void) | undefined;
  #isClosed = false;

  constructor(base: RuntimeBase, balancer: Balancer, routing: CallRouting) {
    this.#base = base;
    this.#balancer = balancer;
    this.#routing = routing;
    this.#answers = new OpenAnswers(base);
  }

  get pending(): number {
    return this.#pending.size + this.#resting.size;
  }

  /**
   * Makes a call.
   * @returns it, for whoever gives it up
   */
  call(order: CallOrder, end: CallEnd): PendingCall {
    const call = new PendingCall(order, end);
    if (this.#isClosed) this.#fail(call, failure("Stopped", "this node stops"));
    else if (this.pending >= MAX_PENDING_CALLS) {
      this.#fail(call, failure("Overloaded", `${MAX_PENDING_CALLS} calls wait already`));
    } else this.#start(call, order.begunAt);
    return call;
  }

  /** Ends a call with all its attempts, or the stream that it was answered by. @param root what `call` has returned */
  giveUp(
    root: PendingCall,
    reason: WireFailure = failure("Canceled", `Canceled: ${showPath(root.order.path.text)}`),
  ): void {
    if (root.isAnswered) return this.#answers.end(root, reason);
    const attempts = [...root.attempts ?? [root]];
    const executed = attempts.some(({ isSent }) => isSent);
    for (const call of attempts) this.#giveUp(call, reason, executed);
  }

  /** Takes an answer in. @param stream what it has opened, if anything */
  handleResponse(peer: PeerId, response: ResponseMessage, stream?: ServiceStream): void {
    const call = this.#pending.get(response.number);
    if (
      call === undefined || response.callerRun !== this.#base.run || call.provider?.peer !== peer ||
      !call.isSent
    ) {
      // Late, or a duplicate.
      return stream?.reset(RESET_CANCELED);
    }
    if (response.failure !== undefined) {
      stream?.reset(RESET_CANCELED);
      return this.#handleFailure(call, response.failure, true);
    }
    if (response.streamsResult) {
      if (stream === undefined) return this.#handleFailure(call, failure("Incompatible", "no stream", true));
      return this.#settle(call, { kind: "stream", items: this.#answers.add(call.root, peer, stream) });
    }
    if (!isRemote(response.result)) {
      stream?.reset(RESET_CANCELED);
      return this.#settle(call, { kind: "value", value: response.result });
    }
    this.#complete(peer, call, response.result, stream);
  }

  #complete(
    peer: PeerId,
    call: PendingCall,
    result: ResponseMessage["result"],
    stream: ServiceStream | undefined,
  ): void {
    const attempt = call.attempt;
    this.#base.carrier.complete(peer, result, stream).then((whole) => {
      if (!("code" in whole)) {
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
      if (reason !== undefined) this.#giveUp(call, reason);
    }
    this.#answers.endForbidden(why);
  }

  /** @returns whether all calls have been settled that are under way now */
  drain(): () => boolean {
    const calls = [...this.#pending.values(), ...this.#resting];
    return () => calls.every(({ root }) => root.isAnswered);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelSweep?.();
    for (const call of [...this.#pending.values(), ...this.#resting]) {
      this.#fail(call, failure("Stopped", "this node stops", call.isSent));
    }
    this.#answers.close(failure("Stopped", "this node stops", true));
  }

  #start(call: PendingCall, now = this.#base.clock.now()): void {
    const { order } = call;
    const balancer = this.#balancer;
    const offered = this.#routing.providers(order);
    const candidates = balancer.candidates(offered, order.path.action, now);
    const fresh = call.untried(candidates);
    const from = fresh.length > 0 ? fresh : candidates;
    let provider = from.length === 0 ? undefined : balancer.choose(order.path.service, from, order.to.mode);
    if (provider !== undefined && !this.#pending.hasRoom(provider.peer)) {
      const roomy = from.filter(({ peer }) => this.#pending.hasRoom(peer));
      if (roomy.length === 0) {
        return this.#fail(call, noRoomFor(this.#base, provider.peer));
      }
      provider = balancer.choose(order.path.service, roomy, order.to.mode);
    }
    if (provider === undefined || !provider.breakers.allows(order.path.action, now)) {
      const denied = offered.length === 0 ? this.#routing.refusal(order, undefined) : undefined;
      return this.#handleFailure(call, denied ?? noProvider(order, offered));
    }
    const refusal = this.#routing.refusal(order, provider);
    if (refusal !== undefined) return this.#handleFailure(call, refusal);
    call.assign(provider, ++this.#lastNumber, now);
    this.#pending.add(call);
    this.#cancelSweep ??= this.#sweepLater();
    this.#send(call, provider, now);
  }

  #send(call: PendingCall, provider: Provider, now = this.#base.clock.now()): void {
    const { carrier, run } = this.#base;
    const { source, params } = call.order;
    if (source !== undefined) return this.#sendWithItems(call, provider, source);
    if (!carrier.isShort(params)) return this.#sendLong(call, provider);
    const outcome = carrier.post(provider.peer, call.request(run, params, now));
    if (outcome === "queued") call.noteSent();
    else this.#handleUnsent(call, provider, outcome);
  }

  #sendLong(call: PendingCall, provider: Provider): void {
    const { carrier, run, clock } = this.#base;
    call.isSent = true;
    const attempt = ++call.attempt;
    const sending = carrier.sendLong(
      provider.peer,
      call.order.params,
      (params) => call.request(run, params, clock.now()),
    );
    sending.then((sent) => {
      if (!this.#isCurrent(call, attempt) || sent === "queued") return;
      if (sent === "refused") {
        return this.#fail(call, failure("PayloadTooLarge", "the parameters are over the provider's limit"));
      }
      call.isSent = false;
      if (sent === "no-link" && carrier.isLinked(provider.peer)) {
        return this.#handleFailure(call, tooManyStreams(provider.peer));
      }
      // What is lost on the way may have arrived as a whole.
      call.isResent ||= sent === "lost";
      this.#handleUnsent(call, provider, sent === "lost" ? "no-link" : sent);
    }, (error) => {
      if (this.#isCurrent(call, attempt)) this.#fail(call, failure("Incompatible", String(error)));
    });
  }

  #sendWithItems(call: PendingCall, provider: Provider, source: ItemSource): void {
    const outcome = sendWithItems(this.#base, call, provider, source);
    if (outcome === "no-link") this.#handleUnsent(call, provider, outcome);
    else if (outcome !== undefined) this.#fail(call, outcome);
  }

  #handleUnsent(call: PendingCall, provider: Provider, outcome: Exclude<PostOutcome, "queued">): void {
    const { links } = this.#base.carrier;
    const { peer } = provider;
    const { attempt } = call;
    const again = (isThere: boolean) => {
      if (!this.#isCurrent(call, attempt)) return;
      if (isThere) this.#send(call, provider);
      else this.#handleFailure(call, unreachable(this.#base, peer, call.isResent));
    };
    if (outcome === "congested") return void links.drained(peer).then(() => again(true));
    const reach = () => void links.reach(peer).then(again);
    const waitMs = call.nextReachMs();
    if (waitMs === 0) reach();
    else this.#pause(call, waitMs, reach);
  }

  #handleLost(call: PendingCall, provider: Provider): void {
    const { order } = call;
    const lost = linkLost(this.#base, provider.peer);
    call.isSent = false;
    call.attempt++;
    if (order.to.idempotent) return this.#handleFailure(call, { ...lost, retryable: true });
    // Without a run to hold it to, the other end might have been started again.
    if (order.source !== undefined || provider.run === 0) return this.#fail(call, lost);
    call.isResent = true;
    this.#handleUnsent(call, provider, "no-link");
  }

  /** @param isAnswer the provider says so: then the code is its handler's, and says nothing of the provider */
  #handleFailure(call: PendingCall, reason: WireFailure, isAnswer = false): void {
    const { order, provider } = call;
    const { clock, random } = this.#base;
    const now = clock.now();
    if (provider !== undefined) {
      const { action } = order.path;
      if (isAnswer && reason.executed) provider.breakers.handleSuccess(action);
      else provider.breakers.handleFailure(action, reason.code, now);
    }
    if (call.isResent && !order.to.idempotent && reason.code === "Unreachable") {
      return this.#fail(call, { ...reason, code: "OutcomeUnknown", retryable: false, executed: true });
    }
    const mayRepeat = reason.retryable && (!reason.executed || order.to.idempotent) &&
      !(isAnswer && reason.code === "Timeout");
    if (!mayRepeat || call.retriesLeft === 0 || this.#isClosed) return this.#fail(call, reason);
    this.#pending.delete(call);
    call.withdraw(reason.executed);
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
    const { order } = call;
    const now = this.#base.clock.now();
    const candidates = this.#balancer.candidates(this.#routing.providers(order), order.path.action, now);
    return call.untried(candidates).length > 0;
  }

  /** Asks one more provider beside the one that has not answered, if there is one. */
  #askOther(call: PendingCall): void {
    call.askOtherAt = Infinity;
    call.noteTried();
    if (this.pending < MAX_PENDING_CALLS && this.#hasOthers(call)) this.#start(call.another());
  }

  /** Takes a call from a provider that has had its time, and gives it to another one. */
  #giveUpAttempt(call: PendingCall, { peer }: Provider): void {
    const { path, to } = call.order;
    const late = `No answer from ${showPath(path.text)} of ${peer} within ${to.attemptTimeoutMs} ms`;
    const reason = failure("Timeout", late, call.isSent);
    this.#cancel(call);
    call.isSent = false;
    call.attempt++;
    this.#handleFailure(call, reason);
  }

  /** Ends one attempt. */
  #giveUp(call: PendingCall, reason: WireFailure, executed = call.isSent): void {
    if (call.isSettled) return;
    this.#cancel(call);
    this.#fail(call, { ...reason, executed });
  }

  /** Tells a provider that nobody waits for it any more. */
  #cancel({ provider, isSent, number }: PendingCall): void {
    if (!isSent || provider === undefined) return;
    const { run, carrier } = this.#base;
    carrier.post(provider.peer, { kind: "cancel", number, callerRun: run });
  }

  #fail(call: PendingCall, reason: WireFailure): void {
    const told = { ...reason, executed: reason.executed || call.root.mayHaveRun };
    this.#settle(call, { kind: "failure", failure: placeFailure(this.#base, told, call.provider?.peer) });
  }

  #settle(call: PendingCall, reply: Reply): void {
    if (call.isSettled) {
      if (reply.kind === "stream") void reply.items.cancel();
      return;
    }
    this.#end(call);
    if (reply.kind !== "failure") call.provider?.breakers.handleSuccess(call.order.path.action);
    const { root, root: { attempts } } = call;
    // What may go well elsewhere is left to those who are still asked.
    if (attempts !== undefined && attempts.size > 0) {
      if (reply.kind === "failure" && reply.failure.retryable) return;
      const now = this.#base.clock.now();
      for (const late of [...attempts]) {
        this.#cancel(late);
        if (late.isOverdue && reply.kind !== "failure") {
          late.provider?.breakers.handleFailure(late.order.path.action, "Timeout", now);
        }
        this.#end(late);
      }
    }
    root.isAnswered = true;
    countReply(this.#base, root.order, call.provider, reply);
    // A stream of answers may go on for as long as its parameters do.
    if (reply.kind !== "stream") call.items?.reset(RESET_CANCELED);
    call.end.settle(reply);
    if (reply.kind !== "stream") call.end.onOver();
  }

  #end(call: PendingCall): void {
    call.isSettled = true;
    call.cancelPause?.();
    this.#resting.delete(call);
    this.#pending.delete(call);
    call.root.attempts?.delete(call);
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
        const { order: { deadline, path }, provider } = call;
        if (deadline <= now) {
          provider?.breakers.handleFailure(path.action, "Timeout", now);
          this.#giveUp(call, failure("Timeout", `No answer from ${showPath(path.text)} in time`));
        } else if (call.giveUpAt <= now && provider !== undefined) this.#giveUpAttempt(call, provider);
        else if (call.askOtherAt <= now) this.#askOther(call);
      }
      if (this.#pending.size > 0) this.#cancelSweep ??= this.#sweepLater();
    });
  }
}
