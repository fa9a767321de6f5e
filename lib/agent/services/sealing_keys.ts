/**
 * The keys by which collections are sealed to members: those of this node, and those of the roster.
 * @module
 */

import type { RandomSource } from "../../base/mod.ts";
import type { SealingKeys } from "../../data/mod.ts";
import { type MeshState, openFrom, sealFrom } from "../../mesh/mod.ts";
import type { PeerId, ServicePeers } from "../../service/mod.ts";
import { asNodeId, asPeerId } from "../peers/mod.ts";

/** Seals to members, and opens what they have sealed to this node. */
export class MemberSealingKeys implements SealingKeys {
  readonly #mesh: Pick<MeshState, "roster" | "identity" | "network">;
  readonly #peers: Pick<ServicePeers, "self" | "selector">;
  readonly #random: RandomSource;

  constructor(
    mesh: Pick<MeshState, "roster" | "identity" | "network">,
    peers: Pick<ServicePeers, "self" | "selector">,
    random: RandomSource,
  ) {
    this.#mesh = mesh;
    this.#peers = peers;
    this.#random = random;
  }

  get self(): PeerId {
    return this.#peers.self;
  }

  readers(selector: string): readonly PeerId[] {
    const isReader = this.#peers.selector(selector);
    return this.#mesh.roster.members().map(({ record }) => asPeerId(record.nodeId)).filter(isReader);
  }

  sealFor(reader: PeerId, label: string, secret: Uint8Array): Uint8Array | undefined {
    const { roster, identity } = this.#mesh;
    const record = roster.recordById(asNodeId(reader));
    if (record === undefined) return undefined;
    return sealFrom(identity.privateKey, record.publicKey, this.#label(label), secret, this.#random);
  }

  openFrom(sender: PeerId, label: string, sealed: Uint8Array): Uint8Array | undefined {
    const { roster, identity } = this.#mesh;
    const record = roster.recordById(asNodeId(sender));
    return record && openFrom(identity.privateKey, record.publicKey, this.#label(label), sealed);
  }

  /** A box of one network is nothing in another one. */
  #label(label: string): string {
    return `${this.#mesh.network.id} ${label}`;
  }
}
