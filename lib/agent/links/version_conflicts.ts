/**
 * Which versions a link speaks, and members to which there is none because they speak others.
 * @module
 */

import type { Channel } from "../../channel/mod.ts";
import {
  type AgreedVersions,
  agreeOnVersions,
  conflictText,
  isConflict,
  type NodeId,
  type ProtocolVersions,
  type Roster,
  type VersionConflict,
} from "../../mesh/mod.ts";
import type { Warning } from "../warnings/mod.ts";

/** So many members are remembered; of further ones the log has told. */
const MAX_REMEMBERED = 1_024;

/**
 * @param theirs what the other end has said in the handshake; undefined when nothing
 * @returns what a channel speaks from now on; "downgraded" when the handshake is another than both ends would have chosen,
 * so that somebody in between has had a hand in it
 */
export function settleVersions(
  { handshakeVersion }: Pick<Channel, "handshakeVersion">,
  ours: ProtocolVersions,
  theirs: ProtocolVersions | undefined,
): AgreedVersions | VersionConflict | "downgraded" {
  const outcome = agreeOnVersions(ours, theirs);
  const isDowngraded = !isConflict(outcome) && (outcome.handshake ?? 1) !== handshakeVersion;
  return isDowngraded ? "downgraded" : outcome;
}

/** Members that speak other versions than this node; each until there is a link to it. */
export class VersionConflicts {
  readonly #roster: Roster;
  readonly #conflicts = new Map<NodeId, VersionConflict>();

  constructor(roster: Roster) {
    this.#roster = roster;
  }

  note(nodeId: NodeId, conflict: VersionConflict): void {
    if (this.#conflicts.size < MAX_REMEMBERED || this.#conflicts.has(nodeId)) {
      this.#conflicts.set(nodeId, conflict);
    }
  }

  /** It speaks what this node speaks. */
  clear(nodeId: NodeId): void {
    this.#conflicts.delete(nodeId);
  }

  of(nodeId: NodeId): VersionConflict | undefined {
    return this.#conflicts.get(nodeId);
  }

  /** @returns what a person should know of it now */
  warnings(): readonly Warning[] {
    return [...this.#conflicts].flatMap(([nodeId, conflict]) => {
      const member = this.#roster.linkable(nodeId);
      // Who is a member no more speaks with nobody.
      if (member === undefined) return this.#conflicts.delete(nodeId), [];
      const { problem, hint } = conflictText(conflict, member.record.name);
      return [{
        kind: "versions",
        about: nodeId,
        text: `no link to ${member.record.name}: ${problem}`,
        hint,
      }];
    });
  }
}
