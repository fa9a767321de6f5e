/**
 * Letting others in: a handshake with whoever calls, and then a link, a join, or the record that says that the caller was
 * removed.
 * @module
 */

import {
  type ByteStream,
  type Counters,
  type Environment,
  rangeText,
  type UnixMillis,
} from "../../base/mod.ts";
import {
  acceptChannel,
  type Channel,
  type ChannelDropReason,
  type ChannelStream,
  HANDSHAKE_VERSIONS,
  type HandshakeSetup,
} from "../../channel/mod.ts";
import type { PrivateKey } from "../../crypto/mod.ts";
import {
  conflictText,
  encodeMeshMessage,
  isConflict,
  MESH_TOPIC,
  NO_UPDATE,
  type NodeId,
  type NodeIdentity,
  OWN_PROTOCOLS,
  type Signed,
  type VersionConflict,
} from "../../mesh/mod.ts";
import type { Endpoint, IpAddress } from "../../net/mod.ts";
import { type StreamListener, UpgradableStream } from "../../transport/mod.ts";
import {
  type Caller,
  CallerAdmission,
  type CallerAdmissionParts,
  type RemovedCaller,
} from "./caller_admission.ts";
import { CallerLimits, type CallerStanding, originOf } from "./caller_limits.ts";
import { FairSlots } from "./fair_slots.ts";
import type { Link, LinkWay } from "./link_table.ts";
import { StreamBytes } from "./relay/mod.ts";
import { settleVersions } from "./version_conflicts.ts";

/** Handshakes under way at the same time with callers of one standing; a further one takes the place of another. */
const MAX_HANDSHAKES = 64;
/** Machines with a token that are served at the same time; a further one takes the place of another. */
const MAX_JOINS = 64;

/** Where others call, who they may be, and what becomes of them. */
export interface LinkAcceptorParts
  extends CallerAdmissionParts, Pick<Environment, "log" | "clock" | "tracer"> {
  /** This node. */
  readonly identity: NodeIdentity;
  /** Closed with the acceptor. */
  readonly listener: StreamListener;
  readonly setup: HandshakeSetup;
  readonly counters: Counters<ChannelDropReason>;
  /** Serves a machine that holds a token, and closes the channel in the end. */
  serveJoin(channel: Channel, tokenId: string, source: Endpoint): Promise<void>;
  /** @returns the key by which members may know this node that have not heard of its own */
  formerStatic?(): PrivateKey | undefined;
  /** @returns whether an address is in the overlay, so that its streams come by the packet plane */
  isOverlay?(address: IpAddress): boolean;
  onLink(link: Link): void;
  /** A member speaks no version that this node does. */
  onConflict?(nodeId: NodeId, conflict: VersionConflict): void;
}

/** A stream that a member passes on, and from whom it says that it comes. */
export interface RelayedCaller {
  readonly via: NodeId;
  readonly origin: NodeId;
}

interface Incoming {
  readonly stream: ByteStream;
  /** What is limited: an address, or a relay with whom it names. */
  readonly origin: string;
  /** As it looks before anything was read. */
  readonly way: Exclude<LinkWay, { readonly kind: "web" }>;
  /** The only member that may call on it. */
  readonly stated?: NodeId;
}

/** Accepts channels until it is closed; nobody can fill it alone. */
export class LinkAcceptor {
  readonly #parts: LinkAcceptorParts;
  readonly #limits: CallerLimits;
  readonly #admission: CallerAdmission;
  /** Strangers evict each other, and never a member. */
  readonly #handshakes: Readonly<Record<CallerStanding | "web", FairSlots>> = {
    proven: new FairSlots(MAX_HANDSHAKES),
    stated: new FairSlots(MAX_HANDSHAKES),
    stranger: new FairSlots(MAX_HANDSHAKES),
    relayed: new FairSlots(MAX_HANDSHAKES),
    // Of one proxy are all that it passes on.
    web: new FairSlots(MAX_HANDSHAKES),
  };
  readonly #joinSlots = new FairSlots(MAX_JOINS);
  readonly #joins = new Set<Channel>();
  #isClosed = false;
  #accepting: Promise<void> | undefined;

  constructor(parts: LinkAcceptorParts) {
    this.#parts = parts;
    this.#limits = new CallerLimits(parts.replica.roster);
    this.#admission = new CallerAdmission(parts);
  }

  start(): void {
    this.#accepting = this.#acceptStreams();
  }

  /** Accepts nobody any more, and ends what has become no link. @returns when the port is free to be opened anew */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#parts.listener.close();
    for (const channel of this.#joins) channel.close("this node stops");
    await this.#accepting;
  }

  /** A member passes a stream on. It answers for what it passes on; its own address has nothing to do with it. */
  acceptRelayed(stream: ChannelStream, { via, origin }: RelayedCaller): void {
    const bytes = new StreamBytes(stream, `relay ${via.slice(0, 8)}`);
    if (this.#isClosed) return bytes.close();
    const standing = this.#limits.admitRelayed(this.#parts.clock.now(), via, origin);
    this.#begin({ stream: bytes, origin: via, way: { kind: "relay", via }, stated: origin }, standing);
  }

  async #acceptStreams(): Promise<void> {
    const { clock, isOverlay } = this.#parts;
    for (;;) {
      const accepted = await this.#parts.listener.accept();
      if (accepted === undefined) return;
      const { source } = accepted;
      const stream = new UpgradableStream(accepted.stream);
      const origin = originOf(source);
      const kind = isOverlay?.(source.address) ? "tunnel" : "direct";
      const incoming = { stream, origin, way: { kind, endpoint: source } as const };
      this.#begin(incoming, this.#limits.admit(clock.now(), origin));
    }
  }

  #begin(incoming: Incoming, standing: CallerStanding | undefined): void {
    const { counters, log } = this.#parts;
    const { stream, origin } = incoming;
    if (standing === undefined) {
      counters.count("channel-handshake-rate-limited");
      stream.close();
      return;
    }
    const acquire = (slots: FairSlots) => slots.acquire(origin, () => stream.close());
    let release = acquire(this.#handshakes[standing]);
    let isOver = false;
    if (stream instanceof UpgradableStream) {
      stream.onWebSocket = () => {
        release();
        if (!isOver) release = acquire(this.#handshakes.web);
      };
    }
    this.#accept(incoming).catch((error) => {
      stream.close();
      log.error("cannot accept a channel", { from: stream.remoteAddress, error });
    }).finally(() => {
      isOver = true;
      release();
    });
  }

  /** Ends when it is known who calls. */
  async #accept({ stream, origin, way: seen, stated }: Incoming): Promise<void> {
    const { setup, onLink, formerStatic, counters, clock, protocols: ours = OWN_PROTOCOLS } = this.#parts;
    const startedAt = clock.wall();
    const accepted = await acceptChannel<Caller>(stream, {
      ...setup,
      handshakeVersions: ours.handshake ?? HANDSHAKE_VERSIONS,
      formerStatic: formerStatic?.(),
      onOtherVersions: (theirs) =>
        this.#parts.log.warn("somebody calls who speaks another handshake, or none", {
          from: stream.remoteAddress,
          theirs: rangeText(theirs),
          ours: rangeText(ours.handshake ?? HANDSHAKE_VERSIONS),
        }),
      authorize: (hello, remoteStatic, isFormer) => {
        const caller = this.#admission.authorize(hello, remoteStatic, isFormer);
        if (stated === undefined) return caller;
        // Who joins, or was removed, has no link to a relay.
        return caller?.context.kind === "member" && caller.context.nodeId === stated ? caller : undefined;
      },
    });
    if (accepted === undefined) return;
    const { channel, context } = accepted;
    const isWeb = stream instanceof UpgradableStream && stream.isWebSocket;
    const way: LinkWay = isWeb && seen.kind !== "relay" ? { kind: "web", at: seen.endpoint } : seen;
    if (context.kind === "member") this.#limits.noteMember(origin, way.kind);
    const versions = settleVersions(channel, ours, context.protocols);
    const isSpoken = versions !== "downgraded" && !isConflict(versions);
    this.#trace(context, startedAt, { way: way.kind, isSpoken });
    if (this.#isClosed) channel.close("this node stops");
    else if (versions === "downgraded") {
      counters.count("channel-handshake-version");
      channel.close("not the newest handshake of both");
    } else if (isConflict(versions)) this.#refuseVersions(channel, context, versions);
    else if (context.kind === "removed") await this.#sendRemoval(channel, context);
    else if (context.kind === "calls-former") await this.#sendOwn(channel);
    else if (context.kind === "member") {
      if (context.successor !== undefined) this.#takeSuccessor(context.successor);
      onLink({ nodeId: context.nodeId, channel, dialler: "them", way, versions });
    } else if (seen.kind !== "relay") this.#join(channel, context.tokenId, seen.endpoint);
  }

  /** Of whom has proven who it is: strangers are counted, and cost nothing more. */
  #trace(caller: Caller, startedAt: UnixMillis, { way, isSpoken }: TracedWay): void {
    const { tracer, replica: { roster } } = this.#parts;
    if (tracer === undefined) return;
    const peer = caller.kind === "join" ? undefined : roster.recordById(caller.nodeId);
    const span = tracer.start("weft.handshake", {
      kind: "server",
      startedAt,
      attributes: {
        "weft.way": way,
        "weft.caller.kind": caller.kind,
        ...caller.kind !== "join" && { "weft.peer.id": caller.nodeId },
        ...peer && { "weft.peer": peer.name },
      },
    });
    span.end(isSpoken ? {} : { error: "IncompatibleVersion" });
  }

  /** It has proven who it is, and comes to the same by itself; one of the former release has the reason alone. */
  #refuseVersions(channel: Channel, caller: Caller, conflict: VersionConflict): void {
    const { counters, log, onConflict } = this.#parts;
    counters.count("channel-handshake-version");
    channel.close(conflictText(conflict, "your node").problem);
    // Of a member the warnings tell for as long as it is so.
    if (caller.kind !== "join") return onConflict?.(caller.nodeId, conflict);
    const { problem, hint } = conflictText(conflict, "a machine with a token");
    log.warn(`cannot let in: ${problem}`, { from: channel.remoteAddress, hint });
  }

  /** Nobody could reach it while it was away: it gets the records that say so, and nothing else. */
  async #sendRemoval(channel: Channel, { nodeId, publicKey }: RemovedCaller): Promise<void> {
    const { roster } = this.#parts.replica;
    // Unless it goes on under another key: then it gets that record too, and what else is known of its keys.
    const successor = roster.recordById(nodeId)?.successor;
    const own = [successor, nodeId].map((nodeId) => nodeId && roster.signedRecord(nodeId));
    const signed = [...own, ...roster.chainOf(publicKey).map(({ signed }) => signed)];
    const records = [...new Set(signed.filter((record) => record !== undefined))];
    const update = { ...NO_UPDATE, records };
    await channel.send({ topic: MESH_TOPIC, body: encodeMeshMessage({ kind: "roster-update", update }) });
    channel.close("you are no member any more");
  }

  /** It has heard nothing of this node's new keys: it gets what says so, and where this node is, and dials again. */
  async #sendOwn(channel: Channel): Promise<void> {
    const { replica: { roster }, identity } = this.#parts;
    const records = roster.chainOf(identity.publicKey).map(({ signed }) => signed);
    const statement = roster.signedStatement(identity.id);
    const update = { ...NO_UPDATE, records, statements: statement === undefined ? [] : [statement] };
    await channel.send({ topic: MESH_TOPIC, body: encodeMeshMessage({ kind: "roster-update", update }) });
    channel.close("this node has new keys");
  }

  /** It has proven that it is there now. */
  #takeSuccessor(record: Signed): void {
    const { replica } = this.#parts;
    replica.merge({ ...NO_UPDATE, records: [record] });
    replica.deliverEvents();
  }

  #join(channel: Channel, tokenId: string, source: Endpoint): void {
    const { serveJoin, log } = this.#parts;
    const release = this.#joinSlots.acquire(tokenId, () => channel.close("too many at once"));
    this.#joins.add(channel);
    channel.closed.then(() => {
      this.#joins.delete(channel);
      release();
    });
    serveJoin(channel, tokenId, source).catch((error) => {
      channel.close("cannot serve it");
      log.error("cannot serve a join", { from: source.toString(), error });
    });
  }
}

interface TracedWay {
  readonly way: LinkWay["kind"];
  /** Whether both speak a version of each protocol. */
  readonly isSpoken: boolean;
}
