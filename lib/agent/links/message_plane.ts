/**
 * The message plane of one node: whom it listens to, whom it dials, and what they tell each other.
 * @module
 */

import {
  type ByteStream,
  type Counters,
  type Environment,
  type Millis,
  sleep,
  TokenBucket,
} from "../../base/mod.ts";
import {
  acceptChannel,
  type Authorization,
  type Channel,
  type ChannelDropReason,
  type HandshakeSetup,
} from "../../channel/mod.ts";
import { PresharedKey, type PublicKey } from "../../crypto/mod.ts";
import {
  decodeHello,
  decodeMeshMessage,
  encodeMeshMessage,
  Gossip,
  type MemberRecord,
  MESH_TOPIC,
  type MeshMessage,
  type NetworkId,
  NO_UPDATE,
  type NodeId,
  type NodeIdentity,
  type Replica,
  type ReplicaUpdate,
} from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { AcceptedStream, StreamListener } from "../../transport/mod.ts";
import type { Link } from "./link.ts";
import { LinkDialer, type ProbeOutcome } from "./link_dialer.ts";
import { LinkTable } from "./link_table.ts";
import { FairSlots, originOf } from "./fair_slots.ts";

/** Handshakes with strangers under way at the same time; a further one takes the place of another. */
const MAX_STRANGERS = 64;
/** Machines with a token that are served at the same time; a further one takes the place of another. */
const MAX_JOINS = 64;
/** How long an answer to a ping that was asked for may take. */
const PING_TIMEOUT_MS = 5_000;
/** What a member may make this node do, in about milliseconds: a roster of thousands, then a fifth of the time. */
const TOLD_LIMITS = { burst: 2_000, perSecond: 200 };
const MESSAGE_COST = 1;
/** A signature and a write. */
const NEWS_COST = 1;
/** Reading what was known. */
const ITEM_COST = 0.02;
const NOTHING = new Uint8Array(0);

/** What the message plane works with. */
export interface MessagePlaneParts extends Environment {
  readonly identity: NodeIdentity;
  readonly networkId: NetworkId;
  readonly replica: Replica;
  readonly listener: StreamListener;
  readonly counters: Counters<ChannelDropReason>;
  /** Dials the message plane of somebody. */
  dial(endpoint: Endpoint, signal: AbortSignal): Promise<ByteStream | undefined>;
  /** Which of the endpoints that a member states are worth a try, the best first. */
  candidates(stated: readonly Endpoint[], nodeId: NodeId): Endpoint[];
  /** The preshared key of whoever may join with this token; undefined when nobody may, or only elsewhere. */
  tokenKey(tokenId: string, publicKey: PublicKey): PresharedKey | undefined;
  /** Serves a machine that holds a token, and closes the channel in the end. */
  serveJoin(channel: Channel, tokenId: string, source: Endpoint): Promise<void>;
  /** The roster may have changed. */
  onRosterChange(): void;
  /** A member whose record has expired calls. @returns whether it was renewed, which only leaders can */
  renew(record: MemberRecord): boolean;
  /** Hears of channels and links; what it attaches to them is its own. */
  readonly services?: LinkObserver | undefined;
  /** A member says something that is for leaders, or from one. */
  onMessage(nodeId: NodeId, message: LeaderMessage): void;
  /** A member says that its own probes miss somebody. */
  onSuspicion(from: NodeId, about: NodeId): void;
}

/** Who else uses the links. */
export interface LinkObserver {
  /** A channel was made, and nothing has been read from it; whose it is is not known yet. */
  prepare(channel: Channel): void;
  /** It has become the link to a member. */
  handleLink(link: Link): void;
  /** A link has ended; another one may have taken its place. */
  handleLinkClosed(nodeId: NodeId): void;
}

/** What is said to or by leaders. */
export type LeaderMessage = Extract<MeshMessage, { kind: "heartbeat" | "request" | "response" }>;

type Guest =
  | { readonly kind: "join"; readonly tokenId: string }
  | { readonly kind: "member"; readonly nodeId: NodeId }
  | { readonly kind: "removed"; readonly nodeId: NodeId };

/** Keeps links to members, and the roster the same on both ends of each. */
export class MessagePlane {
  readonly links: LinkTable;
  readonly #parts: MessagePlaneParts;
  readonly #setup: HandshakeSetup;
  readonly #gossip: Gossip<Link>;
  readonly #sending = new Set<Link>();
  #roundAt: Millis | undefined;
  #cancelRound: () => void = () => {};
  readonly #dialer: LinkDialer;
  #accepting: Promise<void> | undefined;
  readonly #joins = new Set<Channel>();
  readonly #stop = new AbortController();
  readonly #strangers = new FairSlots(MAX_STRANGERS);
  readonly #joiners = new FairSlots(MAX_JOINS);

  constructor(parts: MessagePlaneParts) {
    this.#parts = parts;
    this.links = new LinkTable(parts.identity.id);
    const { identity, random, clock, timers, counters } = parts;
    this.#gossip = new Gossip(parts.replica, { clock, random });
    const { services } = parts;
    this.#setup = {
      localStatic: identity.privateKey,
      random,
      clock,
      timers,
      counters,
      ...(services === undefined ? {} : { prepare: (channel) => services.prepare(channel) }),
    };
    this.#dialer = new LinkDialer({
      ...parts,
      roster: parts.replica.roster,
      setup: this.#setup,
      links: this.links,
      onChannel: (nodeId, channel) => this.#addLink({ nodeId, channel, dialler: "us" }),
    });
  }

  /** Accepts channels and begins to dial. */
  start(): void {
    this.#accepting = this.#acceptStreams();
    this.followRoster();
    this.#keepComparing();
  }

  /** Dials whoever is wanted now, and parts with whoever is no member any more. */
  followRoster(): void {
    if (this.#stop.signal.aborted) return;
    this.#dialer.follow();
    const { roster } = this.#parts.replica;
    for (const { nodeId } of this.links.all()) {
      if (roster.linkable(nodeId) === undefined) this.links.close(nodeId, "you are no member any more");
    }
  }

  /** Dials a member again at once, for it has said where it is. */
  redial(nodeId: NodeId): void {
    this.#dialer.redial(nodeId);
  }

  /** @returns the members that this node would have links to, and has none, leaders first */
  missing(): NodeId[] {
    return this.#dialer.missing();
  }

  /** Tries a member at a place where it may be or not, once, unless it has a link. */
  async probe(nodeId: NodeId, place: Endpoint): Promise<ProbeOutcome> {
    return await this.#dialer.probe(nodeId, place, this.#stop.signal);
  }

  /** Sends something to all members with a link. */
  broadcast(message: MeshMessage): void {
    const body = encodeMeshMessage(message);
    for (const { channel } of this.links.all()) void channel.send({ topic: MESH_TOPIC, body });
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
    return await this.#dialer.dial(nodeId, this.#stop.signal);
  }

  /** Tells others what this node has changed; they tell theirs. */
  tell(news: ReplicaUpdate): void {
    this.#gossip.push(news);
    this.#sendReady();
  }

  /** @returns how far the clocks of linked members are ahead of this one, in milliseconds */
  clockSkewsMs(): readonly number[] {
    return this.#gossip.clockSkewsMs();
  }

  /** @returns whether a dial to the member is under way */
  isDialling(nodeId: NodeId): boolean {
    return this.#dialer.isDialling(nodeId);
  }

  /**
   * Asks a member for a sign of life, over its link or a new one.
   * @returns milliseconds, or undefined when it has not answered after 5 s
   */
  async ping(nodeId: NodeId): Promise<number | undefined> {
    await this.reach(nodeId);
    const answer = this.links.get(nodeId)?.channel.ping();
    if (answer === undefined) return undefined;
    // A channel lives on whatever is said on it; this one asks for the answer.
    const late = Promise.withResolvers<undefined>();
    const cancelTimer = this.#parts.timers.setTimer(PING_TIMEOUT_MS, () => late.resolve(undefined));
    return await Promise.race([answer, late.promise]).finally(cancelTimer);
  }

  /** Accepts nobody any more, and closes all links. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#cancelRound();
    this.#dialer.close();
    this.#parts.listener.close();
    for (const channel of this.#joins) channel.close("this node stops");
    await this.links.closeAll("this node stops");
    // Until then the port is in use, and the node may be about to open it anew.
    await this.#accepting;
  }

  async #acceptStreams(): Promise<void> {
    for (;;) {
      const accepted = await this.#parts.listener.accept();
      if (accepted === undefined) return;
      const { stream, source } = accepted;
      const leave = this.#strangers.enter(originOf(source), () => stream.close());
      this.#welcome(accepted).catch((error) => {
        stream.close();
        this.#parts.log.error("cannot welcome a stranger", { from: source.toString(), error });
      }).finally(leave);
    }
  }

  /** Ends when the stranger has become a guest or was sent away. */
  async #welcome({ stream, source }: AcceptedStream): Promise<void> {
    const accepted = await acceptChannel<Guest>(stream, {
      ...this.#setup,
      authorize: (hello, remoteStatic) => this.#authorize(hello, remoteStatic),
    });
    if (accepted === undefined) return;
    const { channel, context } = accepted;
    if (this.#stop.signal.aborted) return channel.close("this node stops");
    if (context.kind === "removed") {
      // Nobody told it while it was away: it gets the record that says so, and nothing else.
      const { roster } = this.#parts.replica;
      // Unless it goes on under another key: then it may hear that too.
      const successor = roster.recordById(context.nodeId)?.successor;
      const records = [successor, context.nodeId].map((nodeId) => nodeId && roster.signedRecord(nodeId));
      const update = { ...NO_UPDATE, records: records.filter((record) => record !== undefined) };
      await channel.send({ topic: MESH_TOPIC, body: encodeMeshMessage({ kind: "roster-update", update }) });
      return channel.close("you are no member any more");
    }
    if (context.kind === "member") {
      this.#addLink({ nodeId: context.nodeId, channel, dialler: "them" });
      return;
    }
    const leave = this.#joiners.enter(context.tokenId, () => channel.close("too many at once"));
    this.#joins.add(channel);
    channel.closed.then(() => {
      this.#joins.delete(channel);
      leave();
    });
    this.#parts.serveJoin(channel, context.tokenId, source).catch((error) => {
      channel.close("cannot serve it");
      this.#parts.log.error("cannot serve a join", { from: source.toString(), error });
    });
  }

  #authorize(helloBytes: Uint8Array, remoteStatic: PublicKey): Authorization<Guest> | undefined {
    const { networkId, replica: { roster }, tokenKey } = this.#parts;
    const hello = decodeHello(helloBytes);
    if (hello === undefined) return undefined;
    if (hello.kind === "join") {
      const presharedKey = tokenKey(hello.tokenId, remoteStatic);
      return presharedKey && { presharedKey, reply: NOTHING, context: hello };
    }
    const record = roster.recordByKey(remoteStatic);
    if (hello.networkId !== networkId || record?.nodeId !== hello.nodeId) return undefined;
    // A device without weft has nothing to say here, and nothing to hear.
    if (record.verifyingKey === undefined) return undefined;
    const proven = { presharedKey: PresharedKey.none(), reply: NOTHING };
    const { nodeId } = hello;
    if (record.revoked) return { ...proven, context: { kind: "removed", nodeId } as const };
    const isLinkable = roster.linkable(nodeId) !== undefined || this.#parts.renew(record);
    return isLinkable ? { ...proven, context: hello } : undefined;
  }

  #addLink(link: Link): void {
    const { replica: { roster }, log } = this.#parts;
    const member = roster.linkable(link.nodeId);
    // It may have been removed while it shook hands.
    if (member === undefined) return link.channel.close("you are no member any more");
    if (!this.links.add(link)) return;
    const { name } = member.record;
    log.debug("link open", { peer: name, at: link.channel.remoteAddress, dialler: link.dialler });
    this.#dialer.handleLink(link.nodeId);
    this.#gossip.open(link, link.dialler === "us");
    this.#sendReady();
    // For the round trip; the channel itself asks only when it is quiet.
    void link.channel.ping();
    this.#parts.services?.handleLink(link);
    this.#listen(link).catch((error) => {
      link.channel.close("cannot listen");
      log.error("cannot listen to a member", { peer: name, error });
    }).finally(() => {
      this.#gossip.close(link);
      this.#parts.services?.handleLinkClosed(link.nodeId);
      log.debug("link closed", { peer: name, reason: link.channel.closeReason });
    });
  }

  async #listen(link: Link): Promise<void> {
    const { log, clock, timers, onRosterChange } = this.#parts;
    const bucket = new TokenBucket(clock, TOLD_LIMITS);
    const gone = new AbortController();
    link.channel.closed.then(() => gone.abort());
    let hasWarned = false;
    for (;;) {
      const message = await link.channel.receive();
      if (message === undefined) return;
      let cost = MESSAGE_COST;
      if (message.topic === MESH_TOPIC) {
        try {
          const said = decodeMeshMessage(message.body);
          if (said?.kind === "heartbeat" || said?.kind === "request" || said?.kind === "response") {
            this.#parts.onMessage(link.nodeId, said);
          } else if (said?.kind === "suspicion") this.#parts.onSuspicion(link.nodeId, said.nodeId);
          const { changes, items, rejected, isForged } = this.#gossip.handleMessage(link, said);
          cost += changes * NEWS_COST + items * ITEM_COST;
          // Once a link: whoever sends such things sends many.
          if (rejected > 0 && !hasWarned) log.warn("records rejected", { from: link.nodeId, rejected });
          hasWarned ||= rejected > 0;
          this.#sendReady();
          this.#keepComparing();
          if (changes > 0) onRosterChange();
          if (isForged) return link.channel.close("a signature is false");
        } catch (error) {
          // The state can't be written; what was told comes again with the next link.
          log.error("cannot store what a member told", { from: link.nodeId, error });
          return link.channel.close("cannot store it");
        }
      }
      const waitMs = bucket.spend(cost);
      if (waitMs > 0) await sleep(timers, waitMs, gone.signal);
    }
  }

  #sendReady(): void {
    for (let link = this.#gossip.pollReady(); link !== undefined; link = this.#gossip.pollReady()) {
      void this.#send(link);
    }
  }

  /** Sends what waits for one link, at the pace at which its other end reads. */
  async #send(link: Link): Promise<void> {
    if (this.#sending.has(link)) return;
    this.#sending.add(link);
    const next = () => this.#gossip.pollTransmit(link);
    for (let body = next(); body !== undefined; body = next()) {
      if (!await link.channel.send({ topic: MESH_TOPIC, body })) break;
    }
    this.#sending.delete(link);
  }

  /** Follows the timeout of the gossip, which what a member says may bring forward. */
  #keepComparing(): void {
    const { clock, timers } = this.#parts;
    const at = this.#gossip.pollTimeout();
    if (at === this.#roundAt || this.#stop.signal.aborted) return;
    this.#roundAt = at;
    this.#cancelRound();
    this.#cancelRound = timers.setTimer(at - clock.now(), () => {
      this.#roundAt = undefined;
      this.#gossip.handleTimeout();
      this.#sendReady();
      this.#keepComparing();
    });
  }
}
