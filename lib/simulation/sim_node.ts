/**
 * One node of a simulation: the agent's own replica, gossip and choice of links, over a simulated network.
 * @module
 */

import { type Clock, type Millis, type StateStore, type UnixMillis, unixMillis } from "../base/mod.ts";
import {
  Gossip,
  isAboutStatement,
  type LinkCandidate,
  linkCandidates,
  LinkChoice,
  type MeshMessage,
  type NetworkIdentity,
  NO_UPDATE,
  type NodeId,
  type NodeIdentity,
  Replica,
  type ReplicaBase,
  signOwnStatement,
} from "../mesh/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import type { LayeredStore } from "./layered_store.ts";
import type { MemoReader } from "./memo_reader.ts";
import type { SimNetwork } from "./sim_network.ts";

/** A link on which nothing arrives for so long is dead, as on a real channel. */
const DEAD_AFTER_MS = 30_000;
const DIAL_TIMEOUT_MS = 4_000;
const MAX_BACKOFF_MS = 30_000;
/** After so many dials without an answer, another member takes the place, for so long. */
const DIALS_BEFORE_ANOTHER = 3;
const UNREACHABLE_MS = 300_000;
/** Changes of the roster are followed together. */
const FOLLOW_MS = 1_000;

/** A message on its way to one or several nodes, which is decoded once for all of them. */
interface Envelope {
  readonly bytes: Uint8Array;
  message: MeshMessage | undefined;
}

/** One end of a link. */
interface LinkEnd {
  readonly nodeId: NodeId;
  readonly peer: SimNode;
  isOpen: boolean;
  other: LinkEnd;
}

/** What all nodes of a simulation share. */
export interface SimWorld {
  readonly network: SimNetwork;
  readonly identity: NetworkIdentity;
  readonly reader: MemoReader;
  /** What all begin with. */
  readonly base: Pick<ReplicaBase, "replica" | "pool">;
  /** Of whom all may choose their links in the beginning. */
  readonly candidates: readonly LinkCandidate[];
  find(nodeId: NodeId): SimNode | undefined;
}

/** A node that runs, or has crashed and keeps what was stored. */
export class SimNode {
  readonly index: number;
  readonly clock: Clock;
  #identity: NodeIdentity;
  readonly #world: SimWorld;
  readonly #store: LayeredStore;
  #skewMs = 0;
  // While it runs.
  #replica: Replica | undefined;
  #gossip: Gossip<LinkEnd> | undefined;
  readonly #links = new Map<NodeId, LinkEnd>();
  readonly #dialling = new Set<NodeId>();
  readonly #unreachable = new Map<NodeId, Millis>();
  #choice: LinkChoice | undefined;
  #wanted: ReadonlySet<NodeId> = new Set();
  /** Grows with every start and crash, so that timers set before come to nothing. */
  #run = 0;
  #timerAt = Infinity;
  #isFollowing = false;
  #haveMembersChanged = true;

  constructor(
    index: number,
    parts: { readonly identity: NodeIdentity; readonly store: LayeredStore; readonly world: SimWorld },
  ) {
    this.index = index;
    this.#identity = parts.identity;
    this.#store = parts.store;
    this.#world = parts.world;
    const { clock } = parts.world.network;
    this.clock = {
      now: () => clock.now(),
      wall: (): UnixMillis => unixMillis(Math.floor(clock.wall() + this.#skewMs)),
    };
  }

  /** Under which keys it goes now. */
  get identity(): NodeIdentity {
    return this.#identity;
  }

  /** What outlives a crash. */
  get store(): StateStore {
    return this.#store;
  }

  /** The nodes to which it has links. */
  get peers(): readonly SimNode[] {
    return [...this.#links.values()].map(({ peer }) => peer);
  }

  get isUp(): boolean {
    return this.#replica !== undefined;
  }

  /** How many links it has. */
  get linkCount(): number {
    return this.#links.size;
  }

  /** What it has taken in. @throws TypeError while it is down */
  get replica(): Replica {
    if (this.#replica === undefined) throw new TypeError(`Node ${this.index} is down`);
    return this.#replica;
  }

  /** Starts, or starts again from what was stored. */
  start(): void {
    const { identity, reader, network } = this.#world;
    const { clock } = this;
    this.#run++;
    const base = { ...this.#world.base, changes: (collection: string) => this.#store.changes(collection) };
    const options = { networkId: identity.id, verifyingKey: identity.verifyingKey, clock, reader, base };
    this.#replica = new Replica(this.#store, options);
    this.#replica.subscribe({
      handleOwnUpdate: (update) => {
        this.#gossip?.push(update);
        this.#send();
      },
      handleRosterEvent: ({ kind, nodeId }) => {
        if (isAboutStatement({ kind })) return;
        this.#haveMembersChanged = true;
        const record = this.replica.roster.liveRecord(nodeId);
        if (record === undefined) this.#choice?.delete(nodeId);
        else this.#choice?.put(record);
      },
      handleMembersChange: () => this.#followSoon(),
    });
    const { encodeUpdate } = reader;
    this.#gossip = new Gossip(this.#replica, { clock, random: network.random, encodeUpdate });
    this.#timerAt = Infinity;
    this.#haveMembersChanged = true;
    this.#setTimer();
    this.#followSoon();
  }

  /** Ends like a power cut: its peers notice by silence alone. */
  crash(): void {
    this.#run++;
    this.#replica = undefined;
    this.#gossip = undefined;
    this.#choice = undefined;
    this.#dialling.clear();
    this.#unreachable.clear();
    this.#isFollowing = false;
    for (const link of this.#links.values()) this.#breakLater(link);
    this.#links.clear();
  }

  /** Goes on under new keys, as an agent does: everything that knew it by the former ones ends. */
  adopt(identity: NodeIdentity): void {
    this.#identity = identity;
    this.#choice = undefined;
    for (const link of [...this.#links.values()]) this.#break(link);
    this.#dialling.clear();
    this.#followSoon();
  }

  /** Sets the wall clock wrong by so much; 0 sets it right. */
  setClock(skewMs: number): void {
    this.#skewMs = skewMs;
    this.#replica?.handleTimeout();
  }

  /** States where it is, if that has changed. */
  stateEndpoints(endpoints: readonly Endpoint[]): void {
    const { roster } = this.replica;
    const previous = roster.get(this.identity.id)?.statement;
    const own = { endpoints, channelEndpoints: endpoints, labels: {} };
    const signed = signOwnStatement(this.identity, own, { clock: this.clock, previous });
    if (signed === undefined) return;
    roster.mergeStatement(signed);
    this.replica.publish({ ...NO_UPDATE, statements: [signed] });
  }

  /** Closes links over ways that are not there any more, when their ends take note of it. */
  noticeSplit(): void {
    for (const link of this.#links.values()) {
      if (!this.#world.network.canReach(this.index, link.peer.index)) this.#breakLater(link);
    }
  }

  #receive(link: LinkEnd, envelope: Envelope): void {
    const gossip = this.#gossip;
    if (gossip === undefined || !link.isOpen) return;
    const message = envelope.message ??= this.#world.reader.message(envelope.bytes);
    const { changes, isForged } = gossip.handleMessage(link, message);
    if (isForged) throw new TypeError("A simulated node has sent a false signature");
    this.#send();
    this.#setTimer();
    if (changes > 0) this.replica.deliverEvents();
  }

  #send(): void {
    const gossip = this.#gossip;
    if (gossip === undefined) return;
    const { network } = this.#world;
    let envelope: Envelope | undefined;
    for (let link = gossip.pollReady(); link !== undefined; link = gossip.pollReady()) {
      const end = link;
      for (let bytes = gossip.pollTransmit(end); bytes !== undefined; bytes = gossip.pollTransmit(end)) {
        // An update is encoded once for all to whom it goes.
        if (envelope?.bytes !== bytes) envelope = { bytes, message: undefined };
        const sent = envelope;
        network.carry(this.index, end.peer.index, sent.bytes, () => {
          if (network.canReach(this.index, end.peer.index)) end.peer.#receive(end.other, sent);
        });
      }
    }
  }

  #setTimer(): void {
    const gossip = this.#gossip;
    if (gossip === undefined || gossip.pollTimeout() >= this.#timerAt) return;
    const { clock, timers } = this.#world.network;
    const at = this.#timerAt = gossip.pollTimeout();
    const run = this.#run;
    timers.schedule(at - clock.now(), () => {
      if (this.#run !== run || this.#timerAt !== at) return;
      this.#timerAt = Infinity;
      gossip.handleTimeout();
      this.#send();
      this.#setTimer();
    });
  }

  #followSoon(): void {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    const run = this.#run;
    const { timers, random } = this.#world.network;
    timers.setTimer(FOLLOW_MS * random.fraction(), () => {
      if (this.#run !== run) return;
      this.#isFollowing = false;
      this.#follow();
    });
  }

  #follow(): void {
    const { roster } = this.replica;
    const now = this.#world.network.clock.now();
    for (const [nodeId, until] of this.#unreachable) if (until <= now) this.#unreachable.delete(nodeId);
    if (this.#haveMembersChanged) {
      this.#haveMembersChanged = false;
      for (const link of [...this.#links.values()]) {
        if (roster.liveRecord(link.nodeId) === undefined) this.#break(link);
      }
    }
    this.#choice ??= this.#newChoice();
    this.#wanted = new Set(this.#choice.wanted(new Set(this.#unreachable.keys())));
    for (const nodeId of this.#wanted) {
      if (this.#links.has(nodeId) || this.#dialling.has(nodeId)) continue;
      this.#dialling.add(nodeId);
      this.#dial(nodeId, 0);
    }
  }

  #newChoice(): LinkChoice {
    const { roster } = this.replica;
    const { candidates } = this.#world;
    return new LinkChoice(this.identity.id, () => {
      // All begin with the same members, of whom there is one list.
      const changed = new Set(roster.changedMembers());
      if (changed.size === 0) return candidates;
      const now = linkCandidates(changed.values().map((nodeId) => roster.liveRecord(nodeId)).filter(isThere));
      return [...candidates.filter(({ nodeId }) => !changed.has(nodeId)), ...now];
    });
  }

  /** @param misses how often nobody has answered */
  #dial(nodeId: NodeId, misses: number): void {
    const { network, find } = this.#world;
    const peer = find(nodeId);
    const run = this.#run;
    const isReachable = peer?.isUp === true && network.canReach(this.index, peer.index);
    network.timers.setTimer(isReachable ? 3 * network.delayMs() : DIAL_TIMEOUT_MS, () => {
      if (this.#run !== run || !this.#dialling.has(nodeId)) return;
      if (this.#links.has(nodeId)) return void this.#dialling.delete(nodeId);
      if (peer?.isUp === true && network.canReach(this.index, peer.index) && this.#knows(peer)) {
        this.#dialling.delete(nodeId);
        return this.#open(peer);
      }
      if (misses + 1 === DIALS_BEFORE_ANOTHER) {
        this.#unreachable.set(nodeId, (network.clock.now() + UNREACHABLE_MS) as Millis);
        this.#followSoon();
      }
      const backoffMs = Math.min(MAX_BACKOFF_MS, 500 * 2 ** misses) * (0.5 + network.random.fraction());
      network.timers.setTimer(backoffMs, () => {
        if (this.#run !== run || !this.#dialling.delete(nodeId)) return;
        if (!this.#wanted.has(nodeId)) return;
        this.#dialling.add(nodeId);
        this.#dial(nodeId, misses + 1);
      });
    });
  }

  /** Whether both take each other for members. */
  #knows(peer: SimNode): boolean {
    return this.replica.roster.liveRecord(peer.identity.id) !== undefined &&
      peer.replica.roster.liveRecord(this.identity.id) !== undefined;
  }

  #open(peer: SimNode): void {
    const here = { nodeId: peer.identity.id, peer, isOpen: true } as LinkEnd;
    const there: LinkEnd = { nodeId: this.identity.id, peer: this, isOpen: true, other: here };
    here.other = there;
    peer.#replace(there);
    this.#replace(here);
    this.#gossip?.open(here, true);
    peer.#gossip?.open(there, false);
    this.#send();
  }

  #replace(end: LinkEnd): void {
    const former = this.#links.get(end.nodeId);
    if (former !== undefined) this.#break(former);
    this.#links.set(end.nodeId, end);
  }

  #breakLater(link: LinkEnd): void {
    this.#world.network.timers.setTimer(DEAD_AFTER_MS, () => this.#break(link));
  }

  #break(link: LinkEnd): void {
    for (const [owner, end] of [[this, link], [link.peer, link.other]] as const) {
      if (!end.isOpen) continue;
      end.isOpen = false;
      owner.#gossip?.close(end);
      if (owner.#links.get(end.nodeId) === end) owner.#links.delete(end.nodeId);
      if (owner.isUp) owner.#followSoon();
    }
  }
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined;
}
