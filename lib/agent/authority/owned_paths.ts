/**
 * Which service paths are whose, kept up as members change.
 * @module
 */

import type { Grants, MemberRecord, NodeId } from "../../mesh/mod.ts";
import { TopicPath, type TopicPattern } from "../../service/mod.ts";

/** Who has which path by name. What a leader has granted outranks who was the first to ask. */
export class OwnedPaths {
  readonly #networks = new Map<string, PathNode>();
  readonly #pathsOf = new Map<NodeId, OwnPaths>();

  constructor(records: Iterable<MemberRecord>) {
    for (const { nodeId, grants } of records) this.set(nodeId, grants);
  }

  get isEmpty(): boolean {
    return this.#pathsOf.size === 0;
  }

  /** @returns who has this path */
  of({ network, segments }: TopicPath): ReadonlySet<NodeId> | undefined {
    let node = this.#networks.get(network);
    for (let i = 0; node !== undefined && i < segments.length; i++) {
      node = node.children.get(segments[i] as string);
    }
    return node && ownersAt(node);
  }

  /** Asked for each event, so it makes nothing. @returns who has the longest path that is the topic's own, or above it */
  above({ network, segments }: TopicPath): ReadonlySet<NodeId> | undefined {
    let owners: ReadonlySet<NodeId> | undefined;
    let node = this.#networks.get(network);
    for (let i = 0; node !== undefined && i < segments.length; i++) {
      node = node.children.get(segments[i] as string);
      if (node !== undefined) owners = ownersAt(node) ?? owners;
    }
    return owners;
  }

  /** Whether a pattern may match what is below, or at, a path of somebody else than this member. */
  isOthersWithin(nodeId: NodeId, { network, parts }: TopicPattern): boolean {
    let owners: ReadonlySet<NodeId> | undefined;
    let node = this.#networks.get(network);
    for (const part of parts) {
      if (node === undefined) break;
      // From here on the pattern may match whatever is below.
      if (part.kind !== "literal") return isOthers(node, nodeId) || owners?.has(nodeId) === false;
      node = node.children.get(part.text);
      owners = (node && ownersAt(node)) ?? owners;
    }
    return owners?.has(nodeId) === false;
  }

  /** Whether somebody else than this member has a path of which `test` is true. */
  isElsewhere(nodeId: NodeId, test: (path: TopicPath) => boolean): boolean {
    return this.#pathsOf.entries().some(([owner, { granted, claimed }]) =>
      owner !== nodeId && (granted.some(test) || claimed.some(test))
    );
  }

  /**
   * What a member has now, in the place of what it had. Most have nothing, and then their coming and going costs nothing.
   * @returns this member if it has or had anything, and those who have claimed the same, or what is above it
   */
  set(nodeId: NodeId, grants: Grants | undefined): ReadonlySet<NodeId> {
    const before = this.#pathsOf.get(nodeId) ?? NO_PATHS;
    const after = grants === undefined ? NO_PATHS : ownPaths(grants);
    const changed = new Set<NodeId>();
    if (before === NO_PATHS && after === NO_PATHS) return changed;
    this.#pathsOf.delete(nodeId);
    if (after !== NO_PATHS) this.#pathsOf.set(nodeId, after);
    for (const path of before.granted) this.#remove(path, (node) => node.granted.delete(nodeId));
    for (const path of before.claimed) this.#remove(path, (node) => node.claimed.delete(nodeId));
    for (const path of after.granted) this.#nodeAt(path).granted.add(nodeId);
    for (const path of after.claimed) this.#nodeAt(path).claimed.add(nodeId);
    for (const path of [...before.granted, ...after.granted]) this.#addClaimants(path, changed);
    for (const path of [...before.claimed, ...after.claimed]) this.#addClaimants(path, changed);
    return changed.add(nodeId);
  }

  #addClaimants({ network, segments }: TopicPath, to: Set<NodeId>): void {
    let node = this.#networks.get(network);
    for (const segment of segments) {
      node = node?.children.get(segment);
      for (const claimant of node?.claimed ?? []) to.add(claimant);
    }
  }

  #nodeAt({ network, segments }: TopicPath): PathNode {
    return segments.reduce(
      (node, segment) => childOf(node.children, segment),
      childOf(this.#networks, network),
    );
  }

  /** Takes the nodes away, too, that hold nothing any more. */
  #remove({ network, segments }: TopicPath, take: (node: PathNode) => void): void {
    const prune = (children: Map<string, PathNode>, names: readonly string[]): void => {
      const [name = "", ...below] = names;
      const node = children.get(name);
      if (node === undefined) return;
      if (below.length === 0) take(node);
      else prune(node.children, below);
      if (node.children.size + node.granted.size + node.claimed.size === 0) children.delete(name);
    };
    prune(this.#networks, [network, ...segments]);
  }
}

interface PathNode {
  readonly children: Map<string, PathNode>;
  readonly granted: Set<NodeId>;
  readonly claimed: Set<NodeId>;
}

interface OwnPaths {
  readonly granted: readonly TopicPath[];
  readonly claimed: readonly TopicPath[];
}

const NO_PATHS: OwnPaths = { granted: [], claimed: [] };

function ownersAt({ granted, claimed }: PathNode): ReadonlySet<NodeId> | undefined {
  if (granted.size > 0) return granted;
  return claimed.size > 0 ? claimed : undefined;
}

function isOthers(node: PathNode, nodeId: NodeId): boolean {
  const owners = ownersAt(node);
  if (owners !== undefined && !owners.has(nodeId)) return true;
  return node.children.values().some((child) => isOthers(child, nodeId));
}

function childOf(children: Map<string, PathNode>, name: string): PathNode {
  const known = children.get(name);
  if (known !== undefined) return known;
  const node: PathNode = { children: new Map(), granted: new Set(), claimed: new Set() };
  children.set(name, node);
  return node;
}

/** @returns what was granted by name; a pattern gives a right, and takes nobody else's */
function ownPaths({ offer, claimed }: Grants): OwnPaths {
  if (offer.length + claimed.length === 0) return NO_PATHS;
  const read = (text: string) => TopicPath.tryParse(text) ?? [];
  return { granted: offer.flatMap(read), claimed: claimed.flatMap(read) };
}
