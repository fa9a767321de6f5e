/**
 * What members may do, as the network's key has said: by their records, and by what all may.
 * @module
 */

import {
  decodeDefaultGrants,
  DEFAULT_GRANTS_KEY,
  type DefaultGrants,
  GRANT_ENTRY_KIND,
  isAboutStatement,
  type MemberRecord,
  type MeshState,
  type NodeId,
  USUAL_GRANTS,
} from "../../mesh/mod.ts";
import { OwnedPaths } from "./owned_paths.ts";
import { serviceLabel } from "../../dns/mod.ts";
import {
  belowGrant,
  grantsPattern,
  grantsTopic,
  readTopicGrant,
  type TopicGrant,
  TopicPath,
  type TopicPattern,
} from "../../service/mod.ts";

/** Every node has the services whose paths begin so, and nobody is given them. */
const BUILT_IN = "$";

/** What one record grants, or all may do, taken apart. */
interface ReadGrants {
  readonly offer: readonly TopicGrant[];
  /** What is below the paths that were granted, and below those that were claimed. */
  readonly own: readonly TopicGrant[];
  readonly claimed: readonly TopicGrant[];
  readonly publish: readonly TopicGrant[];
  readonly subscribe: readonly TopicGrant[];
  readonly names: readonly string[];
}

/**
 * Answers what a member may do. A path that was given to somebody by name, or claimed, is that member's own: nobody else
 * offers it or publishes below it without a grant for that. A leader may do everything, since it could grant it to itself.
 */
export class Authority {
  readonly #mesh: Pick<MeshState, "replica" | "network">;
  readonly #read = new WeakMap<object, ReadGrants>();
  /** Who has which path by name; made when it is first asked for, and kept up since. */
  #owners: OwnedPaths | undefined;
  #defaults: DefaultGrants | undefined;
  /** What was answered last: events of one member and topic come one behind the other. Forgotten when a right changes. */
  #lastPublish:
    | { readonly record: MemberRecord; readonly topic: TopicPath; readonly may: boolean }
    | undefined;
  readonly #observers = new Set<RightsObserver>();
  readonly #unsubscribe: () => void;

  constructor(mesh: Pick<MeshState, "replica" | "network">) {
    this.#mesh = mesh;
    this.#unsubscribe = mesh.replica.subscribe({
      handleRosterEvent: ({ kind, nodeId }) => {
        if (!isAboutStatement({ kind })) this.#followMember(nodeId);
      },
      handleEntryEvent: ({ kind }) => {
        if (kind !== GRANT_ENTRY_KIND) return;
        this.#defaults = undefined;
        this.#lastPublish = undefined;
        for (const observer of this.#observers) observer(undefined);
      },
    });
  }

  /** Follows nothing any more. */
  close(): void {
    this.#unsubscribe();
  }

  /** Calls back when what a member may offer or hear has changed. @returns a function that ends that */
  observe(observer: RightsObserver): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
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
    if (record === undefined || path.service.startsWith(BUILT_IN)) return false;
    return isLeader(record) || this.ownersOf(path).has(nodeId) ||
      grantsTopic(this.#grantsOf(record).offer, path) ||
      grantsTopic(this.#grantsOf(this.defaults).offer, path);
  }

  /**
   * Whether a leader may let this member have a path: it is nobody's, and not below a path of somebody else, where it would
   * be a topic of that one.
   */
  mayClaim(nodeId: NodeId, path: TopicPath): boolean {
    if (!this.defaults.claims || this.#member(nodeId) === undefined || path.service.startsWith(BUILT_IN)) {
      return false;
    }
    const owners = this.ownersAbove(path);
    return (owners.size === 0 || owners.has(nodeId)) && !this.#hasNamesake(nodeId, path);
  }

  /** Who was given a path by name, or was the first to ask for it. */
  ownersOf(path: TopicPath): ReadonlySet<NodeId> {
    return this.#ownedPaths().of(path) ?? NOBODY;
  }

  /** Who has the longest path that is a topic's own, or above it. */
  ownersAbove(topic: TopicPath): ReadonlySet<NodeId> {
    return this.#ownedPaths().above(topic) ?? NOBODY;
  }

  /**
   * Whether a member's subscriptions count among those of a service: it may offer the service, or nobody has it.
   * @param group the service's path, or any other text
   */
  mayJoinGroup(nodeId: NodeId, group: string): boolean {
    const owned = this.#ownedPaths();
    if (owned.isEmpty || group === "") return true;
    const path = TopicPath.tryParse(group);
    const owners = path && owned.of(path);
    return path === undefined || owners === undefined || owners.has(nodeId) || this.mayOffer(nodeId, path);
  }

  /** Whether a member may publish to a topic: it is granted, below a path of its own, or nobody's. */
  mayPublish(nodeId: NodeId, topic: TopicPath): boolean {
    const record = this.#member(nodeId);
    if (record === undefined) return false;
    const last = this.#lastPublish;
    // A right that changes with a record is another record's.
    if (last !== undefined && last.record === record && last.topic === topic) return last.may;
    const may = this.#isPublisher(record, topic);
    this.#lastPublish = { record, topic, may };
    return may;
  }

  #isPublisher(record: MemberRecord, topic: TopicPath): boolean {
    if (isLeader(record) || grantsTopic(this.#grantsOf(record).publish, topic)) return true;
    const owners = this.#ownedPaths().above(topic);
    if (owners !== undefined) return owners.has(record.nodeId);
    return grantsTopic(this.#grantsOf(this.defaults).publish, topic);
  }

  /** Whether a member may hear all that a pattern matches: it is granted, or below a path of its own. */
  maySubscribe(nodeId: NodeId, pattern: TopicPattern): boolean {
    const record = this.#member(nodeId);
    if (record === undefined) return false;
    if (isLeader(record) || grantsPattern(this.#grantsOf(this.defaults).subscribe, pattern)) return true;
    const { subscribe, own, claimed } = this.#grantsOf(record);
    if (grantsPattern(subscribe, pattern) || grantsPattern(own, pattern)) return true;
    // Whoever claims what is above a path of somebody else does not hear that one's topics.
    return grantsPattern(claimed, pattern) && !this.#ownedPaths().isOthersWithin(nodeId, pattern);
  }

  /** @returns what decides about what a member may hear, but for the paths of others: another text when it has changed */
  hearingRights(nodeId: NodeId): string {
    const record = this.#member(nodeId);
    if (record === undefined) return "";
    const { offer, subscribe, claimed } = record.grants;
    return JSON.stringify([isLeader(record), offer, subscribe, claimed, this.defaults.subscribe]);
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
    return record !== undefined && (isLeader(record) || grantsTopic(this.#grantsOf(record).offer, path));
  }

  /** Whether somebody else's path would have the same names in the zone: `a/b` and `a-b`, `Math` and `math`. */
  #hasNamesake(nodeId: NodeId, path: TopicPath): boolean {
    const label = serviceLabel(path.segments);
    if (label === undefined) return false;
    return this.#ownedPaths().isElsewhere(
      nodeId,
      (other) =>
        other.network === path.network && serviceLabel(other.segments) === label &&
        other.toString() !== path.toString(),
    );
  }

  #member(nodeId: NodeId): MemberRecord | undefined {
    return this.#mesh.replica.roster.liveRecord(nodeId);
  }

  #grantsOf(of: MemberRecord | DefaultGrants): ReadGrants {
    const known = this.#read.get(of);
    if (known !== undefined) return known;
    const { offer, publish, subscribe, names } = "grants" in of ? of.grants : of;
    const claimed = "grants" in of ? of.grants.claimed : [];
    const offered = offer.flatMap(readTopicGrant);
    const read = {
      offer: offered,
      own: offered.map(belowGrant),
      claimed: claimed.flatMap(readTopicGrant).map(belowGrant),
      publish: publish.flatMap(readTopicGrant),
      subscribe: subscribe.flatMap(readTopicGrant),
      names,
    };
    this.#read.set(of, read);
    return read;
  }

  #ownedPaths(): OwnedPaths {
    return this.#owners ??= new OwnedPaths(this.#mesh.replica.roster.liveRecords());
  }

  #followMember(nodeId: NodeId): void {
    this.#lastPublish = undefined;
    const changed = this.#owners?.set(nodeId, this.#member(nodeId)?.grants) ?? NOBODY;
    for (const observer of this.#observers) {
      observer(nodeId);
      for (const claimant of changed) if (claimant !== nodeId) observer(claimant);
    }
  }
}

/** Is told whose rights have changed; undefined stands for everybody's. */
export type RightsObserver = (nodeId: NodeId | undefined) => void;

const NOBODY: ReadonlySet<NodeId> = new Set();

function isLeader({ roles }: MemberRecord): boolean {
  return roles.includes("leader");
}

/** `*` stands for one label or more, as in the zone. */
function coversName(granted: string, name: string): boolean {
  if (granted === "*") return true;
  return granted.startsWith("*.") ? name.endsWith(granted.slice(1)) : name === granted;
}
