/**
 * One running node: both planes, the roster between them, and the host under them.
 * @module
 */

import { type Logger, type Millis, silentLogger, type StateStore, type WeftError } from "../base/mod.ts";
import { channelCounters } from "../channel/mod.ts";
import type { AgentOptions } from "../config/mod.ts";
import type { PublicKey } from "../crypto/mod.ts";
import { systemClock, systemTimers } from "../host/mod.ts";
import { type MeshState, NO_UPDATE, type NodeId, type ReplicaUpdate, TOKEN_KIND } from "../mesh/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import type { CarrierLimits } from "../service/mod.ts";
import { listenTcp, type StreamListener } from "../transport/mod.ts";
import { checkHostNetwork, DeviceSecrets, OverlayInterface } from "./overlay/mod.ts";
import { InterruptedError, RemovedError } from "./errors.ts";
import type { HealthWatch } from "./health/mod.ts";
import { KeyChange, type LeaderCoordinator } from "./leaders/mod.ts";
import { MemberSession } from "./member_session.ts";
import type { MessagePlane } from "./links/mod.ts";
import { NameService } from "./names/mod.ts";
import type { StatusReport } from "../api/mod.ts";
import { ServiceHost } from "./services/mod.ts";
import { buildStatus } from "./status_report.ts";
import { keepUp } from "./upkeep.ts";
import { EndpointSelector } from "./endpoints/mod.ts";

/** What an agent is made of. */
export interface AgentParts {
  readonly mesh: MeshState;
  /** Closed by `stop`. */
  readonly store: StateStore & Disposable;
  readonly options: AgentOptions;
  readonly logger?: Logger;
  readonly limits?: CarrierLimits;
}

/** Starts, connects and stops everything. */
export class Agent {
  readonly mesh: MeshState;
  readonly secrets: DeviceSecrets;
  /** What this node offers to others, and calls. */
  readonly services: ServiceHost;
  /** Settles when the agent has ended; rejects when that was not by `stop`. */
  readonly closed: Promise<void>;
  readonly #parts: AgentParts;
  readonly #log: Logger;
  readonly #ended = Promise.withResolvers<void>();
  readonly #madeAt: Millis = systemClock.now();
  readonly #channelCounters = channelCounters();
  readonly #resources = new AsyncDisposableStack();
  readonly #endpoints: EndpointSelector;
  readonly #keys: KeyChange;
  #starting: Promise<void> | undefined;
  #disposing: Promise<void> | undefined;
  #state: StatusReport["state"] = "starting";
  #interface: OverlayInterface | undefined;
  #session: MemberSession | undefined;
  #names: NameService | undefined;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.mesh = parts.mesh;
    this.secrets = new DeviceSecrets(parts.store);
    this.#endpoints = new EndpointSelector(parts.mesh, parts.options);
    this.#log = parts.logger ?? silentLogger;
    this.closed = this.#ended.promise;
    // Whoever does not wait for the end must not be ended by it.
    this.closed.catch(() => {});
    this.services = new ServiceHost({
      mesh: parts.mesh,
      log: this.#log,
      counters: this.#channelCounters,
      ...(parts.limits === undefined ? {} : { limits: parts.limits }),
      zone: parts.options.dnsZone,
      elected: () => this.leaders?.elected,
      hasInterface: !parts.options.rootless,
      messages: () => this.messages,
      health: () => this.health,
      publish: (entries) => this.publish({ ...NO_UPDATE, entries }),
      onChange: () => this.#names?.services.followSoon(),
    });
    this.#keys = new KeyChange({
      mesh: parts.mesh,
      options: parts.options,
      log: this.#log,
      leaders: () => this.leaders,
      tell: (news) => this.#session?.messages.tell(news),
      followRoster: () => this.followRoster(),
      beginAnew: () => this.#beginAnew(),
      publish: (news) => this.publish(news),
      fail: (error) => this.#end(error),
    });
    this.#resources.use(parts.store);
  }

  /** The message plane, while the agent runs. */
  get messages(): MessagePlane | undefined {
    return this.#session?.messages;
  }

  /** How the members are doing, while the agent runs; `suspect` has one probed at once. */
  get health(): HealthWatch | undefined {
    return this.#session?.health;
  }

  /** The leaders as this node sees them, while the agent runs. */
  get leaders(): LeaderCoordinator | undefined {
    return this.#session?.leaders;
  }

  /** The names that this node serves, while it runs and unless they are off. */
  get names(): NameService | undefined {
    return this.#names;
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
      // The first failure is the one to tell.
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
      mesh: this.mesh,
      clock: systemClock,
      state: this.#state,
      uptimeMs: systemClock.now() - this.#madeAt,
      listenPort: this.#parts.options.port,
      dataplane: this.#interface?.report ?? { kind: this.#parts.options.rootless ? "rootless" : "portable" },
      dns: this.#names?.report(),
      plane: this.#interface?.plane,
      messages: this.messages,
      health: this.health,
      discovery: this.#session?.lan,
      dht: this.#session?.dht,
      leaders: this.leaders,
      services: this.services,
      drops: {
        ...this.#channelCounters.snapshot(),
        ...this.#interface?.plane.drops(),
        ...this.#interface?.echo?.drops(),
        ...this.#session?.health.drops(),
        ...this.#session?.lan?.drops(),
        ...this.#session?.dht?.drops(),
      },
    });
  }

  /** Tells everybody what this node has changed in the roster, and follows it. */
  publish(news: ReplicaUpdate): void {
    this.#session?.messages.tell(news);
    this.followRoster();
  }

  /** Brings both planes in line with the roster. */
  followRoster(): void {
    const { roster, identity } = this.mesh;
    const { entries } = this.mesh.replica;
    for (let event = entries.pollEvent(); event !== undefined; event = entries.pollEvent()) {
      this.#names?.shared.handleEntryEvent(event);
      this.services.handleEntryEvent(event);
      if (event.kind === TOKEN_KIND) this.shareTokens();
    }
    let hasNewMembers = false;
    for (let event = roster.pollEvent(); event !== undefined; event = roster.pollEvent()) {
      this.#interface?.peers?.handleRosterEvent(event);
      this.#names?.handleRosterEvent(event);
      this.services.handleRosterEvent(event);
      if (event.kind === "endpoints-changed") this.#session?.messages.redial(event.nodeId);
      else hasNewMembers = true;
      // A record that has only expired, by a clock that may be wrong, is no reason to leave.
      const isOwn = event.nodeId === identity.id && roster.isRevoked(event.publicKey);
      if (isOwn && !this.mesh.isRotating) this.#end(new RemovedError());
    }
    if (!hasNewMembers) return;
    this.#session?.followRoster();
    if (this.mesh.isRotating && this.#state === "running") {
      this.#keys.goOn().catch((error) => this.#log.error("cannot go on under the new key", { error }));
    }
  }

  /** Lets the other leaders know this one's tokens. */
  shareTokens(): void {
    const news = this.mesh.shareTokens();
    if (news.entries.length > 0) this.#session?.messages.tell(news);
  }

  /**
   * Goes on under new keys.
   * @throws UnreachableError when no leader answers, InvalidRequestError when all refuse
   */
  async rotateKey(): Promise<void> {
    await this.#keys.rotate();
  }

  async #beginAnew(): Promise<boolean> {
    this.#interface?.followKey();
    // It takes its leave, which takes up to a second; packets do not wait for that.
    await this.#session?.close();
    if (this.#state !== "running") return false;
    await this.#startSession();
    this.services.refresh();
    return true;
  }

  async #start(): Promise<void> {
    const { options } = this.#parts;
    const { record } = this.mesh;
    if (this.#state !== "starting") throw new InterruptedError();
    if (record.revoked && !this.mesh.isRotating) throw new RemovedError();
    this.mesh.adoptRotation();
    if (!options.rootless) checkHostNetwork(options.interfaceName, this.#endpoints.overlay);
    const listener = listenTcp({ port: options.port });
    this.#resources.defer(() => listener.close());
    if (!options.rootless) await this.#openInterface();
    await this.#startNames();
    this.#endpoints.state();
    this.#interface?.peers?.start();
    // What waits from loading has been read by now.
    while (this.mesh.roster.pollEvent() !== undefined);
    this.#resources.defer(() => this.#session?.close());
    await this.#startSession(listener);
    this.services.start();
    this.#resources.defer(() => this.services.close());
    for (const { port, hostname, targetPort } of options.offers) {
      this.services.forward.offer(port, { hostname, port: targetPort });
    }
    this.#resources.defer(keepUp(systemTimers, this.#log, () => this.#lookAfter()));
    if (this.#state === "starting") this.#state = "running";
    // What this node was told while it started.
    this.followRoster();
  }

  async #startSession(
    listener: StreamListener = listenTcp({ port: this.#parts.options.port }),
  ): Promise<void> {
    const session = new MemberSession({
      ...this.#shared(),
      counters: this.#channelCounters,
      listener,
      plane: this.#interface?.plane,
      peers: this.#interface?.peers,
      echo: this.#interface?.echo,
      services: this.services,
      candidates: (stated, nodeId) => this.#candidates(stated, nodeId),
      publish: (news) => this.publish(news),
      announce: (publicKey) => this.#announce(publicKey),
      onRosterChange: () => this.followRoster(),
      onElection: (elected) => this.#names?.handleElection(elected),
      onVerdict: () => this.#names?.services.followSoon(),
    });
    this.#session = session;
    await session.start();
  }

  async #openInterface(): Promise<void> {
    const opened = await OverlayInterface.open({
      ...this.#shared(),
      store: this.#parts.store,
      secrets: this.secrets,
      candidates: (stated, nodeId) => this.#candidates(stated, nodeId),
      observer: (event) => this.#session?.health.handleDeviceEvent(event),
    });
    this.#resources.use(opened);
    if (this.#state !== "starting") throw new InterruptedError();
    this.#interface = opened;
    opened.ended.then((reason) => {
      if (reason !== undefined) this.#end(reason);
    });
  }

  async #startNames(): Promise<void> {
    const names = await NameService.open({
      ...this.#shared(),
      store: this.#parts.store,
      publish: (entries) => this.publish({ ...NO_UPDATE, entries }),
      offered: () => this.services.offered(),
    });
    if (this.#state !== "starting") {
      await names?.close();
      throw new InterruptedError();
    }
    this.#names = names;
    this.#resources.defer(async () => {
      try {
        await names?.close();
      } catch (error) {
        // It stays in the journal, and the next start or `weft cleanup` tries again.
        this.#log.error("cannot put this host's resolver back", { error });
      }
    });
  }

  /** What all parts stand on. */
  #shared() {
    return {
      mesh: this.mesh,
      options: this.#parts.options,
      log: this.#log,
      cidrs: this.#endpoints.overlay,
    };
  }

  /** Passes on the record of somebody who has just been let in. */
  #announce(publicKey: PublicKey): void {
    const { roster } = this.mesh;
    const member = roster.byPublicKey(publicKey);
    if (member === undefined) return this.followRoster();
    this.shareTokens();
    const record = roster.signedRecord(member.record.nodeId);
    const statement = roster.signedStatement(member.record.nodeId);
    this.publish({
      ...NO_UPDATE,
      records: record ? [record] : [],
      statements: statement ? [statement] : [],
    });
  }

  /** What time alone brings about. */
  #lookAfter(): void {
    this.mesh.replica.handleTimeout();
    this.#session?.leaders.renewDue();
    this.shareTokens();
    this.#names?.shared.refresh();
    this.services.refresh();
    const statement = this.#endpoints.state();
    this.publish({ ...NO_UPDATE, statements: statement === undefined ? [] : [statement] });
    void this.#session?.lan?.followInterfaces();
  }

  #candidates(stated: readonly Endpoint[], nodeId: NodeId): Endpoint[] {
    return this.#endpoints.candidates(stated, this.#session?.endpointsOf(nodeId) ?? []);
  }

  #end(reason: WeftError): void {
    if (this.#state === "stopping") return;
    this.#state = "stopping";
    // Before anybody hears of it, so that no stop in answer comes first and hides the reason.
    const disposed = this.#dispose(reason);
    this.#log.error(reason.message);
    disposed.catch((error) => this.#log.error("cannot take everything back", { error }));
  }

  /** Takes everything back, once, whoever asks first; whoever asks later waits for the same. */
  #dispose(reason?: WeftError): Promise<void> {
    return this.#disposing ??= this.#resources.disposeAsync().finally(() => {
      if (reason === undefined) this.#ended.resolve();
      else this.#ended.reject(reason);
    });
  }
}
