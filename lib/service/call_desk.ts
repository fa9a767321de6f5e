/**
 * Making calls: one provider after the other until one answers, the deadline passes, or trying again could do harm.
 *
 * ```
 *   choose --> send --> wait --> answered
 *     ^          |        |--- link lost: again to the same one under the same number, which it runs once
 *     +- backoff-+--------+--- surely not run, or idempotent: another one
 * ```
 *
 * @module
 */

import { type Clock, type Millis, randomFraction, type RandomSource, type Timers } from "../base/mod.ts";
import type { Balancer, CallMode } from "./balancer.ts";
import { failure } from "./errors.ts";
import { type ItemSource, receiveItems, sendItems } from "./item_stream.ts";
import { type MessageCarrier, RESET_CANCELED } from "./message_carrier.ts";
import type { RequestMessage, ResponseMessage, WireFailure, WireRouting, WireValue } from "./node_message.ts";
import type { PeerId, PeerLinks, PostOutcome, ServiceStream } from "./ports.ts";
import type { Provider } from "./service_directory.ts";
import { showPath } from "./topic_network.ts";
import { isRemote } from "./wire_value.ts";

/** How many calls may wait for answers; further ones fail with `Overloaded`. */
export const MAX_PENDING_CALLS = 65_536;

const SWEEP_MS = 25;
const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 2_000;
/** A link is sought so often at once; after that there are pauses. */
const FREE_REACHES = 2;
/** What says that a provider is in trouble, not the call. */
const TROUBLE: ReadonlySet<string> = new Set([
  "Unreachable",
  "OutcomeUnknown",
  "Timeout",
  "Overloaded",
  "Incompatible",
]);

/** What comes back. The bytes of a value are good for this turn only. */
export type Reply =
  | { readonly kind: "value"; readonly value: WireValue; readonly peer: PeerId }
  | { readonly kind: "stream"; readonly items: ReadableStream<unknown>; readonly peer: PeerId }
  | { readonly kind: "failure"; readonly failure: WireFailure; readonly peer: PeerId | undefined };

/** One call that is to be made. */
export interface CallOrder {
  /** Of the service, with its network. */
  readonly service: string;
  /** `service/action`, as it is sent. */
  readonly path: string;
  readonly params: WireValue;
  readonly deadline: Millis;
  readonly mode: CallMode;
  /** The only one that may answer. */
  readonly peer: PeerId | undefined;
  readonly retries: number;
  readonly idempotent: boolean;
  readonly source: ItemSource | undefined;
  /** For the agent that this program is attached to. */
  readonly routing: WireRouting | undefined;
  /** Who calls, for a program that is attached; empty for this node. */
  readonly caller: string;
  /** Is called once. */
  settle(reply: Reply): void;
}

/** What the desk stands on. */
export interface CallDeskParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly links: PeerLinks;
  readonly carrier: MessageCarrier;
  readonly balancer: Balancer;
  /** This program's run. */
  readonly run: number;
  /** Who may serve, for services of others; the first of them in mode `leader`. */
  providers(order: CallOrder): readonly Provider[];
}

interface Call {
  readonly order: CallOrder;
  provider: Provider | undefined;
  number: number;
  retriesLeft: number;
  backoffMs: number;
  isSent: boolean;
  isResent: boolean;
  isSettled: boolean;
  tried: Set<PeerId> | undefined;
  cancelBackoff: (() => void) | undefined;
  /** How often a link has been sought for it in a row, and nothing could be sent. */
  reaches: number;
  /** Counts what was sent and lost, so that what belongs to an earlier attempt is known. */
  attempt: number;
  /** What carries the caller's items. */
  items: ServiceStream | undefined;
}

/** The calls of one node to others. */
export class CallDesk {
  readonly #parts: CallDeskParts;
  readonly #pending = new Map<number, Call>();
  /** Without a number, for they wait to be tried again. */
  readonly #resting = new Set<Call>();
  #lastNumber = 0;
  #cancelSweep: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: CallDeskParts) {
    this.#parts = parts;
  }

  /** How many calls wait for an answer. */
  get pending(): number {
    return this.#pending.size + this.#resting.size;
  }

  /** Makes a call. @returns a function that gives it up */
  call(order: CallOrder): () => void {
    const call: Call = {
      order,
      provider: undefined,
      number: 0,
      retriesLeft: order.source === undefined ? order.retries : 0,
      backoffMs: FIRST_BACKOFF_MS,
      isSent: false,
      isResent: false,
      isSettled: false,
      tried: undefined,
      cancelBackoff: undefined,
      reaches: 0,
      attempt: 0,
      items: undefined,
    };
    if (this.#isClosed) this.#fail(call, failure("Stopped", "this node stops"));
    else if (this.pending >= MAX_PENDING_CALLS) {
      this.#fail(call, failure("Overloaded", `${MAX_PENDING_CALLS} calls wait already`));
    } else this.#start(call);
    return () => this.#giveUp(call, failure("Canceled", `Canceled: ${showPath(order.path)}`, call.isSent));
  }

  /** Takes an answer in. @param stream what it has opened, if anything */
  handleResponse(peer: PeerId, response: ResponseMessage, stream?: ServiceStream): void {
    const { run, carrier } = this.#parts;
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
      return this.#settle(call, { kind: "stream", items: receiveItems(stream), peer });
    }
    if (!isRemote(response.result)) {
      stream?.reset(RESET_CANCELED);
      provider.breaker.handleSuccess();
      return this.#settle(call, { kind: "value", value: response.result, peer });
    }
    const attempt = call.attempt;
    carrier.complete(peer, response.result, stream).then((value) => {
      if (!("code" in value)) {
        provider.breaker.handleSuccess();
        return this.#settle(call, { kind: "value", value, peer });
      }
      // Meanwhile it may be on its way again.
      if (!this.#isCurrent(call, attempt)) return;
      this.#handleFailure(call, { ...value, retryable: value.code === "StreamBroken", executed: true });
    });
  }

  /** A link has ended, and what was under way on it may be lost. */
  handleLinkLost(peer: PeerId): void {
    for (const call of [...this.#pending.values()]) {
      if (call.provider?.peer === peer && call.isSent) this.#handleLost(call, call.provider);
    }
  }

  /** Fails what waits. */
  close(): void {
    this.#isClosed = true;
    this.#cancelSweep?.();
    for (const call of [...this.#pending.values(), ...this.#resting]) {
      this.#fail(call, failure("Stopped", "this node stops", call.isSent));
    }
  }

  #start(call: Call): void {
    const { order } = call;
    const { clock, balancer } = this.#parts;
    const offered = this.#parts.providers(order);
    const candidates = balancer.candidates(offered, clock.now());
    const fresh = call.tried === undefined
      ? candidates
      : candidates.filter(({ peer }) => !call.tried?.has(peer));
    const from = fresh.length > 0 ? fresh : candidates;
    const provider = from.length === 0 ? undefined : balancer.choose(order.service, from, order.mode);
    if (provider === undefined || !provider.breaker.allows(clock.now())) {
      return this.#handleFailure(call, this.#noProvider(order, offered));
    }
    call.provider = provider;
    call.attempt++;
    call.number = ++this.#lastNumber;
    this.#pending.set(call.number, call);
    this.#cancelSweep ??= this.#sweepLater();
    this.#send(call, provider);
  }

  #noProvider({ service }: CallOrder, offered: readonly Provider[]): WireFailure {
    const [first] = offered;
    if (first === undefined) return failure("NoProvider", `Nobody offers ${showPath(service)}`);
    const { state } = first.service;
    if (offered.every((one) => one.service.state !== "running")) {
      return failure("ServicePaused", `${showPath(service)} is ${state} wherever it is`);
    }
    return failure(
      "Unreachable",
      `Whoever offers ${showPath(service)} has failed too often and is spared for a while`,
    );
  }

  #send(call: Call, provider: Provider): void {
    const { carrier } = this.#parts;
    const { order } = call;
    const { peer } = provider;
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

  #sendWithItems(call: Call, provider: Provider, source: ItemSource): void {
    const { links, carrier } = this.#parts;
    const { order } = call;
    if (!carrier.isShort(order.params)) {
      const long = "Parameters beside a stream are short: put long ones into the stream";
      return this.#fail(call, failure("PayloadTooLarge", long));
    }
    const header = carrier.header({ ...this.#request(call, provider, order.params), streamsParams: true });
    const stream = links.openStream(provider.peer, header);
    if (stream === undefined) return this.#handlePosted(call, provider, "no-link");
    call.isSent = true;
    call.items = stream;
    void sendItems(source, stream);
  }

  #request(call: Call, { run }: Provider, params: WireValue): RequestMessage {
    const { order, number } = call;
    const left = order.deadline - this.#parts.clock.now();
    return {
      kind: "request",
      number,
      callerRun: this.#parts.run,
      providerRun: run,
      path: order.path,
      params,
      timeoutMs: Math.max(1, Math.ceil(left)),
      streamsParams: false,
      routing: order.routing,
      caller: order.caller,
    };
  }

  #handlePosted(call: Call, provider: Provider, outcome: PostOutcome): void {
    const { links } = this.#parts;
    const { peer } = provider;
    if (outcome === "queued") {
      call.isSent = true;
      call.reaches = 0;
      return;
    }
    const { attempt } = call;
    const again = (isThere: boolean) => {
      if (!this.#isCurrent(call, attempt)) return;
      if (isThere) this.#send(call, provider);
      else this.#handleFailure(call, failure("Unreachable", `Cannot reach ${peer}`, call.isResent));
    };
    if (outcome === "congested") return void links.drained(peer).then(() => again(true));
    const reach = () => void links.reach(peer).then(again);
    // Whoever lets itself be reached and is gone at once is not called without a pause.
    const waitMs = call.reaches++ < FREE_REACHES
      ? 0
      : FIRST_BACKOFF_MS * 2 ** (call.reaches - FREE_REACHES - 1);
    if (waitMs === 0) return reach();
    call.cancelBackoff = this.#parts.timers.setTimer(Math.min(waitMs, MAX_BACKOFF_MS), () => {
      call.cancelBackoff = undefined;
      reach();
    });
  }

  #handleLost(call: Call, provider: Provider): void {
    const { order } = call;
    const lost = failure("OutcomeUnknown", `The link to ${provider.peer} was lost before the answer`, true);
    call.isSent = false;
    call.attempt++;
    if (order.idempotent) return this.#handleFailure(call, { ...lost, retryable: true });
    // Without a run to hold it to, the other end might have been started again.
    if (order.source !== undefined || provider.run === 0) return this.#fail(call, lost);
    call.isResent = true;
    this.#handlePosted(call, provider, "no-link");
  }

  /** @param isAnswer the provider says so: what its handler fails with, whatever it calls it, is no trouble */
  #handleFailure(call: Call, told: WireFailure, isAnswer = false): void {
    const { order, provider } = call;
    const { clock, random, timers } = this.#parts;
    const now = clock.now();
    if (provider !== undefined) {
      if (TROUBLE.has(told.code) && !(isAnswer && told.executed)) provider.breaker.handleFailure(now);
      else provider.breaker.handleSuccess();
    }
    if (call.isResent && !order.idempotent && told.code === "Unreachable") {
      return this.#fail(call, { ...told, code: "OutcomeUnknown", retryable: false, executed: true });
    }
    const mayRepeat = told.retryable && (!told.executed || order.idempotent) && told.code !== "Timeout";
    if (!mayRepeat || call.retriesLeft === 0 || this.#isClosed) return this.#fail(call, told);
    call.retriesLeft--;
    this.#pending.delete(call.number);
    if (provider !== undefined) (call.tried ??= new Set()).add(provider.peer);
    call.provider = undefined;
    call.isSent = false;
    call.isResent = false;
    if (provider !== undefined && this.#hasOthers(call)) return this.#start(call);
    const waitMs = call.backoffMs * (0.5 + randomFraction(random));
    call.backoffMs = Math.min(2 * call.backoffMs, MAX_BACKOFF_MS);
    // The last word then is this failure.
    if (now + waitMs >= order.deadline) return this.#fail(call, told);
    this.#resting.add(call);
    call.cancelBackoff = timers.setTimer(waitMs, () => {
      call.cancelBackoff = undefined;
      this.#resting.delete(call);
      this.#start(call);
    });
  }

  /** Whether somebody is left who has not been tried. */
  #hasOthers({ order, tried }: Call): boolean {
    const { balancer, clock } = this.#parts;
    return balancer.candidates(this.#parts.providers(order), clock.now()).some(({ peer }) =>
      !tried?.has(peer)
    );
  }

  #giveUp(call: Call, told: WireFailure): void {
    if (call.isSettled) return;
    const { provider, isSent } = call;
    if (isSent && provider !== undefined) {
      const { run, carrier } = this.#parts;
      carrier.post(provider.peer, { kind: "cancel", number: call.number, callerRun: run });
    }
    this.#fail(call, told);
  }

  #fail(call: Call, told: WireFailure): void {
    this.#settle(call, { kind: "failure", failure: told, peer: call.provider?.peer });
  }

  #settle(call: Call, reply: Reply): void {
    if (call.isSettled) {
      if (reply.kind === "stream") void reply.items.cancel();
      return;
    }
    call.isSettled = true;
    call.cancelBackoff?.();
    this.#resting.delete(call);
    this.#pending.delete(call.number);
    // A stream of answers may go on for as long as its parameters do.
    if (reply.kind !== "stream") call.items?.reset(RESET_CANCELED);
    call.order.settle(reply);
  }

  /** Whether a call waits for what was begun with this attempt. */
  #isCurrent(call: Call, attempt: number): boolean {
    return !call.isSettled && call.attempt === attempt && this.#pending.get(call.number) === call;
  }

  #sweepLater(): () => void {
    return this.#parts.timers.setTimer(SWEEP_MS, () => {
      this.#cancelSweep = undefined;
      const now = this.#parts.clock.now();
      for (const call of this.#pending.values()) {
        if (call.order.deadline > now) continue;
        call.provider?.breaker.handleFailure(now);
        this.#giveUp(
          call,
          failure("Timeout", `No answer from ${showPath(call.order.path)} in time`, call.isSent),
        );
      }
      if (this.#pending.size > 0) this.#cancelSweep ??= this.#sweepLater();
    });
  }
}
