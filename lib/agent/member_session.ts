/**
 * Everything of a running node that knows it by its keys: links, leaders, health, discovery. It ends, and another one
 * begins, when the node goes on under other keys; interface, addresses and names stay.
 * @module
 */

import type { Counters } from "../base/mod.ts";
import type { ChannelDropReason } from "../channel/mod.ts";
import { NO_UPDATE, type NodeId } from "../mesh/mod.ts";
import type { StreamListener } from "../transport/mod.ts";
import type { AgentContext } from "./agent_context.ts";
import { DhtDiscovery, DhtProber, LanDiscovery, MovedMembers } from "./discovery/mod.ts";
import { HealthWatch, Sightings } from "./health/mod.ts";
import { serveJoin } from "./join/mod.ts";
import { LeaderCoordinator } from "./leaders/mod.ts";
import { type LinkObserver, MessagePlane, messagePlaneDial } from "./links/mod.ts";
import type { NameService } from "./names/mod.ts";
import type { Networks } from "./networks/mod.ts";
import type { OverlayInterface } from "./overlay/mod.ts";

/** What outlives a session. */
export interface MemberSessionParts extends AgentContext {
  readonly counters: Counters<ChannelDropReason>;
  /** Closed by the session. */
  readonly listener: StreamListener;
  /** Absent without a packet plane. */
  readonly overlay: OverlayInterface | undefined;
  readonly services: LinkObserver;
  readonly names: NameService | undefined;
  /** Signs endpoints where this node leads, and carries packets by links. */
  readonly networks: Pick<Networks, "endpointActs" | "channels">;
}

/** One life of a node under one pair of keys. */
export class MemberSession {
  readonly messages: MessagePlane;
  readonly leaders: LeaderCoordinator;
  readonly health: HealthWatch;
  readonly sightings: Sightings;
  readonly #parts: MemberSessionParts;
  readonly #prober: DhtProber;
  #lan: LanDiscovery | undefined;
  #dht: DhtDiscovery | undefined;
  #unsubscribe: () => void = () => {};
  #isClosed = false;

  constructor(parts: MemberSessionParts) {
    this.#parts = parts;
    const { mesh, overlay } = parts;
    const { identity, network, replica, roster } = mesh;
    this.sightings = new Sightings(parts.store, { clock: parts.clock, roster, log: parts.log });
    const messages = this.messages = new MessagePlane({
      ...parts,
      services: {
        prepare: (channel) => {
          parts.services.prepare(channel);
          parts.networks.channels.prepare(channel);
        },
        handleLink: (link) => {
          parts.services.handleLink(link);
          parts.networks.channels.handleLink(link);
        },
        handleSpareLink: (link) => {
          parts.services.handleSpareLink(link);
          parts.networks.channels.handleSpareLink(link);
        },
        handleLinkClosed: (nodeId) => {
          parts.services.handleLinkClosed(nodeId);
          parts.networks.channels.handleLinkClosed(nodeId);
          this.leaders.handleLinkClosed(nodeId);
        },
      },
      identity,
      networkId: network.id,
      replica,
      dial: messagePlaneDial(),
      isOverlay: (address) =>
        overlay !== undefined && parts.endpoints.overlay.some((one) => one.contains(address)),
      tunnelIsUp: (nodeId) => overlay !== undefined && this.health.tunnelIsUp(nodeId),
      unheardMs: (nodeId) => {
        const member = roster.linkable(nodeId);
        const seenAt = member && this.sightings.lastSeen(member);
        return seenAt === undefined ? 0 : parts.clock.wall() - seenAt;
      },
      tokenKey: (tokenId, publicKey) => mesh.tokens?.presharedKeyFor(tokenId, publicKey),
      serveJoin: (channel, tokenId, source) => serveJoin(channel, { tokenId, source }, parts),
      renew: (record) => this.leaders.renew(record),
      onLeaderMessage: (nodeId, message) => this.leaders.handleMessage(nodeId, message),
      onSuspicion: (from, about) => this.health.handleSuspicion(from, about),
    });
    this.leaders = new LeaderCoordinator({
      ...parts,
      messages,
      overlayEndpoints: parts.networks.endpointActs,
    });
    this.#prober = new DhtProber(parts.timers, messages.dialer, (nodeId, endpoint) => {
      overlay?.peers.tryAt(nodeId, endpoint);
    });
    this.health = new HealthWatch({ ...parts, messages });
  }

  /** How nodes nearby are found; undefined when they are not looked for. */
  get lan(): LanDiscovery | undefined {
    return this.#lan;
  }

  /** How nodes anywhere are found; undefined unless the options say so. */
  get dht(): DhtDiscovery | undefined {
    return this.#dht;
  }

  async start(): Promise<void> {
    const { messages, health } = this;
    const { mesh, options: { port }, endpoints } = this.#parts;
    endpoints.foundEndpoints = (nodeId) => [
      ...this.#lan?.discovery.endpointsOf(nodeId) ?? [],
      ...this.#prober.endpointsOf(nodeId),
    ];
    messages.start();
    this.#unsubscribe = this.#parts.hostNetwork.subscribe(() => this.#followHost());
    health.start();
    this.leaders.start();
    const discovery = { ...this.#parts, networkId: mesh.network.id, overlay: endpoints.overlay };
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
        if (kind === "found") void moved.follow(nodeId, endpoint);
      },
    });
    if (this.#isClosed) await lan?.close();
    else this.#lan = lan;
  }

  /** Notes who is there, and removes ephemeral members that have been away for too long; to be called every few seconds. */
  removeAbsent(): void {
    const isHealthy = (nodeId: NodeId) => this.health.checker.figures(nodeId)?.healthy ?? false;
    this.sightings.look((nodeId) => this.messages.links.get(nodeId) !== undefined || isHealthy(nodeId));
    this.leaders.removeAbsent(isHealthy);
  }

  /** This host is somewhere else: others hear of it at once, and links that it has cost are made anew. */
  #followHost(): void {
    const { mesh, endpoints } = this.#parts;
    const statement = endpoints.updateStatement();
    mesh.replica.publish({ ...NO_UPDATE, statements: statement === undefined ? [] : [statement] });
    this.messages.handleHostChange();
    void this.#lan?.followInterfaces();
  }

  /** Ends all of it, once. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unsubscribe();
    this.#parts.endpoints.foundEndpoints = () => [];
    this.sightings.flush();
    this.#prober.close();
    await Promise.all([this.#lan?.close(), this.#dht?.close()]);
    this.health.close();
    this.leaders.close();
    await this.messages.close();
  }
}
