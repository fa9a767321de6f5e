/**
 * Services on a running node: the runtime, with the channels, the replicated state and the programs of the agent.
 *
 * ```
 *   channel of a member ──▶ EarlyMessageGate ──▶ NodeRuntime ──▶ MeshPeers ──▶ channels
 *   Unix socket ──▶ ProgramListener ─────────────────▲     └── adverts ⇄ SharedServices ⇄ gossip
 * ```
 *
 * @module
 */

import type { Counters, Logger } from "../../base/mod.ts";
import type { Channel, ChannelDropReason } from "../../channel/mod.ts";
import { systemClock, systemCompressor, systemEnvironment, systemTimers } from "../../host/mod.ts";
import type { EntryEvent, MeshState, NodeId, RosterEvent, Signed } from "../../mesh/mod.ts";
import { type CarrierLimits, NodeRuntime, type PeerId, type ServiceAdvert } from "../../service/mod.ts";
import { SocketYield } from "../../transport/mod.ts";
import { StreamForwarder } from "./stream_forwarder.ts";
import { memberOfHost, type OfferedService } from "../names/mod.ts";
import type { HealthWatch } from "../health/mod.ts";
import type { Link, MessagePlane } from "../links/mod.ts";
import { ProgramListener } from "./program_listener.ts";
import type { ServicesReport } from "../../api/mod.ts";
import { EarlyMessageGate, type ForwardHandler } from "./early_message_gate.ts";
import { asNodeId, asPeerId, MeshPeers } from "./mesh_peers.ts";
import { SharedServices } from "./shared_services.ts";

interface ServiceHostParts {
  readonly mesh: MeshState;
  readonly log: Logger;
  /** Counts why channels to programs come to an early end. */
  readonly counters: Counters<ChannelDropReason>;
  readonly limits?: CarrierLimits | undefined;
  /** The zone of names, with its final dot. */
  readonly zone: string;
  /** The elected leader, as of now. */
  elected(): NodeId | undefined;
  /** Whether members reach this node's ports by their tunnels. */
  readonly hasInterface: boolean;
  /** The message plane and the verdicts of health, as of now: others after the keys have changed. */
  messages(): MessagePlane | undefined;
  health(): HealthWatch | undefined;
  /** Gossips entries of this node. */
  publish(entries: readonly Signed[]): void;
  /** What is offered has changed, or who is linked. */
  onChange?(): void;
}

/** The services of one node, while it runs. */
export class ServiceHost {
  readonly runtime: NodeRuntime;
  readonly forward: StreamForwarder;
  readonly #parts: ServiceHostParts;
  readonly #peers: MeshPeers;
  readonly #shared: SharedServices;
  readonly #onForward: ForwardHandler;
  readonly #gates = new WeakMap<Channel, EarlyMessageGate>();
  readonly #eventLoop = new SocketYield(systemTimers);
  #programs: ProgramListener | undefined;
  #isClosed = false;

  constructor(parts: ServiceHostParts) {
    this.#parts = parts;
    const { mesh, log } = parts;
    this.#peers = new MeshPeers({
      roster: mesh.roster,
      self: () => mesh.identity.id,
      messages: () => parts.messages(),
      health: () => parts.health(),
      servicesOf: (peer) =>
        this.runtime.directory.advertsOf(peer).flatMap(({ services }) => services).map((one) => one.path),
    });
    this.runtime = new NodeRuntime({
      ...systemEnvironment(log),
      links: this.#peers,
      peers: this.#peers,
      compressor: systemCompressor,
      limits: parts.limits,
      onAdvertChange: () => {
        this.#shared.advertiseSoon();
        parts.onChange?.();
      },
    });
    this.#shared = new SharedServices({
      mesh,
      timers: systemTimers,
      log,
      runtime: this.runtime,
      publish: (entries) => parts.publish(entries),
      onChange: () => parts.onChange?.(),
    });
    this.forward = new StreamForwarder({
      find: (host) => this.#findHost(host),
      peers: this.#peers,
      ownAddress: () => parts.hasInterface ? mesh.record.addresses[0]?.toString() : undefined,
    });
    this.#onForward = (peer, header, stream) => this.forward.handleStream(peer, header, stream);
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
    const now = systemClock.now();
    const reports = runtime.report();
    const providers = reports.flatMap((report) => report.providers);
    const healthy = providers.filter(({ state, isHealthy }) => state === "running" && isHealthy).length;
    return {
      services: reports.length,
      providers: { healthy, unhealthy: providers.length - healthy },
      calls: { pending: runtime.pendingCalls, running: runtime.runningCalls },
      programs,
      rejected: runtime.rejected,
      openBreakers: runtime.directory.openBreakers(now) + runtime.programs.directory.openBreakers(now),
    };
  }

  /** Advertises what this node offers, and follows the adverts of others. */
  start(): void {
    this.#shared.start();
  }

  /** Accepts programs of this machine; once. @throws SocketError, SocketPathInUseError */
  async openPrograms(path: string): Promise<void> {
    const programs = await ProgramListener.open(path, {
      environment: systemEnvironment(this.#parts.log),
      peers: this.#peers,
      runtime: this.runtime,
      onForward: this.#onForward,
      eventLoop: this.#eventLoop,
      counters: this.#parts.counters,
    });
    // It may have been closed meanwhile.
    if (this.#isClosed) await programs.close();
    else this.#programs = programs;
  }

  /** A channel was made, and nothing has been read from it. */
  prepare(channel: Channel): void {
    channel.limitTurns(this.#eventLoop);
    this.#gates.set(channel, new EarlyMessageGate(channel, this.runtime, this.#onForward));
  }

  /** A channel has become the link to a member. */
  handleLink({ nodeId, channel }: Link): void {
    const peer = asPeerId(nodeId);
    this.#gates.get(channel)?.open(peer);
    this.runtime.handleLink(peer);
    this.#parts.onChange?.();
  }

  /** A link has ended; another one may have taken its place. */
  handleLinkClosed(nodeId: NodeId): void {
    const peer = asPeerId(nodeId);
    this.runtime.handleLinkLost(peer, this.#peers.channel(peer) === undefined);
    this.#parts.onChange?.();
  }

  /** Follows one change of the entries. */
  handleEntryEvent(event: EntryEvent): void {
    this.#shared.handleEntryEvent(event);
  }

  /** Follows one change of the roster. */
  handleRosterEvent(event: RosterEvent): void {
    this.#shared.handleRosterEvent(event);
  }

  /** Renews adverts that are to expire; early and repeated calls are harmless. */
  refresh(): void {
    this.#shared.advertiseSoon();
  }

  /** Withdraws the adverts while there are links, then stops services, programs and connections. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#shared.close();
    } catch (error) {
      // A full disk is no reason to stay.
      this.#parts.log.warn("cannot take this node's services back", { error });
    }
    await this.runtime.close();
    await this.forward.close();
    await this.#programs?.close();
    await this.#eventLoop.close();
  }

  #findHost(host: string): PeerId | undefined {
    const { mesh, zone, elected } = this.#parts;
    const nodeId = memberOfHost(host, { roster: mesh.roster, zone, cidr: mesh.cidr, elected: elected() });
    return nodeId && asPeerId(nodeId);
  }
}
