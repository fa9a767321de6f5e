/**
 * Everything of a running node that knows it by its keys: links, leaders, health, discovery. It ends, and another one
 * begins, when the node goes on under other keys; interface, addresses and names stay.
 * @module
 */

import { spokenProtocols } from "./protocol_options.ts";
import { Counters, type SpanAttributes } from "../base/mod.ts";
import type { ChannelDropReason, HandshakeSetup } from "../channel/mod.ts";
import type { LeaderDistance, LeadershipReport, NetcheckReport } from "../api/mod.ts";
import type { PublicKey } from "../crypto/mod.ts";
import { NO_UPDATE, type NodeId, type Roster } from "../mesh/mod.ts";
import type { AgentOptions } from "../config/mod.ts";
import { Endpoint } from "../net/mod.ts";
import type { StreamListener } from "../transport/mod.ts";
import type { DeviceEvent } from "../wireguard/mod.ts";
import { type AgentContext, contextOf } from "./agent_context.ts";
import type { Carriers } from "./carriers/mod.ts";
import { mayRelay } from "./endpoint_selector.ts";
import { DhtDiscovery, DhtProber, LanDiscovery, MovedMembers } from "./discovery/mod.ts";
import { HealthWatch, Sightings } from "./health/mod.ts";
import { type Rejoin, serveJoin } from "./join/mod.ts";
import { LeaderCoordinator, leadershipReport } from "./leaders/mod.ts";
import { type LinkObserver, MessagePlane, messagePlaneDial } from "./links/mod.ts";
import type { NameService } from "./names/mod.ts";
import type { Networks } from "./networks/mod.ts";
import { HandshakeSpans, type OverlayInterface } from "./overlay/mod.ts";
import {
  Introductions,
  type PathPlane,
  PathReporter,
  PathWatch,
  RelayLegs,
  type RelayServer,
  StunWatch,
} from "./paths/mod.ts";
import type { LinkTables, TimelineWatch } from "./view/mod.ts";
import { checkNetwork, findServers, type NetcheckParts, PortMapping } from "./reach/mod.ts";

/** What outlives a session. */
export interface MemberSessionParts extends AgentContext {
  readonly counters: Counters<ChannelDropReason>;
  /** Closed by the session. */
  readonly listener: StreamListener;
  /** Absent without a packet plane. */
  readonly overlay: OverlayInterface | undefined;
  readonly services: LinkObserver;
  readonly names: NameService | undefined;
  /** Carries packets over streams of links, where UDP does not pass. */
  readonly carriers: Carriers;
  /** Signs endpoints where this node leads, and carries packets by links. */
  readonly networks: Pick<Networks, "endpointActs" | "channels">;
  /** Opens sessions for others, where this node relays. */
  readonly packetRelay: RelayServer | undefined;
  /** Finds what seals several records of channels at a time. */
  readonly multiBuffer: HandshakeSetup["multiBuffer"];
  /** Tells members of this node's links while they look. */
  readonly linkTables: Pick<LinkTables, "prepare">;
  /** Writes down what happens to members. */
  readonly timeline: Pick<TimelineWatch, "handleVerdict" | "handlePath">;
  /** Is told that a member does not know this node. */
  readonly rejoin: Pick<Rejoin, "noteRefused">;
}

const HANDSHAKE_ENDS = ["initiator", "responder", "retried", "failed"] as const;
type HandshakeEnd = typeof HANDSHAKE_ENDS[number];

function handshakeEnd(event: DeviceEvent): HandshakeEnd | undefined {
  if (event.kind === "handshake-completed") return event.role;
  if (event.kind === "handshake-retry") return "retried";
  return event.kind === "handshake-failed" ? "failed" : undefined;
}

/** How a peer is called in spans: its name, and the id that is made of its keys. */
function describe(roster: Roster, peer: PublicKey): SpanAttributes | undefined {
  const record = roster.recordByKey(peer);
  return record && { "weft.peer": record.name, "weft.peer.id": record.nodeId };
}

/** One life of a node under one pair of keys. */
export class MemberSession {
  /** By which id it goes, to its end. */
  readonly self: NodeId;
  readonly messages: MessagePlane;
  readonly leaders: LeaderCoordinator;
  readonly health: HealthWatch;
  readonly sightings: Sightings;
  /** Handshakes of WireGuard: completed, by the role of this node; begun again without an answer; given up. */
  readonly handshakes: Counters<HandshakeEnd> = new Counters(HANDSHAKE_ENDS);
  /** The ways that packets take; undefined without a packet plane. */
  paths: PathWatch | undefined;
  #introductions: Introductions | undefined;
  #legs: RelayLegs | undefined;
  #stun: StunWatch | undefined;
  readonly #spans: HandshakeSpans | undefined;
  readonly #parts: MemberSessionParts;
  readonly #prober: DhtProber;
  #lan: LanDiscovery | undefined;
  #dht: DhtDiscovery | undefined;
  #portMapping: PortMapping | undefined;
  #unsubscribe: () => void = () => {};
  #isClosed = false;

  constructor(parts: MemberSessionParts) {
    this.#parts = parts;
    const { mesh, overlay } = parts;
    const { identity, network, replica, roster } = mesh;
    this.self = identity.id;
    this.sightings = new Sightings(parts.store, { clock: parts.clock, roster, log: parts.log });
    const messages = this.messages = new MessagePlane({
      ...parts,
      services: {
        prepare: (channel) => {
          parts.services.prepare(channel);
          parts.networks.channels.prepare(channel);
          parts.carriers.prepare(channel);
          parts.linkTables.prepare(channel);
        },
        handleLink: (link) => {
          parts.services.handleLink(link);
          parts.networks.channels.handleLink(link);
          parts.carriers.handleLink(link);
          this.leaders.handleLink(link.nodeId);
        },
        handleSpareLink: (link) => {
          parts.services.handleSpareLink(link);
          parts.networks.channels.handleSpareLink(link);
          parts.carriers.handleSpareLink(link);
        },
        handleLinkClosed: (nodeId) => {
          parts.services.handleLinkClosed(nodeId);
          parts.networks.channels.handleLinkClosed(nodeId);
          parts.carriers.handleLinkClosed(nodeId);
          this.leaders.handleLinkClosed(nodeId);
        },
      },
      identity,
      networkId: network.id,
      verifyingKey: network.verifyingKey,
      replica,
      formerStatic: () => mesh.formerIdentity?.privateKey,
      succession: () => mesh.succession,
      dial: messagePlaneDial(),
      protocols: spokenProtocols(parts.options),
      isOverlay: (address) =>
        overlay !== undefined && parts.endpoints.overlay.some((one) => one.contains(address)),
      isWilling: () => mayRelay(parts.options, mesh.role),
      // A stream of the link itself may carry the tunnel.
      // What a leader says to a member that leaves or is removed would be lost with the tunnel.
      tunnelIsUp: (nodeId) =>
        mesh.role !== "leader" && !roster.get(nodeId)?.record.roles.includes("leader") &&
        overlay !== undefined && this.paths?.prober.paths(nodeId)?.chosen?.kind !== "carrier" &&
        this.health.tunnelIsUp(nodeId),
      unheardMs: (nodeId) => {
        const member = roster.linkable(nodeId);
        const seenAt = member && this.sightings.lastSeen(member);
        return seenAt === undefined ? 0 : parts.clock.wall() - seenAt;
      },
      tokenKey: (tokenId, publicKey) => mesh.tokens?.presharedKeyFor(tokenId, publicKey),
      serveJoin: (channel, tokenId, source) =>
        serveJoin(channel, { tokenId, source }, {
          ...parts,
          countUse: (id, publicKey) => this.leaders.countUse(id, publicKey),
        }),
      renew: (record) => this.leaders.renew(record),
      onRefused: () => parts.rejoin.noteRefused(),
      onLeaderMessage: (nodeId, message) => this.leaders.handleMessage(nodeId, message),
      onSuspicion: (from, about) => {
        this.health.handleSuspicion(from, about);
        this.leaders.handleSuspicion(from, about);
      },
      onPathMessage: (from, message) => this.#introductions?.handleMessage(from, message),
    });
    this.leaders = new LeaderCoordinator({
      ...parts,
      messages,
      overlayEndpoints: parts.networks.endpointActs,
    });
    this.#prober = new DhtProber(parts.timers, messages.dialer, (nodeId, endpoint) => {
      overlay?.peers.tryAt(nodeId, endpoint);
    });
    this.health = new HealthWatch({
      ...parts,
      messages,
      onMissed: () => this.leaders.handleMissed(),
      onVerdict: (peer) => parts.timeline.handleVerdict(peer),
    });
    const { tracer, clock } = parts;
    this.#spans = tracer && new HandshakeSpans({ tracer, clock, describe: (peer) => describe(roster, peer) });
    if (overlay !== undefined) this.#makePaths(overlay.plane);
  }

  #makePaths(plane: PathPlane): void {
    const parts = contextOf(this.#parts, "paths");
    const paths = this.paths = new PathWatch({ ...parts, plane });
    const legs = this.#legs = new RelayLegs({ ...parts, plane, paths });
    this.#introductions = new Introductions({
      ...parts,
      messages: this.messages,
      paths,
      elected: () => this.leaders.elected,
      relay: parts.packetRelay,
      legs,
    });
    paths.addHelper(this.#introductions);
    paths.addHelper(legs);
    const { stunServers } = parts.options;
    if (stunServers.length > 0) {
      const find = () => findServers(stunServers, parts);
      this.#stun = new StunWatch({ ...parts, plane, own: paths.own, findServers: find });
      paths.addHelper(this.#stun);
    }
    // What was said of the member was true of the way that it had.
    paths.addHelper({
      handleChosen: (nodeId, kind) => {
        if (kind !== undefined) this.health.checker.suspect(nodeId);
        parts.timeline.handlePath(nodeId, kind);
      },
    });
  }

  /** Follows what happens to a session of the packet plane. */
  handleDeviceEvent(event: DeviceEvent): void {
    const end = handshakeEnd(event);
    if (end !== undefined) this.handshakes.count(end);
    this.#spans?.handleDeviceEvent(event);
    this.paths?.handleDeviceEvent(event);
    this.health.handleDeviceEvent(event);
  }

  /** @returns who tells of the ways that packets take now, for one report */
  pathReporter(): PathReporter {
    const { clock, mesh: { roster }, options } = this.#parts;
    const { paths } = this;
    return new PathReporter({
      clock,
      roster,
      links: this.messages.links,
      paths: paths && { own: paths.own, of: (nodeId) => paths.prober.paths(nodeId) },
      legs: (nodeId) => this.#legs?.offered(nodeId) ?? [],
      isTunnelUp: (nodeId) => {
        const figures = this.health.checker.figures(nodeId);
        return figures?.healthy === true && figures.path === "direct";
      },
      interfaceMtuBytes: options.mtuBytes,
    });
  }

  /** How nodes nearby are found; undefined when they are not looked for. */
  get lan(): LanDiscovery | undefined {
    return this.#lan;
  }

  /** How nodes anywhere are found; undefined unless the options say so. */
  get dht(): DhtDiscovery | undefined {
    return this.#dht;
  }

  /** Servers that say where they see this node's datagrams; undefined unless the options name one. */
  get stun(): StunWatch | undefined {
    return this.#stun;
  }

  /** This node's ports in the gateways before it; undefined when they are not asked. */
  get portMapping(): PortMapping | undefined {
    return this.#portMapping;
  }

  /**
   * Finds out how this host can be reached.
   * @param asked.stunServers in place of those of the options
   */
  async netcheck(
    asked: Pick<NetcheckParts, "environment"> & {
      readonly stunServers?: AgentOptions["stunServers"];
      readonly leaders: readonly LeaderDistance[];
      readonly hearsByUdp: boolean;
    },
  ): Promise<NetcheckReport> {
    const { leaders, hearsByUdp, environment } = asked;
    const { options } = this.#parts;
    const overlayDevices = this.#parts.endpoints.overlayDevices();
    const gateways = this.#portMapping?.gateways ?? [];
    return await checkNetwork({
      ...this.#parts,
      environment,
      options: { ...options, stunServers: asked.stunServers ?? options.stunServers },
      running: { overlayDevices, gateways, leaders, hearsByUdp },
    });
  }

  /** @returns whether the network would outlive its leaders, as far as this node knows */
  leadership(): LeadershipReport {
    const { mesh, clock } = this.#parts;
    const lastSeen = (nodeId: NodeId): number | undefined => {
      const member = mesh.roster.get(nodeId);
      return member && this.sightings.lastSeen(member);
    };
    return leadershipReport({ mesh, views: this.leaders.views(), lastSeen, wallMs: clock.wall() });
  }

  async start(): Promise<void> {
    const { messages, health } = this;
    const { mesh, options: { port }, endpoints } = this.#parts;
    endpoints.foundEndpoints = (nodeId) => [
      ...this.#lan?.discovery.endpointsOf(nodeId) ?? [],
      ...this.#prober.endpointsOf(nodeId),
    ];
    endpoints.mappedEndpoints = () => this.#portMapping?.endpoints ?? { packets: [], channels: [] };
    this.#portMapping = PortMapping.start({
      ...contextOf(this.#parts, "paths"),
      overlayDevices: () => endpoints.overlayDevices(),
      onChange: () => this.restate(),
    });
    messages.start();
    this.paths?.start();
    this.#legs?.start();
    this.#stun?.start();
    this.#unsubscribe = this.#parts.hostNetwork.subscribe(() => this.#followHost());
    health.start();
    this.leaders.start();
    const { problem, hint } = this.leadership();
    if (mesh.role === "leader" && problem !== undefined) this.#parts.log.warn(problem, { hint });
    const discovery = {
      ...contextOf(this.#parts, "discovery"),
      networkId: mesh.network.id,
      overlay: endpoints.overlay,
    };
    this.#dht = DhtDiscovery.start({
      ...discovery,
      port,
      isLooking: () => messages.dialer.missing().length > 0,
      observer: (endpoint) => this.#prober.add(endpoint),
    });
    const moved = new MovedMembers({ ...this.#parts, messages, health });
    const lan = await LanDiscovery.start({
      ...discovery,
      nodeId: mesh.identity.id,
      role: { kind: "member", port, isLeader: () => mesh.role === "leader" },
      observer: ({ kind, nodeId, endpoint }) => {
        if (kind !== "found") return;
        this.paths?.followMember(nodeId as NodeId);
        void moved.follow(nodeId, endpoint);
      },
    });
    if (this.#isClosed) await lan?.close();
    else this.#lan = lan;
  }

  /** Looks where this host is now, and tells the others what has changed; to be called every few seconds. */
  restate(): void {
    const { endpoints, mesh: { replica } } = this.#parts;
    const statement = endpoints.updateStatement();
    replica.publish({ ...NO_UPDATE, statements: statement === undefined ? [] : [statement] });
  }

  /** @returns where the links that this node has dialled go on this host's networks */
  linkedAt(): readonly Endpoint[] {
    return this.messages.links.all().filter(({ dialler }) => dialler === "us")
      .flatMap(({ channel }) => Endpoint.parse(channel.remoteAddress) ?? [])
      .filter(({ address }) => !this.#parts.endpoints.isOverMesh(address));
  }

  /** Notes who is there, and removes ephemeral members that have been away for too long; to be called every few seconds. */
  removeAbsent(): void {
    const isHealthy = (nodeId: NodeId) => this.health.checker.figures(nodeId)?.healthy ?? false;
    this.sightings.look((nodeId) => this.messages.links.get(nodeId) !== undefined || isHealthy(nodeId));
    this.leaders.removeAbsent(isHealthy);
  }

  /** This host is somewhere else: others hear of it at once, and links that it has cost are made anew. */
  #followHost(): void {
    this.restate();
    this.paths?.handleMove();
    this.messages.handleHostChange();
    void this.#lan?.followInterfaces();
  }

  /** Ends all of it, once. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unsubscribe();
    this.#parts.endpoints.foundEndpoints = () => [];
    this.#parts.endpoints.mappedEndpoints = () => ({ packets: [], channels: [] });
    this.sightings.flush();
    this.#prober.close();
    await Promise.all([this.#lan?.close(), this.#dht?.close(), this.#portMapping?.close()]);
    this.health.close();
    this.#legs?.close();
    this.#stun?.close();
    this.paths?.close();
    this.leaders.close();
    await this.messages.close();
  }
}
