/**
 * What members may do, as the network's key has said: by their records, and by what all may.
 * @module
 */

import {
  decodeDefaultGrants,
  DEFAULT_GRANTS_KEY,
  type DefaultGrants,
  GRANT_ENTRY_KIND,
  type Grants,
  type MemberRecord,
  type MeshState,
  type NodeId,
  USUAL_GRANTS,
} from "../mesh/mod.ts";
import { type PatternPart, TopicPath, TopicPattern } from "../service/mod.ts";

/** A grant that begins so is good in every network of topics. */
const ANY_NETWORK = "*:";

/** One pattern of a grant, taken apart. */
interface GrantedTopics {
  /** Undefined for every network of topics. */
  readonly network: string | undefined;
  readonly parts: readonly PatternPart[];
}

/** What one record grants, or all may do, taken apart. */
interface ReadGrants {
  readonly offer: readonly GrantedTopics[];
  readonly publish: readonly GrantedTopics[];
  readonly subscribe: readonly GrantedTopics[];
  readonly names: readonly string[];
}

/**
 * Answers what a member may do. A path that was given to somebody by name, or claimed, is that member's own: nobody else
 * offers it or publishes below it without a grant for that. A leader may do everything, since it could grant it to itself.
 */
export class Authority {
  readonly #mesh: Pick<MeshState, "replica" | "network">;
  readonly #read = new WeakMap<object, ReadGrants>();
  /** Of each path that somebody was given by name, who has it; made anew when a member has changed. */
  #owners: ReadonlyMap<string, ReadonlySet<NodeId>> | undefined;
  #defaults: DefaultGrants | undefined;
  readonly #unsubscribe: () => void;

  constructor(mesh: Pick<MeshState, "replica" | "network">) {
    this.#mesh = mesh;
    this.#unsubscribe = mesh.replica.subscribe({
      handleRosterEvent: ({ kind }) => {
        if (kind !== "endpoints-changed") this.#owners = undefined;
      },
      handleEntryEvent: ({ kind }) => {
        if (kind === GRANT_ENTRY_KIND) this.#defaults = undefined;
      },
    });
  }

  /** Follows nothing any more. */
  close(): void {
    this.#unsubscribe();
  }

  /** What every member may do. */
  get defaults(): DefaultGrants {
    if (this.#defaults !== undefined) return this.#defaults;
    const { replica, network } = this.#mesh;
    const entry = replica.entries.get(GRANT_ENTRY_KIND, network.id, DEFAULT_GRANTS_KEY);
    return this.#defaults = (entry && decodeDefaultGrants(entry.body)) ?? USUAL_GRANTS;
  }

  /** Whether a member may offer a service at a path. */
  mayOffer(nodeId: NodeId, path: TopicPath): boolean {
    const record = this.#member(nodeId);
    if (record === undefined) return false;
    return isLeader(record) || this.ownersOf(path).has(nodeId) ||
      matches(this.#grantsOf(record).offer, path) || matches(this.#grantsOf(this.defaults).offer, path);
  }

  /** Whether a path is nobody's, or this member's, so that a leader may let it have the path. */
  mayClaim(nodeId: NodeId, path: TopicPath): boolean {
    const owners = this.ownersOf(path);
    return this.defaults.claims && this.#member(nodeId) !== undefined &&
      (owners.size === 0 || owners.has(nodeId));
  }

  /** Who was given a path by name, or was the first to ask for it. */
  ownersOf(path: TopicPath): ReadonlySet<NodeId> {
    return this.#ownedPaths().get(path.toString()) ?? NOBODY;
  }

  /** Whether a member may publish to a topic: it is granted, below a path of its own, or nobody's. */
  mayPublish(nodeId: NodeId, topic: TopicPath): boolean {
    const record = this.#member(nodeId);
    if (record === undefined) return false;
    if (isLeader(record) || matches(this.#grantsOf(record).publish, topic)) return true;
    const owners = this.#ownersAbove(topic);
    if (owners !== undefined) return owners.has(nodeId);
    return matches(this.#grantsOf(this.defaults).publish, topic);
  }

  /** Whether a member may hear all that a pattern matches: it is granted, or below a path of its own. */
  maySubscribe(nodeId: NodeId, pattern: TopicPattern): boolean {
    const record = this.#member(nodeId);
    if (record === undefined) return false;
    if (isLeader(record) || covers(this.#grantsOf(this.defaults).subscribe, pattern)) return true;
    const { subscribe, offer } = this.#grantsOf(record);
    return covers(subscribe, pattern) || covers(offer.map(below), pattern) ||
      covers(record.grants.claimed.flatMap(readPattern).map(below), pattern);
  }

  /**
   * Whether a member may add a name to the zone: below its own name, or one that it was granted.
   * @param name below the zone, in lower case, without a final dot
   */
  mayName(nodeId: NodeId, name: string): boolean {
    const record = this.#member(nodeId);
    if (record === undefined) return false;
    return isLeader(record) || name.endsWith(`.${record.name}`) ||
      [...record.grants.names, ...this.defaults.names].some((granted) => coversName(granted, name));
  }

  /** Whether a member was granted a path by name, by a leader or its token; being the first to ask is not that. */
  isGranted(nodeId: NodeId, path: TopicPath): boolean {
    const record = this.#member(nodeId);
    return record !== undefined && (isLeader(record) || matches(this.#grantsOf(record).offer, path));
  }

  #member(nodeId: NodeId): MemberRecord | undefined {
    return this.#mesh.replica.roster.get(nodeId)?.record;
  }

  #grantsOf(of: MemberRecord | DefaultGrants): ReadGrants {
    const known = this.#read.get(of);
    if (known !== undefined) return known;
    const { offer, publish, subscribe, names } = "grants" in of ? of.grants : of;
    const read = {
      offer: offer.flatMap(readPattern),
      publish: publish.flatMap(readPattern),
      subscribe: subscribe.flatMap(readPattern),
      names,
    };
    this.#read.set(of, read);
    return read;
  }

  #ownedPaths(): ReadonlyMap<string, ReadonlySet<NodeId>> {
    if (this.#owners !== undefined) return this.#owners;
    const records = this.#mesh.replica.roster.liveRecords().toArray();
    const granted = ownersBy(records, ({ offer }) => offer);
    const claimed = ownersBy(records, ({ claimed }) => claimed);
    // Who asked first has nothing any more when a leader has named somebody.
    return this.#owners = new Map([...claimed, ...granted]);
  }

  /** @returns who has the longest path above a topic that is somebody's */
  #ownersAbove(topic: TopicPath): ReadonlySet<NodeId> | undefined {
    const owned = this.#ownedPaths();
    if (owned.size === 0) return undefined;
    let text = topic.toString();
    for (;;) {
      const owners = owned.get(text);
      if (owners !== undefined) return owners;
      const end = text.lastIndexOf("/");
      if (end < 0) return undefined;
      text = text.slice(0, end);
    }
  }
}

const NOBODY: ReadonlySet<NodeId> = new Set();

/** @returns of each path who has it; a pattern gives a right, and takes nobody else's */
function ownersBy(
  records: readonly MemberRecord[],
  paths: (grants: Grants) => readonly string[],
): Map<string, Set<NodeId>> {
  const owners = new Map<string, Set<NodeId>>();
  for (const { nodeId, grants } of records) {
    for (const text of paths(grants)) {
      const path = TopicPath.tryParse(text)?.toString();
      if (path === undefined) continue;
      const nodes = owners.get(path);
      if (nodes === undefined) owners.set(path, new Set([nodeId]));
      else nodes.add(nodeId);
    }
  }
  return owners;
}

function isLeader({ roles }: MemberRecord): boolean {
  return roles.includes("leader");
}

function readPattern(text: string): GrantedTopics[] {
  const isAny = text.startsWith(ANY_NETWORK);
  const pattern = TopicPattern.tryParse(isAny ? text.slice(ANY_NETWORK.length) : text);
  if (pattern === undefined) return [];
  return [{ network: isAny ? undefined : pattern.network, parts: pattern.parts }];
}

function below({ network, parts }: GrantedTopics): GrantedTopics {
  return parts.at(-1)?.kind === "rest"
    ? { network, parts }
    : { network, parts: [...parts, { kind: "rest" }] };
}

function matches(granted: readonly GrantedTopics[], { network, segments }: TopicPath): boolean {
  return granted.some((grant) =>
    (grant.network === undefined || grant.network === network) &&
    partsCover(grant.parts, segments.length, (part, i) =>
      part.kind !== "literal" || part.text === segments[i])
  );
}

/** Whether everything that `pattern` matches is granted by one of these. */
function covers(granted: readonly GrantedTopics[], { network, parts }: TopicPattern): boolean {
  return granted.some((grant) =>
    (grant.network === undefined || grant.network === network) &&
    partsCover(grant.parts, parts.length, (part, i) => {
      const asked = parts[i];
      if (asked?.kind === "rest") return false;
      return part.kind !== "literal" || (asked?.kind === "literal" && asked.text === part.text);
    })
  );
}

/** Whether each of `length` segments is covered by the part of the grant at its place; `rest` covers one or more. */
function partsCover(
  parts: readonly PatternPart[],
  length: number,
  isCovered: (part: PatternPart, i: number) => boolean,
): boolean {
  for (const [i, part] of parts.entries()) {
    if (i >= length) return false;
    if (part.kind === "rest") return true;
    if (!isCovered(part, i)) return false;
  }
  return parts.length === length;
}

/** `*` stands for one label or more, as in the zone. */
function coversName(granted: string, name: string): boolean {
  if (granted === "*") return true;
  return granted.startsWith("*.") ? name.endsWith(granted.slice(1)) : name === granted;
}
