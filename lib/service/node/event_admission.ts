/**
 * Which events of others a node takes.
 * @module
 */

import type { Logger } from "../../base/mod.ts";
import type { NodePolicy } from "./node_policy.ts";
import { isProgram, type PeerId, type ServicePeers } from "../ports.ts";
import { MEMBER_PATH } from "../registry/mod.ts";
import { showPath, type TopicPath } from "../topics/mod.ts";
import type { EventMessage } from "../wire/mod.ts";

/** Asks what the network and its policy let publishers do, and counts what they may not. */
export class EventAdmission {
  readonly #peers: Pick<ServicePeers, "self" | "mayPublish" | "nameOf">;
  readonly #log: Logger;
  readonly #policy: NodePolicy;
  readonly #said = new Set<PeerId>();
  #refused = 0;

  constructor(
    { peers, log }: {
      readonly peers: Pick<ServicePeers, "self" | "mayPublish" | "nameOf">;
      readonly log: Logger;
    },
    policy: NodePolicy,
  ) {
    this.#peers = peers;
    this.#log = log;
    this.#policy = policy;
  }

  /** Events that their publishers may not publish. */
  get refused(): number {
    return this.#refused;
  }

  /** A peer is gone for good. */
  forget(peer: PeerId): void {
    this.#said.delete(peer);
  }

  /** @param isAgain whether it was asked about before its data came */
  accepts(peer: PeerId, topic: TopicPath, event: EventMessage, isAgain: boolean): boolean {
    const peers = this.#peers;
    if (peers.mayPublish(isProgram(peer) ? peers.self : peer, topic)) {
      // Of members a node tells itself and its programs, and nobody else does.
      const isOwn = topic.service === MEMBER_PATH.service;
      if (!isOwn && this.#policy.acceptsEvent(peer, topic, event, isAgain)) return true;
      this.#refused++;
      return false;
    }
    this.#refused++;
    if (!this.#said.has(peer)) {
      // Once for each, however many there are.
      this.#said.add(peer);
      this.#log.warn("a member publishes what it may not; it is not delivered", {
        peer: peers.nameOf(peer) ?? peer,
        topic: showPath(topic),
      });
    }
    return false;
  }
}
