/**
 * Who is who, for services: the roster, the verdicts of health, and selectors.
 * @module
 */

import type { NodeId, Roster } from "../../mesh/mod.ts";
import { Selector, type SelectorSubject } from "../../policy/mod.ts";
import type { PeerId, ServicePeers } from "../../service/mod.ts";
import type { HealthWatch } from "../health/mod.ts";
import { asNodeId, asPeerId } from "./service_links.ts";

/** What is asked. */
export interface RosterPeersParts {
  readonly roster: Roster;
  /** This node's id, as of now. */
  self(): NodeId;
  health(): HealthWatch | undefined;
  /** Whether there is a channel to a peer. */
  isLinked(peer: PeerId): boolean;
  /** The paths of the services that a peer offers. */
  servicesOf(peer: PeerId): readonly string[];
}

/** Members as services see them. */
export class RosterPeers implements ServicePeers {
  readonly #parts: RosterPeersParts;

  constructor(parts: RosterPeersParts) {
    this.#parts = parts;
  }

  get self(): PeerId {
    return asPeerId(this.#parts.self());
  }

  nameOf(peer: PeerId): string | undefined {
    return this.#parts.roster.get(asNodeId(peer))?.record.name;
  }

  find(text: string): PeerId | undefined {
    const member = this.#parts.roster.find(text);
    return member && asPeerId(member.record.nodeId);
  }

  isHealthy(peer: PeerId): boolean {
    const { roster, health, isLinked } = this.#parts;
    const nodeId = asNodeId(peer);
    if (roster.get(nodeId) === undefined) return false;
    return isLinked(peer) || (health()?.checker.figures(nodeId)?.healthy ?? true);
  }

  isOperator(peer: PeerId): boolean {
    return this.#parts.roster.get(asNodeId(peer))?.record.roles.includes("leader") ?? false;
  }

  selector(text: string): (peer: PeerId) => boolean {
    const selector = Selector.parse(text);
    return (peer) => {
      const subject = this.#subject(peer);
      return subject !== undefined && selector.matches(subject);
    };
  }

  #subject(peer: PeerId): SelectorSubject | undefined {
    const record = this.#parts.roster.get(asNodeId(peer))?.record;
    if (record === undefined) return undefined;
    const { name, labels, addresses, roles } = record;
    return { name, labels, addresses, roles, services: this.#parts.servicesOf(peer) };
  }
}
