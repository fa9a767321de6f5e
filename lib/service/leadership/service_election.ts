/**
 * Which node leads a service: of those that run it and are alive, the one with the highest id. Every node applies the
 * same rule to the heartbeats it receives; there is no vote, and two sides of a split network each have their own.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { PeerId } from "../ports.ts";
import type { Provider } from "../directory/mod.ts";

/** How often a node that offers such a service sends a heartbeat. */
export const HEARTBEAT_MS = 2_000;
/** A peer without a heartbeat for so long counts as dead. */
export const DEAD_AFTER_MS = 5_000;
/** A peer whose last link was lost counts as dead for so long; then its health decides, as before the first heartbeat. */
export const LOST_FOR_MS = 30_000;

/** The heartbeats of peers, and the order of leaders that follows from them. */
export class ServiceElection {
  readonly #heartbeatAt = new Map<PeerId, Millis>();
  readonly #lostAt = new Map<PeerId, Millis>();

  /** A heartbeat of a peer, or a new link to it. */
  handleHeartbeat(peer: PeerId, now: Millis): void {
    this.#lostAt.delete(peer);
    this.#heartbeatAt.set(peer, now);
  }

  /** The last link to a peer has ended. It counts as dead for a while, or until its next heartbeat. */
  handleLinkLost(peer: PeerId, now: Millis): void {
    if (this.#heartbeatAt.delete(peer)) this.#lostAt.set(peer, now);
  }

  /** Forgets a peer that is gone for good. */
  forget(peer: PeerId): void {
    this.#heartbeatAt.delete(peer);
    this.#lostAt.delete(peer);
  }

  /**
   * @param lostForMs how long a peer whose last link was lost counts as dead
   * @returns whether there was a heartbeat lately; undefined when there is no link for one, so that its health decides
   */
  isAlive(peer: PeerId, now: Millis, lostForMs: number = LOST_FOR_MS): boolean | undefined {
    const heartbeatAt = this.#heartbeatAt.get(peer);
    if (heartbeatAt !== undefined) return now - heartbeatAt <= DEAD_AFTER_MS;
    const lostAt = this.#lostAt.get(peer);
    return lostAt === undefined || now - lostAt > lostForMs ? undefined : false;
  }

  /**
   * @param providers in the order of their ids
   * @param isHealthy decides about peers without a link
   * @param isRival whether this node offers the service itself, and so dials the others until it has their heartbeats
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
