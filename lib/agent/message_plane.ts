/**
 * The message plane of one node: whom it listens to, whom it dials, and what they tell each other.
 * @module
 */

import type { ByteStream, Clock, Counters, Logger, RandomSource, Timers } from "../base/mod.ts";
import {
  acceptChannel,
  type Authorization,
  type Channel,
  type ChannelDropReason,
  type HandshakeSetup,
  openChannel,
} from "../channel/mod.ts";
import { PresharedKey, type PublicKey } from "../crypto/mod.ts";
import {
  decodeHello,
  decodeMeshMessage,
  encodeHello,
  encodeMeshMessage,
  MESH_TOPIC,
  type NetworkId,
  type NodeId,
  type NodeIdentity,
  type Roster,
  type RosterUpdate,
} from "../mesh/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import type { AcceptedStream, StreamListener } from "../transport/mod.ts";
import { Backoff } from "./backoff.ts";
import type { Link } from "./link.ts";
import { LinkTable } from "./link_table.ts";
import { Pace } from "./pace.ts";
import { raceDial } from "./race_dial.ts";
import { RosterSender } from "./roster_sender.ts";
import { sleep } from "./sleep.ts";
import { originOf, WaitingRoom } from "./waiting_room.ts";
import { wantedLinks } from "./wanted_links.ts";

/** Strangers who are at the door at the same time; a further one takes the place of another. */
const MAX_STRANGERS = 64;
/** Machines with a token that are served at the same time; a further one takes the place of another. */
const MAX_JOINS = 64;
/** Of two members that know each other from the same moment, the one with the greater id waits so long. */
const COURTESY_MS = 1000;
/** How long an answer to a ping that was asked for may take. */
const PING_TIMEOUT_MS = 5_000;
/** A link that ended is not dialled again at once: the other end may be on its way here. */
const REDIAL_PAUSE_MS = 200;
/** A link that ended sooner counts as a dial that failed. */
const SOUND_LINK_MS = 5_000;
/** What a member may make this node do, in about milliseconds: a roster of thousands, then a fifth of the time. */
const TOLD_LIMITS = { burst: 2_000, perSecond: 200 };
const MESSAGE_COST = 1;
/** A signature and a write. */
const NEWS_COST = 1;
/** Reading what was known. */
const ITEM_COST = 0.02;
const NOTHING = new Uint8Array(0);

/** What the message plane works with. */
export interface MessagePlaneParts {
  readonly identity: NodeIdentity;
  readonly networkId: NetworkId;
  readonly roster: Roster;
  readonly listener: StreamListener;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Logger;
  readonly counters: Counters<ChannelDropReason>;
  /** Dials the message plane of somebody. */
  dial(endpoint: Endpoint, signal: AbortSignal): Promise<ByteStream | undefined>;
  /** Which of the endpoints that a member states are worth a try, the best first. */
  candidates(stated: readonly Endpoint[]): Endpoint[];
  /** The preshared key of whoever may join with this token; undefined when nobody may, or only elsewhere. */
  tokenKey(tokenId: string, publicKey: PublicKey): PresharedKey | undefined;
  /** Serves a machine that holds a token, and closes the channel in the end. */
  serveJoin(channel: Channel, tokenId: string, source: Endpoint): Promise<void>;
  /** The roster may have changed. */
  onRosterChange(): void;
}

type Guest =
  | { readonly kind: "join"; readonly tokenId: string }
  | { readonly kind: "member"; readonly nodeId: NodeId }
  | { readonly kind: "removed"; readonly nodeId: NodeId };

/** Keeps links to members, and the roster the same on both ends of each. */
export class MessagePlane {
  readonly links: LinkTable;
  readonly #parts: MessagePlaneParts;
  readonly #setup: HandshakeSetup;
  readonly #senders = new Map<Link, RosterSender>();
  readonly #diallers = new Map<NodeId, AbortController>();
  readonly #joins = new Set<Channel>();
  readonly #stop = new AbortController();
  readonly #strangers = new WaitingRoom(MAX_STRANGERS);
  readonly #joiners = new WaitingRoom(MAX_JOINS);

  constructor(parts: MessagePlaneParts) {
    this.#parts = parts;
    this.links = new LinkTable(parts.identity.id);
    const { identity, random, clock, timers, counters } = parts;
    this.#setup = { localStatic: identity.privateKey, random, clock, timers, counters };
  }

  /** Opens the door and begins to dial. */
  start(): void {
    this.#acceptStreams();
    this.followRoster();
  }

  /** Dials whoever is wanted now, and parts with whoever is no member any more. */
  followRoster(): void {
    if (this.#stop.signal.aborted) return;
    const { roster, identity } = this.#parts;
    const wanted = new Set(wantedLinks(identity.id, roster.members()));
    for (const [nodeId, dialler] of this.#diallers) {
      if (!wanted.has(nodeId)) {
        dialler.abort();
        this.#diallers.delete(nodeId);
      }
    }
    for (const nodeId of wanted) if (!this.#diallers.has(nodeId)) this.#keepLinked(nodeId);
    for (const { nodeId } of this.links.all()) {
      if (roster.get(nodeId) === undefined) this.links.close(nodeId, "you are no member any more");
    }
  }

  /** Dials a member again at once, for it has said where it is. */
  redial(nodeId: NodeId): void {
    const dialler = this.#diallers.get(nodeId);
    if (dialler === undefined || this.links.get(nodeId) !== undefined) return;
    dialler.abort();
    this.#keepLinked(nodeId);
  }

  /** Tells everybody with a link, except where it came from. */
  tell(news: RosterUpdate, except?: Link): void {
    if (news.records.length + news.statements.length === 0) return;
    for (const [link, sender] of this.#senders) if (link !== except) sender.tell(news);
  }

  /** @returns whether a dial to the member is under way */
  isDialling(nodeId: NodeId): boolean {
    return this.#diallers.has(nodeId) && this.links.get(nodeId) === undefined;
  }

  /**
   * Asks a member for a sign of life, over its link or a new one.
   * @returns milliseconds, or undefined when it has not answered after 5 s
   */
  async ping(nodeId: NodeId): Promise<number | undefined> {
    if (this.links.get(nodeId) === undefined) await this.#dial(nodeId, this.#stop.signal);
    const answer = this.links.get(nodeId)?.channel.ping();
    if (answer === undefined) return undefined;
    // A channel lives on whatever is said on it; this one asks for the answer.
    const late = Promise.withResolvers<undefined>();
    const cancelTimer = this.#parts.timers.setTimer(PING_TIMEOUT_MS, () => late.resolve(undefined));
    return await Promise.race([answer, late.promise]).finally(cancelTimer);
  }

  /** Closes the door and all links. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const dialler of this.#diallers.values()) dialler.abort();
    this.#diallers.clear();
    this.#parts.listener.close();
    for (const channel of this.#joins) channel.close("this node stops");
    await this.links.closeAll("this node stops");
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
      const record = this.#parts.roster.signedRecord(context.nodeId);
      const update = { records: record === undefined ? [] : [record], statements: [] };
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
    const { networkId, roster, tokenKey } = this.#parts;
    const hello = decodeHello(helloBytes);
    if (hello === undefined) return undefined;
    if (hello.kind === "join") {
      const presharedKey = tokenKey(hello.tokenId, remoteStatic);
      return presharedKey && { presharedKey, reply: NOTHING, context: hello };
    }
    const record = roster.record(remoteStatic);
    if (hello.networkId !== networkId || record?.nodeId !== hello.nodeId) return undefined;
    // A device without weft has nothing to say here, and nothing to hear.
    if (record.verifyingKey === undefined) return undefined;
    const proven = { presharedKey: PresharedKey.none(), reply: NOTHING };
    const { nodeId } = hello;
    if (record.revoked) return { ...proven, context: { kind: "removed", nodeId } as const };
    return roster.get(nodeId) && { ...proven, context: hello };
  }

  #addLink(link: Link): void {
    const { roster, log } = this.#parts;
    const member = roster.get(link.nodeId);
    // It may have been removed while it shook hands.
    if (member === undefined) return link.channel.close("you are no member any more");
    if (!this.links.add(link)) return;
    const { name } = member.record;
    log.debug("link open", { peer: name, at: link.channel.remoteAddress, dialler: link.dialler });
    const sender = new RosterSender(link.channel, () => roster.snapshot());
    this.#senders.set(link, sender);
    sender.tellAll();
    // For the round trip; the channel itself asks only when it is quiet.
    void link.channel.ping();
    this.#listen(link).catch((error) => {
      link.channel.close("cannot listen");
      log.error("cannot listen to a member", { peer: name, error });
    }).finally(() => {
      this.#senders.delete(link);
      log.debug("link closed", { peer: name, reason: link.channel.closeReason });
    });
  }

  async #listen(link: Link): Promise<void> {
    const { roster, log, clock, timers, onRosterChange } = this.#parts;
    const pace = new Pace(clock, TOLD_LIMITS);
    const gone = new AbortController();
    link.channel.closed.then(() => gone.abort());
    let hasWarned = false;
    for (;;) {
      const message = await link.channel.receive();
      if (message === undefined) return;
      let cost = MESSAGE_COST;
      const said = message.topic === MESH_TOPIC ? decodeMeshMessage(message.body) : undefined;
      if (said?.kind === "roster-update") {
        const { records, statements } = said.update;
        try {
          const { news, rejected, isForged } = roster.mergeUpdate(said.update);
          const newCount = news.records.length + news.statements.length;
          cost += newCount * NEWS_COST + (records.length + statements.length) * ITEM_COST;
          // Once a link: whoever sends such things sends many.
          if (rejected > 0 && !hasWarned) log.warn("records rejected", { from: link.nodeId, rejected });
          hasWarned ||= rejected > 0;
          this.tell(news, link);
          if (newCount > 0) onRosterChange();
          if (isForged) return link.channel.close("a signature is false");
        } catch (error) {
          // The state can't be written; what was told comes again with the next link.
          log.error("cannot store what a member told", { from: link.nodeId, error });
          return link.channel.close("cannot store it");
        }
      }
      const waitMs = pace.spend(cost);
      if (waitMs > 0) await sleep(timers, waitMs, gone.signal);
    }
  }

  async #keepLinked(nodeId: NodeId): Promise<void> {
    const abort = new AbortController();
    this.#diallers.set(nodeId, abort);
    const { clock, timers, random, identity, roster, log } = this.#parts;
    const { signal } = abort;
    const backoff = new Backoff(random);
    const isLeader = roster.get(nodeId)?.record.roles.includes("leader") ?? false;
    if (!isLeader && identity.id > nodeId) await sleep(timers, COURTESY_MS, signal);
    while (!signal.aborted) {
      const link = this.links.get(nodeId);
      if (link !== undefined) {
        const since = clock.now();
        await link.channel.closed;
        const wasSound = clock.now() - since >= SOUND_LINK_MS;
        if (wasSound) backoff.reset();
        await sleep(timers, wasSound ? REDIAL_PAUSE_MS : backoff.nextDelayMs(), signal);
        continue;
      }
      const isLinked = await this.#dial(nodeId, signal).catch((error) => {
        log.error("cannot dial a member", { peer: nodeId, error });
        return false;
      });
      if (!isLinked) await sleep(timers, backoff.nextDelayMs(), signal);
    }
  }

  /** @returns whether there is a link now */
  async #dial(nodeId: NodeId, signal: AbortSignal): Promise<boolean> {
    const { roster, identity, networkId, timers, dial, candidates } = this.#parts;
    const member = roster.get(nodeId);
    const targets = candidates(member?.statement?.channelEndpoints ?? []);
    if (member === undefined || targets.length === 0) return false;
    const hello = encodeHello({ kind: "member", networkId, nodeId: identity.id });
    const remoteStatic = member.record.publicKey;
    const channel = await raceDial<Endpoint, Channel>(targets, {
      timers,
      attempt: async (target, raceSignal) => {
        const both = AbortSignal.any([signal, raceSignal]);
        const stream = await dial(target, both);
        if (stream === undefined) return undefined;
        try {
          return await openChannel(stream, { ...this.#setup, remoteStatic, hello, signal: both });
        } catch {
          // Refused, silent or called off: this endpoint does not lead there now.
          return undefined;
        }
      },
      discard: (second) => second.close("another link is open"),
    });
    if (channel !== undefined && signal.aborted) channel.close("not needed any more");
    else if (channel !== undefined) this.#addLink({ nodeId, channel, dialler: "us" });
    return this.links.get(nodeId) !== undefined;
  }
}
