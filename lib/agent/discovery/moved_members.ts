/**
 * Reaching a member again that announces itself at another endpoint.
 * @module
 */

import { KeyedRateLimiter } from "../../base/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { HealthWatch } from "../health/mod.ts";
import type { MessagePlane } from "../links/mod.ts";
import type { PeerSync } from "../overlay/mod.ts";

/** Each member may announce another endpoint 3 times at once, then every 5 s. */
const LIMITS = { burst: 3, everyMs: 5_000, maxSources: 1_024 };
/** A path that works answers sooner. */
const ANSWER_MS = 2_000;

interface MovedMembersParts extends AgentContext {
  readonly messages: MessagePlane;
  readonly health: HealthWatch;
  /** Absent without a packet plane. */
  readonly peers: PeerSync | undefined;
}

/**
 * Tries the endpoint that a member announces when the path by which it was reached is dead. Whoever is there proves itself
 * by the handshake, as everywhere; a path that works is never given up for an announcement.
 */
export class MovedMembers {
  readonly #parts: MovedMembersParts;
  readonly #limiter = new KeyedRateLimiter(LIMITS);

  constructor(parts: MovedMembersParts) {
    this.#parts = parts;
  }

  /** Follows one announcement; those of no member, and those that come too often, are left alone. */
  async follow(nodeId: string, endpoint: Endpoint): Promise<void> {
    const { clock, mesh: { roster, identity } } = this.#parts;
    const member = roster.get(nodeId as NodeId)?.record.nodeId;
    if (member === undefined || member === identity.id) return;
    if (!this.#limiter.allows(clock.now(), nodeId)) return;
    await Promise.all([this.#followLink(member), this.#followTunnel(member, endpoint)]);
  }

  async #followLink(nodeId: NodeId): Promise<void> {
    const { messages, health } = this.#parts;
    if (messages.links.get(nodeId) !== undefined) {
      if (await health.askLink(nodeId, ANSWER_MS) !== undefined) return;
      // It would be taken for alive for half a minute, and nobody be dialled.
      messages.links.close(nodeId, "you are somewhere else");
    }
    messages.dialer.redial(nodeId);
  }

  async #followTunnel(nodeId: NodeId, endpoint: Endpoint): Promise<void> {
    const { health, peers } = this.#parts;
    if (peers === undefined || await health.askTunnel(nodeId, ANSWER_MS) !== undefined) return;
    peers.tryAt(nodeId, endpoint);
  }
}
