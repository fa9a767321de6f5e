/**
 * Services on a running node: the runtime, with the channels, the replicated state and the programs of the agent.
 *
 * ```
 *   channel of a member ──▶ EarlyMessageGate ──▶ NodeRuntime ──▶ MeshPeers ──▶ channels
 *   Unix socket ──▶ ProgramListener ─────────────────▲     └── adverts ⇄ AdvertSync ⇄ gossip
 * ```
 *
 * @module
 */

import { type Counters, memoryAccount } from "../../base/mod.ts";
import type { Channel, ChannelDropReason } from "../../channel/mod.ts";
import { type CollectionRequest, DataHost, type QueueSpec, SealHost, ShardHost } from "../../data/mod.ts";
import { systemCompressor } from "../../host/mod.ts";
import type { MemberRecord, NodeId } from "../../mesh/mod.ts";
import type { MessageGuard } from "../../policy/mod.ts";
import {
  DEFAULT_DRAIN_MS,
  NodeRuntime,
  type PeerId,
  peerId,
  type ServiceAdvert,
  type ServiceSettings,
} from "../../service/mod.ts";
import { SocketYield } from "../../transport/mod.ts";
import { DataServers, ServerActs } from "../data_servers/mod.ts";
import { callStatsReport } from "./call_stats_report.ts";
import { DataStore } from "./data_store.ts";
import { StreamForwarder } from "./stream_forwarder.ts";
import type { AgentContext } from "../agent_context.ts";
import type { OfferedService } from "../names/mod.ts";
import type { Link } from "../links/mod.ts";
import { spokenProtocols } from "../protocol_options.ts";
import { ProgramListener } from "./program_listener.ts";
import type { ServicesReport } from "../../api/mod.ts";
import { EarlyMessageGate, type ForwardHandler } from "../peers/mod.ts";
import { asNodeId, asPeerId, MeshPeers, type RunningNode } from "../peers/mod.ts";
import { AdvertSync } from "../peers/mod.ts";
import { MemberLayoutKeys } from "./layout_keys.ts";
import { MemberSealingKeys } from "./sealing_keys.ts";
import { OfferSync } from "./offer_sync.ts";

interface ServiceHostParts extends AgentContext {
  readonly node: RunningNode;
  /** Counts why channels to programs come to an early end. */
  readonly counters: Counters<ChannelDropReason>;
  readonly settings?: ServiceSettings | undefined;
  /** Who a node is now, whose keys may have changed. */
  readonly ownerOf: (nodeId: NodeId) => MemberRecord | undefined;
  /** What the network's policy says. */
  readonly policy: MessageGuard;
  /** What is offered has changed, or who is linked. */
  onChange(): void;
}

/** Whose memory those use together who are no members yet. */
const NEWCOMERS = peerId("newcomers");

/** The services of one node, while it runs. */
export class ServiceHost {
  readonly runtime: NodeRuntime;
  readonly forward: StreamForwarder;
  /** Where collections are kept. */
  readonly collections: DataStore;
  /** The adverts of nodes in the replicated state. */
  readonly adverts: AdvertSync;
  /** The TCP ports that nodes let others reach. */
  readonly offers: OfferSync;
  /** The collections that this node owns. */
  readonly data: DataHost;
  /** Its shards of collections that are spread. */
  readonly shards: ShardHost;
  /** The server of collections on this node, if it is to run one. */
  readonly servers: DataServers;
  readonly serverActs: ServerActs;
  readonly #seal: SealHost;
  readonly #parts: ServiceHostParts;
  readonly #peers: MeshPeers;
  readonly #gates = new WeakMap<Channel, EarlyMessageGate>();
  readonly #eventLoop: SocketYield;
  #programs: ProgramListener | undefined;
  #unfollow: () => void = () => {};
  readonly #drainMs: number;
  #draining: Promise<void> | undefined;
  #isClosed = false;

  constructor(parts: ServiceHostParts) {
    this.#parts = parts;
    const { clock, timers, random, log, mesh, options, settings, policy } = parts;
    this.#drainMs = settings?.drainMs ?? DEFAULT_DRAIN_MS;
    const onChange = () => parts.onChange();
    this.#eventLoop = new SocketYield(timers);
    this.#peers = new MeshPeers(
      parts,
      parts.node,
      (peer) =>
        this.runtime.directory.advertsOf(peer).flatMap(({ services }) => services).map((one) => one.path),
    );
    this.runtime = new NodeRuntime({
      clock,
      timers,
      random,
      log,
      links: this.#peers,
      peers: this.#peers,
      policy,
      compressor: systemCompressor,
      ...settings,
      onAdvertChange: () => {
        this.adverts.advertiseSoon();
        onChange();
      },
    });
    this.adverts = new AdvertSync(parts, this.runtime, onChange);
    this.forward = new StreamForwarder({
      peers: this.#peers,
      policy,
      onOffersChange: () => this.offers.publishSoon(),
      ownAddress: () => options.rootless ? undefined : mesh.record.addresses[0]?.toString(),
      tunnelAddress: (peer) => options.rootless ? undefined : this.#peers.tunnelAddress(peer),
    });
    this.offers = new OfferSync(parts, () => this.forward.offered());
    const store = this.collections = new DataStore(options.stateDir, mesh.network.id, clock);
    const { data } = options;
    const kept = {
      ...{ clock, timers, log, runtime: this.runtime, peers: this.#peers, policy },
      hasState: () => data !== undefined || this.servers.isHost || store.exists(),
      isShared: () => data !== undefined || this.servers.isHost,
      makeElsewhere: (request: CollectionRequest) => this.servers.makeElsewhere("collection", request),
      makeQueueElsewhere: (spec: QueueSpec) => this.servers.makeElsewhere("queue", spec),
    };
    this.servers = new DataServers({
      ...parts,
      request: (path, params, options) => this.runtime.request(path, params, options),
      isLeader: (caller) => this.#peers.isOperator(peerId(caller)),
      open: (kind, request) =>
        kind === "queue"
          ? this.data.openQueueFor(request as QueueSpec)
          : this.data.openFor(request as CollectionRequest),
      share: async (access) => {
        if (access !== undefined) this.data.engine();
        await store.share(access, parts);
        this.data.followShared();
      },
      setCopyAside: (folder) => store.setSharedAside(folder),
      kept: () => store.kept(),
      health: () => store.health(),
      reach: () => store.reach,
    });
    this.serverActs = new ServerActs({ ...parts, servers: this.servers });
    this.#seal = new SealHost({
      keys: new MemberSealingKeys(mesh, this.#peers, random),
      random,
      request: (path, params, options) => this.runtime.request(path, params, options),
    });
    this.shards = new ShardHost({
      ...kept,
      keys: new MemberLayoutKeys(mesh),
      engine: () => this.data.engine(),
    });
    this.data = new DataHost({
      ...kept,
      shards: this.shards,
      openEngine: () => data === undefined ? store.open() : store.openShared({ ...options, data }, parts),
    });
  }

  /** Another policy is in force: what it takes away ends. */
  handlePolicyChange(): void {
    this.runtime.handlePolicyChange();
    this.forward.handlePolicyChange();
  }

  /** Tells others what this node offers, and reads what they do. */
  start(): void {
    const { replica } = this.#parts.mesh;
    this.#unfollow = replica.subscribe({ handleRosterEvent: () => this.runtime.followMembers() });
    this.runtime.followMembers();
    this.adverts.start();
    this.offers.start();
    void this.runtime.services.add(this.#seal.definition()).start();
    this.shards.start();
    this.data.start();
    void this.runtime.services.add(this.servers.definition()).start();
    this.servers.start();
  }

  /** How many programs are attached. */
  get programs(): number {
    return this.#programs?.size ?? 0;
  }

  /** Everything that nodes offer, this one too. */
  offered(): readonly OfferedService[] {
    const { runtime: { directory }, runtime } = this;
    const of = (peer: PeerId, { services }: ServiceAdvert, isHealthy: boolean) =>
      services.map((service) => ({ nodeId: asNodeId(peer), service, isHealthy }));
    return [
      ...of(this.#peers.self, runtime.advert(), true),
      ...directory.peers().flatMap((peer) => {
        const isHealthy = this.#peers.isHealthy(peer);
        return directory.advertsOf(peer).flatMap((advert) => of(peer, advert, isHealthy));
      }),
    ];
  }

  /** @returns what the status says of services */
  report(): ServicesReport {
    const { runtime, programs } = this;
    const now = this.#parts.clock.now();
    const reports = runtime.report();
    const providers = reports.flatMap((report) => report.providers);
    const healthy = providers.filter(({ state, isHealthy }) => state === "running" && isHealthy).length;
    return {
      services: reports.length,
      providers: { healthy, unhealthy: providers.length - healthy },
      calls: { pending: runtime.pendingCalls, running: runtime.runningCalls },
      callStats: callStatsReport(runtime.stats, now),
      programs,
      rejected: runtime.rejected + this.adverts.refused,
      refused: { adverts: runtime.refusedAdverts, events: runtime.refusedEvents },
      openBreakers: runtime.directory.openBreakers(now) + runtime.programs.directory.openBreakers(now),
      memory: { usedBytes: runtime.memory.usedBytes, refused: runtime.memory.refused },
    };
  }

  /** Accepts programs of this machine; once. @throws SocketError, SocketPathInUseError */
  async openPrograms(path: string): Promise<void> {
    const programs = await ProgramListener.open(path, {
      ...this.#parts,
      peers: this.#peers,
      runtime: this.runtime,
      protocols: spokenProtocols(this.#parts.options),
      prepare: (channel, program) => this.#prepare(channel, program),
    });
    // It may have been closed meanwhile.
    if (this.#isClosed) await programs.close();
    else this.#programs = programs;
  }

  /** A channel to another node was made, and nothing has been read from it. */
  prepare(channel: Channel): void {
    const record = this.#parts.mesh.roster.recordByKey(channel.remoteStatic);
    this.#prepare(channel, record === undefined ? NEWCOMERS : asPeerId(record.nodeId));
  }

  #prepare(channel: Channel, origin: PeerId): EarlyMessageGate {
    channel.limitTurns(this.#eventLoop);
    channel.limitMemory(memoryAccount(this.runtime.memory, origin));
    const { runtime, forward } = this;
    const onForward: ForwardHandler = (peer, header, stream) => forward.handleStream(peer, header, stream);
    const gate = new EarlyMessageGate(channel, runtime, onForward);
    this.#gates.set(channel, gate);
    return gate;
  }

  /** A channel has become the link to a member. */
  handleLink({ nodeId, channel }: Link): void {
    const peer = asPeerId(nodeId);
    this.#gates.get(channel)?.open(peer);
    this.runtime.handleLink(peer);
    this.#parts.onChange();
  }

  /** A channel of a member closes; what arrives on it until then is handled. */
  handleSpareLink({ nodeId, channel }: Link): void {
    this.#gates.get(channel)?.open(asPeerId(nodeId));
  }

  /** A link has ended; another one may have taken its place. */
  handleLinkClosed(nodeId: NodeId): void {
    const peer = asPeerId(nodeId);
    this.runtime.handleLinkLost(peer, this.#peers.channel(peer) === undefined);
    this.#parts.onChange();
  }

  /**
   * Withdraws the adverts, refuses further calls of others, and waits for those that are under way; once, whoever asks.
   * @param limitMs how long at most; as the node was made with unless given
   */
  drain(limitMs: number = this.#drainMs): Promise<void> {
    return this.#draining ??= this.#drain(limitMs);
  }

  async #drain(limitMs: number): Promise<void> {
    const { mesh, log } = this.#parts;
    // Nobody reaches a node that is no member any more.
    const isRemoved = mesh.roster.isRevoked(mesh.identity.publicKey);
    const drained = this.runtime.drain(isRemoved ? 0 : limitMs);
    try {
      this.adverts.advertiseNow();
    } catch (error) {
      // A full disk is no reason to stay.
      log.warn("cannot take this node's services back", { error });
    }
    if (!await drained && !isRemoved) log.warn("calls that were under way are cut off", { afterMs: limitMs });
  }

  /** Withdraws the adverts while there are links, drains, then stops services, programs and connections. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unfollow();
    await this.drain();
    try {
      this.adverts.close();
      this.offers.close();
    } catch (error) {
      // A full disk is no reason to stay.
      this.#parts.log.warn("cannot take this node's services back", { error });
    }
    await this.runtime.close();
    this.shards.close();
    await this.data.close();
    await this.servers.close();
    await this.forward.close();
    await this.#programs?.close();
    await this.#eventLoop.close();
  }
}
