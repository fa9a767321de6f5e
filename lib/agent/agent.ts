/**
 * One running node: both planes, the roster between them, and the host under them.
 * @module
 */

import { type Clock, LimitedLogger, type LogCategory, type StateStore, type WeftError } from "../base/mod.ts";
import { channelCounters } from "../channel/mod.ts";
import { type MeshState, TOKEN_KIND } from "../mesh/mod.ts";
import { carrierSockets, MultiBufferLoader } from "../dataplane/mod.ts";
import { builtInDrivers } from "../../drivers/mod.ts";
import type { ServiceSettings } from "../service/mod.ts";
import { listenTcp, type StreamListener } from "../transport/mod.ts";
import { type AgentContext, contextOf, type GivenContext } from "./agent_context.ts";
import { Authority } from "./authority/mod.ts";
import { Carriers } from "./carriers/mod.ts";
import { DataPlane } from "./data_plane.ts";
import { Departure } from "./departure.ts";
import { EndpointSelector } from "./endpoint_selector.ts";
import { followAddresses, hostAddresses, HostNetwork } from "./host_network.ts";
import { InterruptedError, RemovedError } from "./errors.ts";
import { unconfirmedLabelsText } from "./leaders/mod.ts";
import { MemberSession } from "./member_session.ts";
import { MemberFinder } from "./member_finder.ts";
import { Rejoin } from "./join/mod.ts";
import { messagePlaneDial } from "./links/mod.ts";
import { isNameTaken, type NameService, RunningNames } from "./names/mod.ts";
import { hostDevices, Networks, ProgramEndpoints } from "./networks/mod.ts";
import { OwnRecord, type ReopenedNode } from "./own_record.ts";
import { checkHostNetwork, DeviceSecrets } from "./overlay/mod.ts";
import { NodePolicies } from "./policy/mod.ts";
import { RelayHost } from "./relay/mod.ts";
import { Routes } from "./routes/mod.ts";
import type { StatusReport } from "../api/mod.ts";
import { DeclaredOffers, ServiceHost } from "./services/mod.ts";
import { buildStatus, VERSION } from "./status_report.ts";
import { startUpkeep } from "./upkeep.ts";
import { NodeView } from "./view/mod.ts";
import { type Warnings, watchForWarnings } from "./warnings/mod.ts";

/** How long the answer to who had this node leave or stop may take on its way. */
const ANSWER_DELAY_MS = 100;

/** A node's state, and how it is to run. */
export interface AgentParts extends GivenContext {
  /** Closed by `stop`. */
  readonly store: StateStore & Disposable;
  readonly service?: ServiceSettings;
}

/** Starts, connects and stops everything. */
export class Agent {
  readonly mesh: MeshState;
  readonly secrets: DeviceSecrets;
  /** What members may do. */
  readonly authority: Authority;
  /** What this node offers to others, and calls. */
  readonly services: ServiceHost;
  readonly departure: Departure;
  /** Overlay networks, which carry frames. */
  readonly networks: Networks;
  /** Networks behind members. */
  readonly routes: Routes;
  /** Who may reach whom, and what leaders do about it. */
  readonly policies: NodePolicies;
  /** What this node carries for others. */
  readonly relay: RelayHost;
  /** Packets over streams, where UDP is blocked. */
  readonly carriers: Carriers;
  /** What the options offer. */
  readonly offers: DeclaredOffers;
  /** What whoever looks at a page sees beyond the status. */
  readonly view: NodeView;
  /** Endpoints of programs in this process. */
  readonly programEndpoints: ProgramEndpoints;
  readonly clock: Clock;
  /** Settles when the agent has ended; rejects when that was not by `stop`. */
  readonly closed: Promise<void>;
  readonly #ended = Promise.withResolvers<void>();
  readonly #context: AgentContext;
  readonly #ownRecord: OwnRecord;
  readonly #warnings: Warnings;
  readonly #rejoin: Rejoin;
  readonly #madeAt: number;
  readonly #channelCounters = channelCounters();
  readonly #resources = new AsyncDisposableStack();
  readonly #multiBuffer: MultiBufferLoader;
  #starting: Promise<void> | undefined;
  #disposing: Promise<void> | undefined;
  #state: StatusReport["state"] = "starting";
  #session: MemberSession | undefined;
  readonly #dataPlane: DataPlane;
  readonly #names: RunningNames;

  constructor(parts: AgentParts) {
    const { mesh, options } = parts;
    this.mesh = mesh;
    this.clock = parts.clock;
    this.secrets = new DeviceSecrets(parts.store);
    // The first to follow the replica: what others do on a change, they may do by what has changed.
    const authority = this.authority = new Authority(mesh);
    // Every part is handed this log, so that nothing that others send fills the user's.
    const log = this.#resources.use(new LimitedLogger(parts.log, parts));
    this.#multiBuffer = this.#resources.use(new MultiBufferLoader(options.cipher));
    const endpoints = new EndpointSelector(mesh, options, parts.named);
    const members = new MemberFinder(mesh, options.dnsZone, () => this.#session?.leaders.elected);
    const addresses = () => hostAddresses(endpoints.isOwnDevice);
    const hostNetwork = new HostNetwork({ ...parts, log }, addresses, followAddresses);
    this.#context = { ...parts, log, authority, endpoints, hostNetwork, members };
    const of = (category: LogCategory) => contextOf(this.#context, category);
    this.#madeAt = parts.clock.now();
    this.closed = this.#ended.promise;
    // Whoever does not wait for the end must not be ended by it.
    this.closed.catch(() => {});
    this.routes = new Routes({
      ...of("routes"),
      ownerOf: (nodeId) => this.networks.book.ownerOf(nodeId),
      health: (nodeId) => this.#session?.health.checker.figures(nodeId),
      linkedAt: () => this.#session?.linkedAt() ?? [],
    });
    this.programEndpoints = new ProgramEndpoints(() => this.networks, of("networks").log);
    this.networks = new Networks({
      context: of("networks"),
      devices: this.programEndpoints.among(hostDevices(of("networks"), this.routes.gatewayHost)),
      drivers: builtInDrivers(),
      askLeaders: async (request) => await this.#session?.leaders.askPatiently(request),
    });
    const relayed = { ...of("dataplane"), isHindered: () => this.routes.exit.chosen !== undefined };
    this.relay = this.#resources.use(new RelayHost(relayed));
    this.carriers = new Carriers({
      ...of("dataplane"),
      relay: this.relay,
      planePort: () => this.#dataPlane.overlay && parts.options.port,
      openSocket: carrierSockets(parts.options.rootless || parts.options.dataplane === "portable"),
    });
    this.policies = new NodePolicies({
      ...parts,
      ...of("policy"),
      networks: () => this.networks.book.networks,
      routed: () => this.routes.book.blocks(),
      onChange: () => {
        this.services.handlePolicyChange();
        this.policies.hide(this.#names.service);
      },
    });
    this.#names = new RunningNames(of("dns"), {
      offered: () => this.services.offered(),
      isStopping: () => this.#state === "stopping",
      onOpen: (names) => this.policies.hide(names),
    });
    this.services = new ServiceHost({
      ...of("services"),
      policy: this.policies.messages.guard,
      node: this,
      counters: this.#channelCounters,
      settings: parts.service,
      ownerOf: (nodeId) => this.networks.book.ownerOf(nodeId),
      onChange: () => this.#names.service?.services.followSoon(),
    });
    this.offers = new DeclaredOffers(this.services.forward, of("services").log);
    const taken = { mesh, authority, zone: options.dnsZone, offered: () => this.services.offered() };
    mesh.leadership.isNameTaken = (name) => isNameTaken(name, taken);
    const rejoin = this.#rejoin = new Rejoin({
      ...of("mesh"),
      own: () => endpoints.own(),
      dial: messagePlaneDial(),
    });
    this.#warnings = this.#resources.use(watchForWarnings(this.#context, {
      restate: () => this.#session?.restate(),
      clockSkews: () => this.#session?.messages.clockSkews() ?? new Map(),
      others: () => [rejoin, this.#session?.messages.conflicts, this.services.servers],
    }));
    this.view = this.#resources.use(
      new NodeView({
        ...this.#context,
        session: () => this.#session,
        runtime: this.services.runtime,
        peers: () => this.status().peers,
        policies: () => this.policies.all,
        warnings: () => this.#warnings.look(),
      }),
    );
    this.#dataPlane = new DataPlane({
      context: of("dataplane"),
      node: this,
      isStarting: () => this.#state === "starting",
      end: (reason) => this.#end(reason),
    }, this.#resources);
    for (const part of [parts.store, parts.preparedPlane, this.routes]) this.#resources.use(part);
    this.departure = new Departure(parts);
    this.#ownRecord = new OwnRecord(this.#context, this.departure, this.#reopened());
    this.#resources.defer(() => this.departure.finish(parts.store));
    this.#resources.defer(() => authority.close());
    this.#resources.defer(this.policies.open());
    this.#resources.defer(mesh.replica.subscribe({
      handleEntryEvent: ({ kind }) => {
        if (kind === TOKEN_KIND) this.shareTokens();
      },
      handleMembersChange: () => this.#ownRecord.follow(),
    }));
  }

  /** Whom people mean. */
  get members(): MemberFinder {
    return this.#context.members;
  }

  /** Links, leaders and health, while the agent runs; another one after the keys have changed. */
  get session(): MemberSession | undefined {
    return this.#session;
  }

  /** Whether it has stopped, or is about to, because it has left its network. */
  get hasLeft(): boolean {
    return this.departure.isDone;
  }

  /** The names that this node serves, while it runs and unless they are off. */
  get names(): NameService | undefined {
    return this.#names.service;
  }

  /**
   * Opens the ports, makes the interface, and begins to talk. Harmless when repeated.
   * @throws WeftError that says what this host lacks; then everything is taken back
   * @throws InterruptedError when it was stopped before
   */
  async start(): Promise<void> {
    try {
      await (this.#starting ??= this.#start());
    } catch (error) {
      // The first failure is the one to throw.
      await this.stop().catch(() => {});
      throw error;
    }
  }

  /** Stops everything and leaves the host as it was. Harmless when repeated. */
  async stop(): Promise<void> {
    this.#state = "stopping";
    // What the start still makes is unmade by itself, and it needs the store for that.
    await this.#starting?.catch(() => {});
    await this.#dispose();
  }

  status(): StatusReport {
    return buildStatus({
      context: this.#context,
      state: this.#state,
      uptimeMs: this.#context.clock.now() - this.#madeAt,
      overlay: this.#dataPlane.overlay,
      names: this.names,
      session: this.#session,
      services: this.services,
      networks: this.networks,
      relay: this.relay,
      warnings: this.#warnings.look(),
      channelDrops: { ...this.#channelCounters.snapshot(), ...this.carriers.drops() },
      frameDrops: this.#dataPlane.frameDrops(),
    });
  }

  /** Lets the other leaders know this one's tokens. @param hasHeir whether there is about to be another one */
  shareTokens(hasHeir = false): void {
    this.mesh.replica.publish(this.mesh.shareTokens(hasHeir));
  }

  /**
   * Draws new keys, has them signed, and goes on under them.
   * @throws UnreachableError when no leader answers, InvalidRequestError when all refuse
   */
  async rotateKey(): Promise<void> {
    const leaders = this.#session?.leaders;
    if (leaders === undefined) throw new InterruptedError();
    await leaders.acts.rotate(this.mesh.prepareRotation(this.#context.endpoints.own()));
    await this.#ownRecord.changeKeys();
  }

  /** Tells others where this node is, by its options as they are now. */
  async followStatement(): Promise<void> {
    const { named, options } = this.#context;
    named?.follow(options.endpoints);
    await named?.look();
    this.#session?.restate();
  }

  /** Has the session, and with it names, begin anew by the options as they are now. @throws WeftError */
  async reopenSession(withNames: boolean): Promise<void> {
    await this.#ownRecord.reopen(withNames);
  }

  /**
   * Leaves the network. When it returns, this node is no member any more and stops; what it knew of the network is put
   * away when it has stopped, or at the next start after a crash.
   * @param isForced whether it leaves when no leader knows, too
   * @returns whether a leader knows
   * @throws UnreachableError when no leader answers, InvalidRequestError when this node is the last leader
   */
  async leave(isForced: boolean): Promise<boolean> {
    const leaders = this.#session?.leaders;
    if (leaders === undefined || this.#state !== "running") throw new InterruptedError();
    const isKnown = await this.departure.leave(leaders.acts, isForced);
    this.stopSoon();
    return isKnown;
  }

  /** Stops when whoever asked for that has the answer. */
  stopSoon(): void {
    this.#context.timers.setTimer(ANSWER_DELAY_MS, () => {
      this.stop().catch((error) => this.#context.log.error("cannot take everything back", { error }));
    });
  }

  /** What follows this node's own record. */
  #reopened(): ReopenedNode {
    return {
      isRunning: () => this.#state === "running",
      overlay: () => this.#dataPlane.overlay,
      closeSession: () => this.#session?.close(),
      startSession: () => this.#startSession(),
      closeNames: () => this.#names.close(),
      startNames: () => this.#names.open(),
      advertiseSoon: () => this.services.adverts.advertiseSoon(),
      end: (reason) => this.#end(reason),
    };
  }

  async #start(): Promise<void> {
    const { options } = this.#context;
    const dataPlane = this.#dataPlane;
    if (this.#state !== "starting") throw new InterruptedError();
    const { roster, identity, isRotating } = this.mesh;
    if (roster.isRevoked(identity.publicKey) && !isRotating) throw new RemovedError();
    this.mesh.adoptRotation();
    // What waits from loading is read as a whole by those who subscribe from now on.
    this.mesh.replica.deliverEvents();
    this.policies.all.start();
    this.#resources.defer(this.mesh.replica.subscribe(this.services.adverts));
    checkHostNetwork(options, this.#context.endpoints.overlay);
    const listener = this.#resources.adopt(listenTcp({ port: options.port }), (each) => each.close());
    // The host's resolver is looked for while the thread of the packet plane starts.
    await Promise.all([options.rootless || dataPlane.openInterface(), this.#names.prepare()]);
    this.#resources.defer(() => this.#names.close());
    await this.#names.open();
    this.#context.endpoints.updateStatement(true);
    dataPlane.overlay?.peers.start();
    this.relay.start();
    this.#resources.defer(() => this.#session?.close());
    this.#resources.defer(() => this.carriers.close());
    await this.#startSession(listener);
    dataPlane.startNetworks();
    if (dataPlane.overlay !== undefined) this.#resources.use(this.routes.start(dataPlane.overlay));
    this.services.start();
    this.#resources.defer(() => this.services.close());
    await this.offers.follow(options);
    this.#resources.defer(startUpkeep(this.#context, this, { rejoin: this.#rejoin, dataPlane }));
    if (this.#state === "starting") this.#state = "running";
    const unconfirmed = unconfirmedLabelsText(this.mesh);
    if (unconfirmed !== undefined) this.#context.log.warn(unconfirmed);
    this.#ownRecord.follow();
    this.view.watch.handleStart(VERSION);
  }

  async #startSession(
    listener: StreamListener = listenTcp({ port: this.#context.options.port }),
  ): Promise<void> {
    this.#session = new MemberSession({
      ...contextOf(this.#context, "mesh"),
      counters: this.#channelCounters,
      listener,
      overlay: this.#dataPlane.overlay,
      services: this.services,
      names: this.names,
      networks: this.networks,
      packetRelay: this.relay,
      multiBuffer: this.#multiBuffer.find,
      carriers: this.carriers,
      rejoin: this.#rejoin,
      linkTables: this.view.links,
      timeline: this.view.watch,
    });
    await this.#session.start();
  }

  #end(reason: WeftError): void {
    if (this.#state === "stopping") return;
    this.#state = "stopping";
    // Before it is logged, so that no stop in answer comes first and hides the reason.
    const disposed = this.#dispose(reason);
    this.#context.log.error(reason.message);
    disposed.catch((error) => this.#context.log.error("cannot take everything back", { error }));
  }

  /** Takes everything back, once, whoever asks first; whoever asks later waits for the same. */
  #dispose(reason?: WeftError): Promise<void> {
    return this.#disposing ??= this.#resources.disposeAsync().finally(() => {
      if (reason === undefined) this.#ended.resolve();
      else this.#ended.reject(reason);
    });
  }
}
