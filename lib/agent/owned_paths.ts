/**
 * Which service paths are whose, kept up as members change.
 * @module
 */

import type { Grants, MemberRecord, NodeId } from "../mesh/mod.ts";
import { TopicPath } from "../service/mod.ts";

/** Who has which path by name. What a leader has granted outranks who was the first to ask. */
export class OwnedPaths {
  readonly #granted = new Map<string, Set<NodeId>>();
  readonly #claimed = new Map<string, Set<NodeId>>();
  readonly #pathsOf = new Map<NodeId, OwnPaths>();

  constructor(records: Iterable<MemberRecord>) {
    for (const { nodeId, grants } of records) this.set(nodeId, grants);
  }

  get isEmpty(): boolean {
    return this.#pathsOf.size === 0;
  }

  /** @param path with its network */
  of(path: string): ReadonlySet<NodeId> | undefined {
    return this.#granted.get(path) ?? this.#claimed.get(path);
  }

  /** @returns who has the longest path that is the topic's own, or above it */
  above(topic: string): ReadonlySet<NodeId> | undefined {
    for (let text = topic;;) {
      const owners = this.of(text);
      if (owners !== undefined) return owners;
      const end = text.lastIndexOf("/");
      if (end < 0) return undefined;
      text = text.slice(0, end);
    }
  }

  /**
   * What a member has now, in the place of what it had. Most have nothing, and then their coming and going costs nothing.
   * @returns this member if it has or had anything, and those who have claimed the same
   */
  set(nodeId: NodeId, grants: Grants | undefined): ReadonlySet<NodeId> {
    const before = this.#pathsOf.get(nodeId) ?? NO_PATHS;
    const after = grants === undefined ? NO_PATHS : ownPaths(grants);
    if (before === NO_PATHS && after === NO_PATHS) return NOBODY;
    this.#pathsOf.delete(nodeId);
    if (after !== NO_PATHS) this.#pathsOf.set(nodeId, after);
    for (const path of before.granted) remove(this.#granted, path, nodeId);
    for (const path of before.claimed) remove(this.#claimed, path, nodeId);
    for (const path of after.granted) add(this.#granted, path, nodeId);
    for (const path of after.claimed) add(this.#claimed, path, nodeId);
    const changed = new Set([nodeId]);
    for (const path of [...before.granted, ...after.granted]) {
      for (const claimant of this.#claimed.get(path) ?? NOBODY) changed.add(claimant);
    }
    return changed;
  }
}

interface OwnPaths {
  readonly granted: readonly string[];
  readonly claimed: readonly string[];
}

const NO_PATHS: OwnPaths = { granted: [], claimed: [] };

const NOBODY: ReadonlySet<NodeId> = new Set();

/** @returns the paths with their networks; a pattern gives a right, and takes nobody else's */
function ownPaths({ offer, claimed }: Grants): OwnPaths {
  if (offer.length + claimed.length === 0) return NO_PATHS;
  const read = (text: string) => TopicPath.tryParse(text)?.toString() ?? [];
  return { granted: offer.flatMap(read), claimed: claimed.flatMap(read) };
}

function add(owners: Map<string, Set<NodeId>>, path: string, nodeId: NodeId): void {
  const nodes = owners.get(path);
  if (nodes === undefined) owners.set(path, new Set([nodeId]));
  else nodes.add(nodeId);
}

function remove(owners: Map<string, Set<NodeId>>, path: string, nodeId: NodeId): void {
  const nodes = owners.get(path);
  nodes?.delete(nodeId);
  if (nodes?.size === 0) owners.delete(path);
}
