/**
 * A call until it is settled: its attempts, and the pauses between them.
 * @module
 */

import { randomFraction, type RandomSource } from "../../base/mod.ts";
import type { CallOrder } from "./call_order.ts";
import type { PeerId, ServiceStream } from "../ports.ts";
import type { Provider } from "../directory/mod.ts";

const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 2_000;
/** A link is sought so often at once; after that there are pauses. */
const FREE_REACHES = 2;

/** What `RemoteCaller` knows of one call, and alone changes. */
export class PendingCall {
  readonly order: CallOrder;
  /** Who has been chosen to answer. */
  provider: Provider | undefined;
  number = 0;
  retriesLeft: number;
  isSent = false;
  /** It may have arrived, and is sent once more under the same number. */
  isResent = false;
  isSettled = false;
  /** Counts what was sent and lost, so that what belongs to an earlier attempt is known. */
  attempt = 0;
  /** What carries the caller's items. */
  items: ServiceStream | undefined;
  /** Ends the pause that it makes. */
  cancelPause: (() => void) | undefined;
  #tried: Set<PeerId> | undefined;
  #backoffMs = FIRST_BACKOFF_MS;
  /** How often a link has been sought for it in a row, and nothing could be sent. */
  #reaches = 0;

  constructor(order: CallOrder) {
    this.order = order;
    this.retriesLeft = order.source === undefined ? order.retries : 0;
  }

  /** Begins with a provider. */
  assign(provider: Provider, number: number): void {
    this.provider = provider;
    this.number = number;
    this.attempt++;
  }

  /** Takes it from its provider, who has surely not run it, or may run it twice. */
  withdraw(): void {
    if (this.provider !== undefined) (this.#tried ??= new Set()).add(this.provider.peer);
    this.provider = undefined;
    this.isSent = this.isResent = false;
    this.retriesLeft--;
  }

  /** It is on its way. */
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
   * @returns how long to wait before a link is sought, in milliseconds
   */
  nextReachMs(): number {
    const paused = this.#reaches++ - FREE_REACHES;
    return paused < 0 ? 0 : Math.min(FIRST_BACKOFF_MS * 2 ** paused, MAX_BACKOFF_MS);
  }

  /** @returns how long to wait before all providers are tried again, in milliseconds; each time longer */
  nextBackoffMs(random: RandomSource): number {
    const waitMs = this.#backoffMs * (0.5 + randomFraction(random));
    this.#backoffMs = Math.min(2 * this.#backoffMs, MAX_BACKOFF_MS);
    return waitMs;
  }
}
