/**
 * The keys by which homes sign layouts of shards: this node's own, and those that the network's key gives to members.
 * @module
 */

import { concatBytes } from "../../base/mod.ts";
import type { LayoutKeys } from "../../data/mod.ts";
import { idBytes, isSignedBy, type MeshState, signPayload } from "../../mesh/mod.ts";
import type { PeerId } from "../../service/mod.ts";
import { asNodeId } from "../peers/mod.ts";

/** What signatures of layouts are made under. */
const LAYOUT_LABEL = "weft shard layout v1";

/** Signs by the key of this node, and checks by the records of members, also of those that were removed. */
export class MemberLayoutKeys implements LayoutKeys {
  readonly #mesh: Pick<MeshState, "roster" | "identity" | "network">;

  constructor(mesh: Pick<MeshState, "roster" | "identity" | "network">) {
    this.#mesh = mesh;
  }

  sign(digest: Uint8Array): Uint8Array {
    return signPayload(LAYOUT_LABEL, this.#payload(digest), this.#mesh.identity.signingKey).signature;
  }

  isSignedBy(member: PeerId, digest: Uint8Array, signature: Uint8Array): boolean | undefined {
    const key = this.#mesh.roster.recordById(asNodeId(member))?.verifyingKey;
    return key && isSignedBy(LAYOUT_LABEL, { payload: this.#payload(digest), signature }, key);
  }

  /** A layout of one network is nothing in another one. */
  #payload(digest: Uint8Array): Uint8Array {
    return concatBytes(idBytes(this.#mesh.network.id), digest);
  }
}
