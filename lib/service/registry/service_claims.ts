/**
 * Asking leaders for the paths at which this node and its programs offer services. A path that is nobody's belongs to the
 * first who asks, for good: it stands in that member's record, and a node that is started again need not ask.
 *
 * ```
 *   admit ──▶ granted: advertised      refused: ServiceNotGrantedError
 *     └──▶ no leader answers: runs on this node alone ──▶ asked again until one does
 * ```
 *
 * @module
 */

import { type Environment, withTimeout } from "../../base/mod.ts";
import { ServiceNotGrantedError } from "../errors.ts";
import type { ClaimOutcome, ServicePeers } from "../ports.ts";
import { showPath, TopicPath } from "../topics/mod.ts";

/** How long adding a service waits for a leader's answer. */
export const CLAIM_TIMEOUT_MS = 5_000;
/** When no leader has answered, how long until the next try, and at most. */
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
/** So many paths wait for a leader; a member is given far fewer by asking. */
const MAX_PENDING = 256;

/** Why a path is not this node's, and what a person can do. */
export interface ClaimRefusal {
  readonly message: string;
  readonly hint: string;
}

type ClaimPeers = Pick<ServicePeers, "self" | "nameOf" | "mayOffer" | "ownersOf" | "claim">;

/** Has the paths of one node granted. */
export class ServiceClaims {
  readonly #peers: ClaimPeers;
  readonly #environment: Pick<Environment, "timers" | "log">;
  readonly #isOffered: (path: string) => boolean;
  /** Each path is asked for once at a time. */
  readonly #asking = new Map<string, Promise<ClaimOutcome>>();
  /** What no leader has answered for. */
  readonly #pending = new Map<string, TopicPath>();
  /** What programs offer all the same, so that it is not asked for at each of their adverts. */
  readonly #refused = new Set<string>();
  #retryMs = FIRST_RETRY_MS;
  #cancelRetry: (() => void) | undefined;
  #isClosed = false;

  /** @param isOffered whether a service is there, so that nothing is claimed any more for one that was taken back */
  constructor(
    peers: ClaimPeers,
    environment: Pick<Environment, "timers" | "log">,
    isOffered: (path: string) => boolean,
  ) {
    this.#peers = peers;
    this.#isOffered = isOffered;
    this.#environment = environment;
  }

  /**
   * Has a path granted, before a service begins there; waits 5 s at most. When no leader answers, that goes on behind.
   * @returns why it is not granted; undefined when it is, or no leader has answered
   */
  async ask(path: TopicPath): Promise<ClaimRefusal | undefined> {
    const { timers, log } = this.#environment;
    const asked = this.#ask(path);
    const outcome = await withTimeout(timers, CLAIM_TIMEOUT_MS, asked);
    if (outcome === "refused") return this.#refusal(path);
    if (outcome === "granted" || this.#isClosed) return undefined;
    if (outcome === undefined) void asked.then((late) => this.#settle(path, late));
    log.warn("no leader answers who could grant a service path: the service runs on this node alone", {
      service: showPath(path),
    });
    this.#wait(path);
    return undefined;
  }

  /** As `ask`. @throws ServiceNotGrantedError when it is refused */
  async admit(path: TopicPath): Promise<void> {
    const refusal = await this.ask(path);
    if (refusal !== undefined) throw new ServiceNotGrantedError(refusal.message, refusal);
  }

  /**
   * This node or its programs offer services at these paths, with their networks. What is not granted is asked for behind:
   * for programs that were there before their agent, and where a leader that did not know of a claim has signed over it.
   */
  follow(paths: Iterable<{ toString(): string }>): void {
    const { self } = this.#peers;
    for (const one of paths) {
      const text = one.toString();
      const path = TopicPath.tryParse(text);
      if (path === undefined || this.#peers.mayOffer(self, path)) continue;
      if (!this.#refused.has(text) && !this.#asking.has(text)) this.#wait(path);
    }
  }

  /** A leader may be there now. */
  retrySoon(): void {
    if (this.#pending.size > 0 && this.#retryMs > FIRST_RETRY_MS) this.#retryIn(FIRST_RETRY_MS);
  }

  /** What the network lets this node do has changed. */
  handleRightsChange(): void {
    this.#refused.clear();
    const { self } = this.#peers;
    for (const [key, path] of this.#pending) {
      if (this.#peers.mayOffer(self, path)) this.#pending.delete(key);
    }
  }

  /** Asks no more. */
  close(): void {
    this.#isClosed = true;
    this.#pending.clear();
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  #ask(path: TopicPath): Promise<ClaimOutcome> {
    const key = path.toString();
    const known = this.#asking.get(key);
    if (known !== undefined) return known;
    const asked = this.#peers.claim(path).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return asked;
  }

  #wait(path: TopicPath): void {
    if (this.#isClosed || this.#pending.size >= MAX_PENDING) return;
    this.#pending.set(path.toString(), path);
    if (this.#cancelRetry === undefined) this.#retryIn(this.#retryMs);
  }

  #retryIn(ms: number): void {
    this.#cancelRetry?.();
    this.#cancelRetry = this.#environment.timers.setTimer(ms, () => void this.#retry());
  }

  /** One path after the other; the first that nobody answers for ends the round. */
  async #retry(): Promise<void> {
    this.#cancelRetry = undefined;
    for (const [key, path] of [...this.#pending]) {
      if (!this.#isOffered(key)) {
        this.#pending.delete(key);
        continue;
      }
      const outcome = await this.#ask(path);
      this.#settle(path, outcome);
      if (outcome === "unanswered") break;
    }
    this.#retryMs = this.#pending.size === 0 ? FIRST_RETRY_MS : Math.min(this.#retryMs * 2, MAX_RETRY_MS);
    if (this.#pending.size > 0 && this.#cancelRetry === undefined) this.#retryIn(this.#retryMs);
  }

  #settle(path: TopicPath, outcome: ClaimOutcome): void {
    const key = path.toString();
    const { log } = this.#environment;
    if (outcome === "unanswered" || !this.#pending.delete(key)) return;
    const service = showPath(path);
    if (outcome === "granted") return log.info("a service path was granted", { service });
    if (this.#refused.size >= MAX_PENDING) this.#refused.clear();
    this.#refused.add(key);
    const { message, hint } = this.#refusal(path);
    log.error(`${message}; it runs on this node alone`, { service, hint });
  }

  #refusal(path: TopicPath): ClaimRefusal {
    const self = this.#peers.nameOf(this.#peers.self) ?? this.#peers.self;
    const service = showPath(path);
    const owners = this.#peers.ownersOf(path).filter((name) => name !== self);
    const grant = (name: string) => `\`weft grant add ${name} --offer ${service}\``;
    // What a leader grants outranks who asked first.
    const [owner] = owners;
    return {
      message: `Cannot offer ${service}: ` +
        (owner === undefined ? "the leader has refused it to this node" : `${owners.join(", ")} has it`),
      hint: owner === undefined
        ? `On a leader, ${grant(self)} allows it.`
        : `On a leader, ${grant(self)} gives it to this node, and ${grant(owner)} as well lets both have it.`,
    };
  }
}
