/**
 * Which node leads a service: of those that run it and are alive, the one with the highest id. Every node applies the
 * same rule to what it hears; there is no vote, and two sides of a split network each have their own.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { PeerId } from "../ports.ts";
import type { Provider } from "../directory/mod.ts";

/** How often whoever offers such a service says that it is alive. */
export const HEARTBEAT_MS = 2_000;
/** Dead is who was not heard for so long. */
export const DEAD_AFTER_MS = 5_000;
/** So long whoever lost its last link counts as dead; then the evidence of others decides, as before the first sign. */
export const LOST_FOR_MS = 30_000;

/** Signs of life, and what follows from them. */
export class ServiceElection {
  readonly #heardAt = new Map<PeerId, Millis>();
  readonly #lostAt = new Map<PeerId, Millis>();

  /** Something was heard of a peer: a heartbeat, or a new link. */
  hear(peer: PeerId, now: Millis): void {
    this.#lostAt.delete(peer);
    this.#heardAt.set(peer, now);
  }

  /** The last link to a peer has ended. It counts as dead for a while, unless it is heard again. */
  lose(peer: PeerId, now: Millis): void {
    if (this.#heardAt.delete(peer)) this.#lostAt.set(peer, now);
  }

  /** Forgets a peer that is gone for good. */
  forget(peer: PeerId): void {
    this.#heardAt.delete(peer);
    this.#lostAt.delete(peer);
  }

  /**
   * @param lostForMs how long whoever lost its last link counts as dead
   * @returns whether it was heard lately; undefined when there is no link to hear it by, so that others have to say
   */
  isAlive(peer: PeerId, now: Millis, lostForMs: number = LOST_FOR_MS): boolean | undefined {
    const heardAt = this.#heardAt.get(peer);
    if (heardAt !== undefined) return now - heardAt <= DEAD_AFTER_MS;
    const lostAt = this.#lostAt.get(peer);
    return lostAt === undefined || now - lostAt > lostForMs ? undefined : false;
  }

  /**
   * @param providers in the order of their ids
   * @param isHealthy decides about those to whom there is no link
   * @param isRival whether this node offers the service itself, and so calls the others until it hears them
   * @returns those who may lead, the leader first
   */
  ranked(
    providers: readonly Provider[],
    now: Millis,
    isHealthy: (peer: PeerId) => boolean,
    isRival: boolean,
  ): readonly Provider[] {
    const lostForMs = isRival ? Infinity : LOST_FOR_MS;
    return providers.filter(({ peer, service }) =>
      service.state === "running" && (this.isAlive(peer, now, lostForMs) ?? isHealthy(peer))
    ).toReversed();
  }
}
