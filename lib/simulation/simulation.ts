/**
 * A whole mesh in one process, under a virtual clock and a seeded network: the same seed gives the same run.
 * @module
 */

import {
  type Environment,
  equalBytes,
  type UnixMillis,
  unixMillis,
  VirtualClock,
  VirtualTimers,
} from "../base/mod.ts";
import {
  Admission,
  BucketPool,
  generateNetwork,
  linkCandidates,
  type MemberRecord,
  type NetworkIdentity,
  NO_GRANTS,
  NO_UPDATE,
  type NodeId,
  NodeIdentity,
  type RecordEntry,
  Replica,
  rotationTo,
  signOwnStatement,
  signRecord,
  TokenBook,
} from "../mesh/mod.ts";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { Invariants } from "./invariants.ts";
import { type BaseState, LayeredStore } from "./layered_store.ts";
import { MemoReader } from "./memo_reader.ts";
import { Dice, SimNetwork, type Traffic, type WayConditions } from "./sim_network.ts";
import { SimNode, type SimWorld } from "./sim_node.ts";

/** When the virtual time is 0: 2025-01-01. */
const WALL_START_MS = 1_735_689_600_000;
const RECORD_LIFETIME_MS = 90 * 86_400_000;
/** A real channel loses nothing of what says that a leader has new keys. */
const ADOPTION_BOUND_MS = 60_000;
/** How often it is checked whether all agree. */
const CHECK_MS = 250;

/** Nodes have addresses by their numbers. */
const NO_ADDRESSES: ConstructorParameters<typeof Admission>[0]["addresses"] = {
  slices: [],
  allocate: () => {
    throw new RangeError("Cannot allocate an address: nodes have them by their numbers");
  },
  allocateSpecific: () => {},
  release: () => true,
  setSlices: () => {},
  cutSlice: () => undefined,
};

/** How large the mesh is, and how bad its network. */
export interface SimulationOptions {
  readonly nodes: number;
  /** Everything that happens follows from it. */
  readonly seed: number;
  /** How many of the nodes are leaders; 3 when absent. */
  readonly leaders?: number;
  readonly conditions?: Partial<WayConditions>;
  /** Called with how far the preparation has come, 0 to 1. */
  readonly onProgress?: ((part: number) => void) | undefined;
}

/** Nodes that know each other from the beginning, and what a scenario does to them. */
export class Simulation {
  readonly seed: number;
  readonly nodes: readonly SimNode[];
  readonly #nodes: SimNode[] = [];
  readonly #byId = new Map<NodeId, SimNode>();
  readonly #clock = new VirtualClock(WALL_START_MS);
  readonly #timers = new VirtualTimers(this.#clock);
  readonly #random: Dice;
  readonly #network: SimNetwork;
  readonly #identity: ReturnType<typeof generateNetwork>;
  readonly #reader = new MemoReader();
  readonly #world: SimWorld;
  readonly #base: BaseState;
  readonly #invariants: Invariants;
  /** By the ids under which they were removed. */
  readonly #removed = new Map<NodeId, SimNode>();
  #changes = 0;

  constructor({ nodes, seed, leaders = 3, conditions = {}, onProgress = () => {} }: SimulationOptions) {
    this.seed = seed;
    this.#random = new Dice(seed);
    this.#network = new SimNetwork({ clock: this.#clock, timers: this.#timers, random: this.#random }, {
      loss: 0,
      minDelayMs: 5,
      maxDelayMs: 100,
      ...conditions,
    });
    this.#identity = generateNetwork(this.#random);
    this.#invariants = new Invariants(this.#identity.verifyingKey);
    const store = new LayeredStore();
    const { id: networkId, verifyingKey } = this.#identity;
    const clock = { now: () => this.#clock.now(), wall: () => this.#wall() };
    const options = { networkId, verifyingKey, clock, reader: this.#reader };
    const first = new Replica(store, options);
    const identities: NodeIdentity[] = [];
    for (let i = 0; i < nodes; i++) {
      const identity = NodeIdentity.generate(this.#random);
      identities.push(identity);
      first.roster.merge(this.#sign(this.#recordOf(i, identity, i < leaders)));
      const endpoints = [this.#newEndpoint()];
      const own = { endpoints, channelEndpoints: endpoints, labels: {} };
      const statement = signOwnStatement(identity, own, { clock, previous: undefined });
      if (statement !== undefined) {
        first.roster.mergeStatement(this.#reader.vouch(statement, identity.signingKey.verifyingKey));
      }
      onProgress((i + 1) / nodes / 2);
    }
    this.#base = store.asBase();
    const replica = new Replica(store, options);
    this.#world = {
      network: this.#network,
      identity: this.#identity,
      reader: this.#reader,
      base: { replica, pool: new BucketPool() },
      candidates: linkCandidates(replica.roster.liveRecords()),
      find: (nodeId) => this.#byId.get(nodeId),
    };
    identities.forEach((identity, i) => {
      this.#add(identity).start();
      onProgress(0.5 + (i + 1) / nodes / 2);
    });
    this.nodes = this.#nodes;
  }

  /** Milliseconds of virtual time since the beginning. */
  get nowMs(): number {
    return this.#clock.now();
  }

  /** Time and chance, for what runs on the nodes. */
  get environment(): Pick<Environment, "clock" | "timers" | "random"> {
    return { clock: this.#clock, timers: this.#timers, random: this.#random };
  }

  /** The network with its key, which leaders have. */
  get identity(): NetworkIdentity {
    return this.#identity;
  }

  get traffic(): Traffic {
    return this.#network.traffic;
  }

  /** The nodes that run and were not removed. */
  get members(): readonly SimNode[] {
    const isMember = this.#membership();
    return this.#nodes.filter(isMember);
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.#timers.advance(ms);
  }

  /** Whether these know exactly the same; all members when absent. */
  isConverged(nodes?: readonly SimNode[]): boolean {
    const wall = this.#wall();
    const isMember = nodes === undefined ? this.#membership() : () => true;
    let first: Uint8Array | undefined;
    for (const node of nodes ?? this.#nodes) {
      if (!node.isUp) continue;
      const digest = node.replica.versions.digest(wall);
      // Who was removed is asked for last: most know the same.
      if (first !== undefined && !equalBytes(digest, first) && isMember(node)) return false;
      if (first === undefined && isMember(node)) first = digest;
    }
    return true;
  }

  /** @returns after how many milliseconds all members knew the same, or undefined when they did not within the bound */
  untilConverged(boundMs: number): number | undefined {
    return this.until(boundMs, () => this.isConverged());
  }

  /** @returns after how many milliseconds `condition` held, or undefined when it did not within the bound */
  until(boundMs: number, condition: () => boolean): number | undefined {
    const start = this.nowMs;
    while (!condition()) {
      if (this.nowMs - start >= boundMs) return undefined;
      this.advance(CHECK_MS);
    }
    return this.nowMs - start;
  }

  /** @returns a member that runs, drawn by lot */
  pick(): SimNode {
    const isMember = this.#membership();
    if (!this.#nodes.some(isMember)) throw new RangeError("Cannot pick a node: none runs");
    for (;;) {
      const node = this.#nodes[this.#random.below(this.#nodes.length)] as SimNode;
      if (isMember(node)) return node;
    }
  }

  /** Lets a node state a new endpoint. */
  move(node: SimNode): void {
    node.stateEndpoints([this.#newEndpoint()]);
  }

  /** Lets a leader admit a new node, which starts with what all knew in the beginning. @returns it */
  admit(): SimNode {
    const identity = NodeIdentity.generate(this.#random);
    const record = this.#sign(this.#recordOf(this.#nodes.length, identity, false));
    const leader = this.#leader();
    const node = this.#add(identity);
    node.start();
    for (const { replica } of [leader, node]) replica.roster.merge(record);
    leader.replica.publish({ ...NO_UPDATE, records: [record] });
    this.move(node);
    return node;
  }

  /**
   * Lets a leader remove a member for ever.
   * @param id under which it is known there, which may not be its latest
   */
  revoke(node: SimNode, leader: SimNode = this.#leader(), id: NodeId = node.identity.id): void {
    const known = leader.replica.roster.recordById(id);
    const revoked = known && this.#admission(leader).revoke(known.publicKey);
    if (revoked === undefined) {
      throw new RangeError(`Cannot remove node ${node.index}: its leader does not know it`);
    }
    this.#removed.set(id, node);
    this.#publish(leader, [revoked]);
  }

  /**
   * Lets a leader give a member new keys, which the member adopts as soon as somebody else knows them; time passes until
   * then.
   * @returns whether the leader does so
   */
  rotate(node: SimNode, leader: SimNode = this.#leader()): boolean {
    const { id } = node.identity;
    const next = NodeIdentity.generate(this.#random);
    const known = leader.replica.roster.get(id)?.record;
    const both = known && this.#admission(leader).rotate(known, rotationTo(id, next));
    if (typeof both !== "object" || "retryAfterMs" in both) return false;
    this.#publish(leader, both);
    for (const { signed } of both) node.replica.roster.merge(signed);
    const isKnown = () =>
      this.#nodes.some((other) =>
        other !== node && other.isUp && this.#network.canReach(node.index, other.index) &&
        other.replica.roster.get(next.id) !== undefined
      );
    this.until(ADOPTION_BOUND_MS, isKnown);
    this.#byId.set(next.id, node);
    node.adopt(next);
    node.replica.deliverEvents();
    this.move(node);
    return true;
  }

  /**
   * What must hold on every member, and does not.
   * @param hasConverged whether all know the same; then nobody that was removed is anybody's peer any more
   * @returns one line each
   */
  violations(hasConverged: boolean): string[] {
    const removed = hasConverged ? [...this.#removed] : [];
    // Most nodes hold the same, which is looked at once.
    const known = new Map<string, readonly string[]>();
    return this.members.flatMap((node) => {
      const { replica: { roster, versions }, clock } = node;
      const held = `${versions.digest(clock.wall()).toHex()} ${roster.liveCount}`;
      const found = [...known.get(held) ?? this.#invariants.violationsOf(roster)];
      if (!known.has(held)) known.set(held, [...found]);
      for (const [id, gone] of removed) {
        const isThere = [id, gone.identity.id].some((id) => roster.get(id) !== undefined);
        if (isThere) found.push(`node ${gone.index} was removed and is a member`);
        if (node.peers.includes(gone)) found.push(`node ${gone.index} was removed and has a link`);
      }
      return found.map((what) => `node ${node.index}: ${what}`);
    });
  }

  /** Whether a node leads, as it takes itself. */
  isLeader(node: SimNode): boolean {
    return node.replica.roster.get(node.identity.id)?.record.roles.includes("leader") ?? false;
  }

  /** Cuts the network in two, the first nodes and the rest; members notice as they would. */
  split(first: number): void {
    this.splitBy((index) => index < first ? 0 : 1);
  }

  /** Cuts the network into parts: nodes of which `sideOf` says the same stay together. */
  splitBy(sideOf: (index: number) => number): void {
    this.#network.split(sideOf);
    for (const node of this.#nodes) node.noticeSplit();
  }

  heal(): void {
    this.#network.heal();
  }

  /** @returns whether a node runs and was not removed, as one that runs has it */
  #membership(): (node: SimNode) => boolean {
    const witness = this.#nodes.find(({ isUp }) => isUp);
    return (node) => node.isUp && witness?.replica.roster.isRevoked(node.identity.publicKey) === false;
  }

  #leader(): SimNode {
    const leader = this.#nodes.find((node) => node.isUp && this.isLeader(node));
    if (leader === undefined) throw new RangeError("No leader runs");
    return leader;
  }

  #admission({ store, replica: { roster }, clock }: SimNode): Admission {
    return new Admission({
      store,
      roster,
      clock,
      network: this.#identity,
      tokens: new TokenBook(store, { random: this.#random, clock }),
      addresses: NO_ADDRESSES,
    });
  }

  #publish({ replica }: SimNode, entries: readonly RecordEntry[]): void {
    const records = entries.map(({ signed }) => this.#reader.vouch(signed, this.#identity.verifyingKey));
    replica.publish({ ...NO_UPDATE, records });
  }

  #add(identity: NodeIdentity): SimNode {
    const store = new LayeredStore(this.#base);
    const node = new SimNode(this.#nodes.length, { identity, store, world: this.#world });
    this.#nodes.push(node);
    this.#byId.set(identity.id, node);
    return node;
  }

  #recordOf(index: number, identity: NodeIdentity, isLeader: boolean): MemberRecord {
    return {
      networkId: this.#identity.id,
      nodeId: identity.id,
      name: `node-${index}`,
      publicKey: identity.publicKey,
      verifyingKey: identity.signingKey.verifyingKey,
      addresses: [IpAddress.fromBytes(Uint8Array.of(10, 200, (index + 1) >> 8, (index + 1) & 255))],
      allowedIps: [],
      labels: {},
      grants: NO_GRANTS,
      roles: isLeader ? ["leader", "member"] : ["member"],
      version: 1,
      issuedAt: this.#wall(),
      expiresAt: unixMillis(this.#wall() + RECORD_LIFETIME_MS),
      revoked: false,
    };
  }

  #sign(record: MemberRecord): ReturnType<typeof signRecord> {
    const { signingKey, verifyingKey } = this.#identity;
    return this.#reader.vouch(signRecord(record, signingKey), verifyingKey);
  }

  /** Of 198.18.0.0/15, which is for tests (RFC 2544). */
  #newEndpoint(): Endpoint {
    const number = this.#changes++;
    const bytes = Uint8Array.of(198, 18 + ((number >> 16) & 1), (number >> 8) & 255, number & 255);
    return new Endpoint(IpAddress.fromBytes(bytes), 51820);
  }

  #wall(): UnixMillis {
    return unixMillis(Math.floor(this.#clock.wall()));
  }
}
