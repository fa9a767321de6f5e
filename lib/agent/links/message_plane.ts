/**
 * The message plane of one node: its links to members, and the messages on them; gossip is the machine of `lib/mesh`.
 * @module
 */

import { Counters, DeadlineTimer, type Environment, sleep, withTimeout } from "../../base/mod.ts";
import type { Channel, HandshakeSetup } from "../../channel/mod.ts";
import {
  decodeMeshMessage,
  encodeMeshMessage,
  Gossip,
  isAboutStatement,
  MESH_TOPIC,
  type MeshMessage,
  type NodeId,
} from "../../mesh/mod.ts";
import { LinkAcceptor, type LinkAcceptorParts } from "./link_acceptor.ts";
import { VersionConflicts } from "./version_conflicts.ts";
import { LinkDialer, type LinkDialerParts } from "./link_dialer.ts";
import { LinkDrains } from "./link_drains.ts";
import { linkPauseMs } from "./link_pace.ts";
import { type Link, LinkTable } from "./link_table.ts";
import { LinkWatch } from "./link_watch.ts";
import {
  decodeRelayHeader,
  LinkRelay,
  type LinkRelayLimits,
  RELAY_TOPIC,
  RELAYED_TOPIC,
  RelayRefusal,
} from "./relay/mod.ts";
import { WorkLimits } from "./work_limits.ts";

/** How long an answer to a ping that was asked for may take. */
const PING_TIMEOUT_MS = 5_000;
/** And one after this host has changed its network. */
const CHECK_MS = 1_000;
/** And when the other end dials although there is a link, which happens when two dials cross, too. */
const LOST_MS = 2_000;

const GOSSIP_COUNTS = ["messages-sent", "messages-received", "items-new", "items-rejected"] as const;
type GossipCount = typeof GOSSIP_COUNTS[number];

/** A message to a leader, or from one. */
export type LeaderMessage = Extract<MeshMessage, { kind: "heartbeat" | "request" | "response" }>;

/** A wish for a path for packets, or where a member may be reached. */
export type PathMessage = Extract<MeshMessage, { kind: "path-call" | "introduction" }>;

/** Who else uses the links. */
export interface LinkObserver {
  /** A channel was made, and nothing has been read from it; whose it is is not known yet. */
  prepare(channel: Channel): void;
  /** It has become the link to a member. */
  handleLink(link: Link): void;
  /** It is a member's, and closes: another link is preferred. What arrives until then is the member's all the same. */
  handleSpareLink(link: Link): void;
  /** A link has ended; another one may have taken its place. */
  handleLinkClosed(nodeId: NodeId): void;
}

/** Who this node is, how it dials and listens, and whom messages are for. */
export interface MessagePlaneParts
  extends
    Environment,
    Omit<LinkAcceptorParts, "setup" | "onLink" | "onConflict">,
    Omit<LinkDialerParts, "setup" | "roster" | "links" | "onChannel" | "onConflict"> {
  /** @returns whether this node connects other members now; leaders do without it */
  isWilling?(): boolean;
  readonly relayLimits?: LinkRelayLimits | undefined;
  /** Finds what seals several records at a time. */
  readonly multiBuffer?: HandshakeSetup["multiBuffer"];
  /** Is shown channels and links; what it attaches to them is its own. */
  readonly services?: LinkObserver | undefined;
  /** A member has sent one of those. */
  onLeaderMessage(nodeId: NodeId, message: LeaderMessage): void;
  /** A member says that its own probes miss somebody. */
  onSuspicion(from: NodeId, about: NodeId): void;
  /** A member wants a path, or introduces another one. */
  onPathMessage(from: NodeId, message: PathMessage): void;
}

/** Keeps links to members, and the replica the same on both ends of each. */
export class MessagePlane {
  readonly links: LinkTable;
  readonly dialer: LinkDialer;
  /** Connects members that can't dial each other. */
  readonly relay: LinkRelay;
  /** Messages of gossip, and what those that have come held. */
  readonly gossipCounts: Counters<GossipCount> = new Counters(GOSSIP_COUNTS);
  /** Members that have no link because they speak other versions. */
  readonly conflicts: VersionConflicts;
  readonly #parts: MessagePlaneParts;
  readonly #acceptor: LinkAcceptor;
  readonly #gossip: Gossip<Link>;
  readonly #gossipTimer: DeadlineTimer;
  readonly #work: WorkLimits;
  readonly #drains: LinkDrains;
  readonly #watch: LinkWatch;
  /** The links on which gossip is being sent. */
  readonly #sending = new Set<Link>();
  #unsubscribe: () => void = () => {};
  #isClosed = false;

  constructor(parts: MessagePlaneParts) {
    this.#parts = parts;
    const { identity, replica, services, random, clock, timers, counters } = parts;
    this.#work = new WorkLimits(clock);
    const { roster } = replica;
    const conflicts = this.conflicts = new VersionConflicts(roster);
    const onConflict = conflicts.note.bind(conflicts);
    this.#drains = new LinkDrains(parts);
    const links = this.links = new LinkTable(identity.id, { drain: this.#drains, clock });
    const isLeader = (): boolean => roster.linkable(identity.id)?.record.roles.includes("leader") ?? false;
    this.relay = new LinkRelay({
      clock,
      timers,
      isWilling: () => parts.isWilling?.() ?? isLeader(),
      isMember: (nodeId) => roster.linkable(nodeId) !== undefined,
      channelTo: (nodeId) => {
        const link = links.get(nodeId);
        // Through one relay and no more: a longer way is somebody's trap.
        return link?.channel.isOpen && link.way.kind !== "relay" ? link.channel : undefined;
      },
      limits: parts.relayLimits,
    });
    const setup: HandshakeSetup = {
      localStatic: identity.privateKey,
      random,
      clock,
      timers,
      counters,
      multiBuffer: parts.multiBuffer,
      prepare: (channel) => {
        this.#prepare(channel);
        services?.prepare(channel);
      },
    };
    this.#gossip = new Gossip(replica, parts);
    this.#gossipTimer = new DeadlineTimer(parts, () => {
      this.#gossip.handleTimeout();
      this.#advanceGossip();
    });
    this.#acceptor = new LinkAcceptor({ ...parts, setup, onConflict, onLink: (link) => this.#addLink(link) });
    this.dialer = new LinkDialer({
      ...parts,
      setup,
      roster,
      links,
      onConflict,
      onChannel: (nodeId, dialled, way) => this.#addLink({ ...dialled, nodeId, dialler: "us", way }),
    });
    this.#watch = new LinkWatch({ ...parts, links, dialer: this.dialer });
  }

  /** Accepts channels and begins to dial. */
  start(): void {
    this.#acceptor.start();
    this.#unsubscribe = this.#parts.replica.subscribe({
      handleRosterEvent: ({ kind, nodeId }) => {
        if (isAboutStatement({ kind })) this.dialer.redial(nodeId);
      },
      handleMembersChange: () => this.#followMembers(),
      handleOwnUpdate: (update) => {
        this.#gossip.push(update);
        this.#advanceGossip();
      },
    });
    this.#followMembers();
    this.#advanceGossip();
  }

  /** Sends something to members with a link: all of them unless `to` says to whom. */
  broadcast(
    message: MeshMessage,
    to: readonly NodeId[] = this.links.all().map(({ nodeId }) => nodeId),
  ): void {
    const body = encodeMeshMessage(message);
    for (const nodeId of to) void this.links.get(nodeId)?.channel.send({ topic: MESH_TOPIC, body });
  }

  /** Sends something to one member, over its link. @returns whether there is one */
  async send(nodeId: NodeId, message: MeshMessage): Promise<boolean> {
    const link = this.links.get(nodeId);
    return await link?.channel.send({ topic: MESH_TOPIC, body: encodeMeshMessage(message) }) ?? false;
  }

  /** Dials a member unless it has a link; one that is closing comes to its end first. @returns whether there is one now */
  async reach(nodeId: NodeId): Promise<boolean> {
    if (nodeId === this.#parts.identity.id) return false;
    const link = this.links.get(nodeId);
    if (link?.channel.isOpen) return true;
    await link?.channel.closed;
    return await this.dialer.dial(nodeId);
  }

  /** This host's addresses have changed: whom it misses, or has no straight link to, is dialled, and links are checked. */
  handleHostChange(): void {
    for (const link of this.links.all()) void this.#watch.check(link, CHECK_MS);
    for (const nodeId of [...this.dialer.missing(), ...this.links.members()]) this.dialer.redial(nodeId);
  }

  /** @returns how far the clocks of linked members are ahead of this one, in milliseconds */
  clockSkews(): ReadonlyMap<NodeId, number> {
    return this.#gossip.clockSkews();
  }

  /**
   * Asks a member for a sign of life, over its link or a new one.
   * @returns milliseconds, or undefined when it has not answered after 5 s
   */
  async ping(nodeId: NodeId): Promise<number | undefined> {
    await this.reach(nodeId);
    const answer = this.links.get(nodeId)?.channel.ping();
    if (answer === undefined) return undefined;
    // Any message keeps a channel alive; here it is the answer that counts.
    return await withTimeout(this.#parts.timers, PING_TIMEOUT_MS, answer);
  }

  /** Accepts nobody any more, and closes all links. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#gossipTimer.set(undefined);
    this.dialer.close();
    const accepted = this.#acceptor.close();
    await this.links.closeAll("this node stops");
    await accepted;
  }

  /** Dials whoever is wanted now, and parts with whoever is no member any more. */
  #followMembers(): void {
    this.dialer.follow();
    const { roster } = this.#parts.replica;
    for (const nodeId of this.links.members()) {
      if (roster.linkable(nodeId) === undefined) this.links.close(nodeId, "you are no member any more");
    }
    for (const link of this.links.all()) this.#pace(link);
  }

  #addLink(link: Link): void {
    const { replica: { roster }, log } = this.#parts;
    const member = roster.linkable(link.nodeId);
    this.conflicts.clear(link.nodeId);
    // It may have been removed while it shook hands.
    if (member === undefined) return link.channel.close("you are no member any more");
    const former = this.links.get(link.nodeId);
    if (!this.links.add(link)) {
      // The other end may use it until it has heard of the one that is kept.
      this.#parts.services?.handleSpareLink(link);
      void this.#receiveToEnd(link, member.record.name);
      // Or it has lost the one that is kept, which this end has not noticed yet.
      if (former !== undefined && link.dialler === "them") void this.#watch.check(former, LOST_MS);
      return;
    }
    const { name } = member.record;
    log.debug("link open", { peer: name, at: link.channel.remoteAddress, dialler: link.dialler });
    if (former !== undefined) this.#gossip.close(former);
    this.dialer.handleLink(link.nodeId);
    this.#pace(link);
    // The end that dialled begins to compare.
    this.#gossip.open(link, link.dialler === "us");
    this.#advanceGossip();
    // For the round trip; the channel itself asks only when it is quiet.
    void link.channel.ping();
    this.#parts.services?.handleLink(link);
    this.#watch.handleLink(link);
    void this.#receiveToEnd(link, name);
  }

  /** How much silence there may be on a link follows from how many links its ends have. */
  #pace({ nodeId, channel }: Link): void {
    const { replica, identity } = this.#parts;
    channel.pingAfter(linkPauseMs(replica, [identity.id, nodeId]));
  }

  /** What others need of a channel before it is known whose it is. */
  #prepare(channel: Channel): void {
    const { roster } = this.#parts.replica;
    this.#drains.prepare(channel);
    const memberAt = () => {
      const record = roster.recordByKey(channel.remoteStatic);
      return record && roster.linkable(record.nodeId) && record.nodeId;
    };
    channel.onStream(RELAY_TOPIC, (stream, header) => {
      const from = memberAt();
      if (from === undefined) stream.reset(RelayRefusal.notMember);
      else this.relay.handleStream(from, header, stream);
    });
    channel.onStream(RELAYED_TOPIC, (stream, header) => {
      const via = memberAt();
      const origin = decodeRelayHeader(header);
      if (via === undefined || origin === undefined) stream.reset(RelayRefusal.malformed);
      else this.#acceptor.acceptRelayed(stream, { via, origin });
    });
  }

  async #receiveToEnd(link: Link, name: string): Promise<void> {
    const { log, services } = this.#parts;
    try {
      await this.#receive(link);
    } catch (error) {
      link.channel.close("cannot receive");
      log.error("cannot receive from a member", { peer: name, error });
    }
    this.#gossip.close(link);
    // Nothing was lost on one that was drained.
    if (!this.#drains.isDrained(link.channel)) services?.handleLinkClosed(link.nodeId);
    log.debug("link closed", { peer: name, reason: link.channel.closeReason ?? "none given" });
  }

  async #receive(link: Link): Promise<void> {
    const { replica, log, timers, onLeaderMessage, onSuspicion, onPathMessage } = this.#parts;
    const spend = this.#work.forLink();
    const gone = new AbortController();
    link.channel.closed.then(() => gone.abort());
    for (;;) {
      const message = await link.channel.receive();
      if (message === undefined) return;
      let work = { changes: 0, items: 0 };
      if (message.topic === MESH_TOPIC) {
        try {
          const decoded = decodeMeshMessage(message.body);
          if (decoded?.kind === "heartbeat" || decoded?.kind === "request" || decoded?.kind === "response") {
            onLeaderMessage(link.nodeId, decoded);
          } else if (decoded?.kind === "suspicion") onSuspicion(link.nodeId, decoded.nodeId);
          else if (decoded?.kind === "path-call" || decoded?.kind === "introduction") {
            onPathMessage(link.nodeId, decoded);
          }
          const { changes, items, rejected, isForged } = this.#gossip.handleMessage(
            this.links.get(link.nodeId) ?? link,
            decoded,
          );
          this.#advanceGossip();
          // Others have it before this node's own parts, which may take long.
          if (changes > 0) replica.deliverEvents();
          work = { changes, items };
          this.gossipCounts.count("messages-received");
          this.gossipCounts.count("items-new", changes);
          this.gossipCounts.count("items-rejected", rejected);
          if (rejected > 0) log.warn("records rejected", { from: link.nodeId, rejected });
          if (isForged) return link.channel.close("a signature is false");
        } catch (error) {
          // The state can't be written; what was sent comes again with the next link.
          log.error("cannot store what a member told", { from: link.nodeId, error });
          return link.channel.close("cannot store it");
        }
      }
      const waitMs = spend(work);
      if (waitMs > 0) await sleep(timers, waitMs, gone.signal);
    }
  }

  /** Sends the gossip that is ready, and follows its timeout, which a message may have brought forward. */
  #advanceGossip(): void {
    for (let link = this.#gossip.pollReady(); link !== undefined; link = this.#gossip.pollReady()) {
      void this.#sendGossip(link);
    }
    if (!this.#isClosed) this.#gossipTimer.set(this.#gossip.pollTimeout());
  }

  /** Sends what waits for one link, at the rate at which its other end reads. */
  async #sendGossip(link: Link): Promise<void> {
    if (this.#sending.has(link)) return;
    this.#sending.add(link);
    const next = () => this.#gossip.pollTransmit(link);
    for (let body = next(); body !== undefined; body = next()) {
      if (!await link.channel.send({ topic: MESH_TOPIC, body })) break;
      this.gossipCounts.count("messages-sent");
    }
    this.#sending.delete(link);
  }
}
