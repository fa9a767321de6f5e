/**
 * Who ran servers of collections that were stopped while they kept something.
 * @module
 */

import type { MemberRecord, MeshState, NodeId } from "../../mesh/mod.ts";
import { FORMER_KEY, readServers, type ServersDecision } from "./server_entry.ts";

/** What is known here of members. */
export interface FormerServersParts {
  readonly mesh: MeshState;
  /** Who a node is now that was decided on. */
  readonly ownerOf: (nodeId: NodeId) => MemberRecord | undefined;
}

/** A member that was decided on. */
export interface NamedHost {
  /** Undefined when it was removed from the network. */
  readonly record: MemberRecord | undefined;
  readonly name: string;
}

/** What was decided before servers were stopped, as leaders have kept it for whoever starts some again. */
export class FormerServers {
  readonly #parts: FormerServersParts;

  constructor(parts: FormerServersParts) {
    this.#parts = parts;
  }

  /** Undefined while some run, and when those that ran kept nothing. */
  get decision(): ServersDecision | undefined {
    const read = readServers(this.#parts.mesh.replica.entries, FORMER_KEY);
    return read === "none" ? undefined : read;
  }

  /** @returns its hosts, in its order */
  hosts(): readonly NamedHost[] {
    return this.decision?.hosts.map(({ nodeId }) => namedHost(this.#parts, nodeId)) ?? [];
  }
}

/** @returns who a host is now, and how it is or was called */
export function namedHost({ mesh, ownerOf }: FormerServersParts, nodeId: NodeId): NamedHost {
  const record = ownerOf(nodeId);
  return { record, name: record?.name ?? mesh.roster.recordById(nodeId)?.name ?? nodeId };
}
