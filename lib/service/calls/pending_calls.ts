/**
 * Calls to others until they are settled: what each is to be, its attempts and the pauses between them, and how many
 * wait for each peer.
 * @module
 */

import type { CallMode } from "../bounds.ts";
import { type Millis, type RandomSource, ShortLivedMap } from "../../base/mod.ts";
import type { CallPath, Tries } from "./call_options.ts";
import type { Provider, VersionRange } from "../directory/mod.ts";
import { FIRST_BACKOFF_MS, MAX_BACKOFF_MS, RetryBackoff } from "./retry_backoff.ts";
import type { Failed, WireFailure } from "../errors.ts";
import { AGENT, isProgram, type PeerId, PeerTally, type ServiceStream } from "../ports.ts";
import type { ItemSource, PropagatedContext, RequestMessage, WireRouting, WireValue } from "../wire/mod.ts";

/** What comes back. The bytes of a value are good for this turn only. */
export type Reply =
  | { readonly kind: "value"; readonly value: WireValue }
  | { readonly kind: "stream"; readonly items: ReadableStream<unknown> }
  | Failed;

/** Whom a call goes to, and how often. */
export interface CallDestination extends Tries {
  readonly mode: CallMode;
  /** The only one that may answer. */
  readonly peer: PeerId | undefined;
  readonly idempotent: boolean;
  /** The range that the provider's version is in; undefined for any. */
  readonly version?: VersionRange | undefined;
  /** How an agent is to choose, in a call of a program that is attached to it. */
  readonly routing?: WireRouting;
  /** Who calls, in a call that an agent hands to a program. */
  readonly caller?: PeerId;
}

/** One call that is to be made. */
export interface CallOrder {
  readonly path: CallPath;
  readonly params: WireValue;
  /** When it was made. */
  readonly begunAt: Millis;
  readonly deadline: Millis;
  readonly source: ItemSource | undefined;
  readonly to: CallDestination;
  /** What travels along; undefined for nothing. */
  readonly context: PropagatedContext | undefined;
  /** Is told the name of the node that was asked last. */
  readonly onProvider?: ((node: string) => void) | undefined;
  /** Whether an answer that is a stream has to have ended by the deadline, not only to have begun. */
  readonly boundsStream?: boolean;
}

/** Who is told of a call's end. */
export interface CallEnd {
  /** Is called once. */
  settle(reply: Reply): void;
  /** Is called once, when nothing of it goes on any more: it is settled, and a stream that it was answered by has ended. */
  onOver(): void;
}

/** A provider without a link is dialled so often at once; after that there are pauses. */
const FREE_REACHES = 2;

/** What `RemoteCaller` knows of one call, and alone changes. */
export class PendingCall {
  readonly order: CallOrder;
  readonly end: CallEnd;
  provider: Provider | undefined;
  number = 0;
  retriesLeft: number;
  isSent = false;
  /** It may have arrived, and is sent once more under the same number. */
  isResent = false;
  /** This attempt is over. */
  isSettled = false;
  /** The first of several attempts that are under way together, in whose place the others are. */
  readonly root: PendingCall;
  /** Of the root: all that are under way; undefined while there was only one. */
  attempts: Set<PendingCall> | undefined;
  /** Of the root: one of the attempts that have failed may have run all the same. */
  mayHaveRun = false;
  /** Of the root: `settle` was called. */
  isAnswered = false;
  /** When another provider is asked as well, and when this one is given up. */
  askOtherAt: number = Infinity;
  giveUpAt: number = Infinity;
  /** It has taken more than its share of the time: when another one answers first, this provider counts as failed. */
  isOverdue = false;
  /** Counts what was sent and lost, so that what belongs to an earlier attempt is known. */
  attempt = 0;
  /** What carries the caller's items. */
  items: ServiceStream | undefined;
  /** Ends the pause that it makes. */
  cancelPause: (() => void) | undefined;
  #tried: Set<PeerId> | undefined;
  #backoff: RetryBackoff | undefined;
  /** How often its provider was dialled in a row, and nothing could be sent. */
  #reaches = 0;

  /** @param root of what this is another attempt, if of any */
  constructor(order: CallOrder, end: CallEnd, root?: PendingCall) {
    this.order = order;
    this.end = end;
    this.root = root ?? this;
    this.retriesLeft = order.source === undefined ? order.to.retries : 0;
  }

  assign(provider: Provider, number: number, now: Millis): void {
    this.provider = provider;
    this.number = number;
    this.attempt++;
    const { order: { deadline, to }, retriesLeft } = this;
    if (!to.idempotent || retriesLeft === 0) return;
    const { attemptTimeoutMs, hedgeAfterMs } = to;
    this.giveUpAt = attemptTimeoutMs === undefined ? Infinity : now + attemptTimeoutMs;
    // One that hangs does not take the time of those that could be asked after it.
    const share = attemptTimeoutMs === undefined ? (deadline - now) / (retriesLeft + 1) : Infinity;
    this.askOtherAt = now + (hedgeAfterMs ?? share);
    this.isOverdue = false;
  }

  /** @returns one more attempt beside this one, at whoever was not asked yet, which has the tries that are left */
  another(): PendingCall {
    const other = new PendingCall(this.order, this.end, this.root);
    other.retriesLeft = this.retriesLeft - 1;
    other.#tried = this.#tried;
    this.retriesLeft = 0;
    this.askOtherAt = this.giveUpAt = Infinity;
    this.isOverdue = this.order.to.hedgeAfterMs === undefined;
    (this.root.attempts ??= new Set([this])).add(other);
    return other;
  }

  /** Its provider is none that is asked for another attempt. */
  noteTried(): void {
    if (this.provider !== undefined) (this.#tried ??= new Set()).add(this.provider.peer);
  }

  /** @returns what its provider is sent @param params as they travel @param now by which what is left of its time counts */
  request(callerRun: number, params: WireValue, now: Millis): RequestMessage {
    const { order: { path, deadline, to, context }, number, provider } = this;
    return {
      kind: "request",
      number,
      callerRun,
      providerRun: provider?.run ?? 0,
      path: path.text,
      params,
      timeoutMs: Math.max(1, Math.ceil(deadline - now)),
      streamsParams: false,
      routing: to.routing,
      caller: to.caller ?? "",
      context,
    };
  }

  /** Takes it from its provider, who has surely not run it, or may run it twice. @param mayHaveRun whether it may have */
  withdraw(mayHaveRun: boolean): void {
    this.root.mayHaveRun ||= mayHaveRun;
    this.noteTried();
    this.provider = undefined;
    this.isSent = this.isResent = false;
    this.retriesLeft--;
  }

  noteSent(): void {
    this.isSent = true;
    this.#reaches = 0;
  }

  /** @returns those of `candidates` from whom it was not taken yet */
  untried(candidates: readonly Provider[]): readonly Provider[] {
    const tried = this.#tried;
    return tried === undefined ? candidates : candidates.filter(({ peer }) => !tried.has(peer));
  }

  /**
   * Whoever lets itself be reached and is gone at once is not called without a pause.
   * @returns how long to wait before the provider is dialled, in milliseconds
   */
  nextReachMs(): number {
    const paused = this.#reaches++ - FREE_REACHES;
    return paused < 0 ? 0 : Math.min(FIRST_BACKOFF_MS * 2 ** paused, MAX_BACKOFF_MS);
  }

  /** @returns how long to wait before all providers are tried again, in milliseconds; each time longer */
  nextBackoffMs(random: RandomSource): number {
    return (this.#backoff ??= new RetryBackoff()).nextMs(random);
  }
}

/** How many calls may wait for answers; further ones fail with `Overloaded`. */
export const MAX_PENDING_CALLS = 65_536;
/** How many calls may wait for one node: a quarter of all, so that a few that stand still leave room for the others. */
const MAX_PENDING_OF_NODE = 16_384;
/** How many may wait for one attached program. */
export const MAX_PENDING_OF_PROGRAM = 4_096;

/** Calls that have been given to a provider. */
export class PendingCalls {
  readonly #calls = new ShortLivedMap<number, PendingCall>();
  readonly #waiting = new PeerTally();

  get size(): number {
    return this.#calls.size;
  }

  get(number: number): PendingCall | undefined {
    return this.#calls.get(number);
  }

  /** All of them as they are now, the oldest first, but for those that are taken out meanwhile. */
  *values(): Iterable<PendingCall> {
    for (const call of this.#calls.values()) if (this.#calls.has(call.number)) yield call;
  }

  hasRoom(peer: PeerId): boolean {
    if (peer === AGENT) return true;
    return this.#waiting.of(peer) < (isProgram(peer) ? MAX_PENDING_OF_PROGRAM : MAX_PENDING_OF_NODE);
  }

  /** Takes one in that has its provider and number. */
  add(call: PendingCall): void {
    this.#calls.set(call.number, call);
    if (call.provider !== undefined) this.#waiting.add(call.provider.peer, 1);
  }

  /** Takes one out that still has its provider; harmless when it is not there. */
  delete(call: PendingCall): void {
    const { provider } = call;
    if (this.#calls.delete(call.number) && provider !== undefined) this.#waiting.add(provider.peer, -1);
  }
}

/** Where calls may go. */
export interface CallRouting {
  /** Who may serve an order. */
  providers(order: CallOrder): readonly Provider[];
  /**
   * Asked right before a call is sent.
   * @param provider undefined where nobody is left to serve it
   * @returns why the network's policy does not let it go
   */
  refusal(order: CallOrder, provider: Provider | undefined): WireFailure | undefined;
}
