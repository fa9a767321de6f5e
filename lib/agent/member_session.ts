/**
 * Everything of a running node that knows it by its keys: links, leaders, health, discovery. It ends, and another one
 * begins, when the node goes on under other keys; interface, addresses and names stay.
 * @module
 */

import type { Counters, Logger } from "../base/mod.ts";
import type { ChannelDropReason } from "../channel/mod.ts";
import type { AgentOptions } from "../config/mod.ts";
import type { PublicKey } from "../crypto/mod.ts";
import type { PacketPlane } from "../dataplane/mod.ts";
import { systemClock, systemRandom, systemTimers } from "../host/mod.ts";
import {
  type MemberRecord,
  type MeshState,
  NO_UPDATE,
  type NodeId,
  type ReplicaUpdate,
} from "../mesh/mod.ts";
import type { Cidr, Endpoint } from "../net/mod.ts";
import { dialTcp, type StreamListener } from "../transport/mod.ts";
import { serveJoin } from "./join/mod.ts";
import { DhtDiscovery, DhtProber, LanDiscovery, MovedMembers } from "./discovery/mod.ts";
import { type HealthEcho, HealthWatch } from "./health/mod.ts";
import { LeaderCoordinator } from "./leaders/mod.ts";
import { type LinkObserver, MessagePlane } from "./links/mod.ts";
import type { PeerSync } from "./overlay/mod.ts";

/** How long a dial of the message plane waits for an answer. */
const DIAL_TIMEOUT_MS = 4_000;

/** What a session works with. */
export interface MemberSessionParts {
  readonly mesh: MeshState;
  readonly options: AgentOptions;
  readonly log: Logger;
  readonly counters: Counters<ChannelDropReason>;
  /** Closed by the session. */
  readonly listener: StreamListener;
  /** Absent without a packet plane. */
  readonly plane: PacketPlane | undefined;
  readonly peers: PeerSync | undefined;
  readonly echo: HealthEcho | undefined;
  readonly services: LinkObserver;
  /** The overlay's blocks. */
  readonly cidrs: readonly Cidr[];
  /** Which of the endpoints that a member states are worth a try, the best first. */
  candidates(stated: readonly Endpoint[], nodeId: NodeId): Endpoint[];
  /** Tells everybody what this node has changed, and follows it. */
  publish(news: ReplicaUpdate): void;
  /** The same for a machine that was just let in. */
  announce(publicKey: PublicKey): void;
  /** The roster may have changed. */
  onRosterChange(): void;
  /** Another leader is elected; undefined when none lives. */
  onElection(elected: NodeId | undefined): void;
  /** A member has become healthy or unhealthy. */
  onVerdict(): void;
}

/** One life of a node under one pair of keys. */
export class MemberSession {
  readonly messages: MessagePlane;
  readonly leaders: LeaderCoordinator;
  readonly health: HealthWatch;
  readonly #parts: MemberSessionParts;
  readonly #places: DhtProber;
  #lan: LanDiscovery | undefined;
  #dht: DhtDiscovery | undefined;
  #isClosed = false;

  constructor(parts: MemberSessionParts) {
    this.#parts = parts;
    const { mesh, options: _, plane, echo, announce, log, ...rest } = parts;
    const { identity, network, replica } = mesh;
    const ports = { clock: systemClock, timers: systemTimers, random: systemRandom, log };
    this.messages = new MessagePlane({
      ...ports,
      identity,
      networkId: network.id,
      replica,
      listener: rest.listener,
      counters: rest.counters,
      services: rest.services,
      dial: (endpoint, signal) => dialTcp(endpoint, { timeoutMs: DIAL_TIMEOUT_MS, signal }),
      candidates: (stated, nodeId) => rest.candidates(stated, nodeId),
      tokenKey: (tokenId, publicKey) => mesh.tokens?.presharedKeyFor(tokenId, publicKey),
      serveJoin: (channel, tokenId, source) =>
        serveJoin(channel, { tokenId, source }, { mesh, timers: systemTimers, log, announce }),
      onRosterChange: () => rest.onRosterChange(),
      renew: (record) => this.#renew(record),
      onMessage: (nodeId, said) => this.leaders.handleMessage(nodeId, said),
      onSuspicion: (from, about) => this.health.handleSuspicion(from, about),
    });
    const { messages } = this;
    this.leaders = new LeaderCoordinator({
      ...ports,
      mesh,
      messages,
      publish: (news) => rest.publish(news),
      onElection: (elected) => rest.onElection(elected),
    });
    const { roster } = replica;
    const onVerdict = () => rest.onVerdict();
    this.#places = new DhtProber({
      timers: systemTimers,
      missing: () => messages.missing(),
      probe: (nodeId, place) => messages.probe(nodeId, place),
      onMember: (nodeId, place) => rest.peers?.tryAt(nodeId, place),
    });
    this.health = new HealthWatch({ ...ports, roster, self: identity.id, messages, plane, echo, onVerdict });
  }

  /** How nodes nearby are found; undefined when they are not looked for. */
  get lan(): LanDiscovery | undefined {
    return this.#lan;
  }

  /** How nodes anywhere are found; undefined unless the options say so. */
  get dht(): DhtDiscovery | undefined {
    return this.#dht;
  }

  /** @returns where a member was heard, or has opened, the latest first */
  endpointsOf(nodeId: NodeId): Endpoint[] {
    return [...this.#lan?.endpointsOf(nodeId) ?? [], ...this.#places.endpointsOf(nodeId)];
  }

  /** Begins to talk. */
  async start(): Promise<void> {
    this.messages.start();
    this.health.start();
    this.leaders.start();
    this.#startDht();
    await this.#startDiscovery();
  }

  /** Follows changes of who the members are. */
  followRoster(): void {
    this.messages.followRoster();
    this.leaders.follow();
  }

  /** Ends all of it, once. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#places.close();
    await Promise.all([this.#lan?.close(), this.#dht?.close()]);
    this.health.close();
    this.leaders.close();
    await this.messages.close();
  }

  /** A member whose record has expired is back. */
  #renew(record: MemberRecord): boolean {
    const { mesh: { admission }, publish } = this.#parts;
    const renewed = admission?.renew(record);
    if (typeof renewed !== "object") return false;
    publish({ ...NO_UPDATE, records: [renewed.signed] });
    return true;
  }

  #startDht(): void {
    const { mesh, options, log, cidrs } = this.#parts;
    this.#dht = DhtDiscovery.start({
      networkId: mesh.network.id,
      port: options.port,
      options,
      log,
      overlay: cidrs,
      isLooking: () => this.messages.missing().length > 0,
      observer: (place) => this.#places.add(place),
    });
  }

  async #startDiscovery(): Promise<void> {
    const { messages, health } = this;
    const { mesh, options, peers, log, cidrs } = this.#parts;
    const { roster, identity: { id: self } } = mesh;
    const found = new MovedMembers({ clock: systemClock, roster, self, messages, health, peers });
    const lan = await LanDiscovery.start({
      networkId: mesh.network.id,
      nodeId: self,
      role: { kind: "member", port: options.port, isLeader: () => mesh.role === "leader" },
      options,
      log,
      overlay: cidrs,
      observer: ({ kind, nodeId, endpoint }) => {
        if (kind === "found") void found.follow(nodeId, endpoint);
      },
    });
    if (this.#isClosed) await lan?.close();
    else this.#lan = lan;
  }
}
