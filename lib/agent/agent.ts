/**
 * One running node: both planes, the roster between them, and the host under them.
 * @module
 */

import { LimitedLogger, repeat, type StateStore, WeftError } from "../base/mod.ts";
import { channelCounters } from "../channel/mod.ts";
import { type MeshState, NO_UPDATE, TOKEN_KIND } from "../mesh/mod.ts";
import type { CarrierLimits } from "../service/mod.ts";
import { listenTcp, type StreamListener } from "../transport/mod.ts";
import type { AgentContext } from "./agent_context.ts";
import { Authority } from "./authority.ts";
import { EndpointSelector, ownStatement } from "./endpoint_selector.ts";
import { InterruptedError, RemovedError } from "./errors.ts";
import { MemberSession } from "./member_session.ts";
import { isNameTaken, NameService } from "./names/mod.ts";
import { checkHostNetwork, DeviceSecrets, OverlayInterface } from "./overlay/mod.ts";
import type { StatusReport } from "../api/mod.ts";
import { ServiceHost } from "./services/mod.ts";
import { buildStatus } from "./status_report.ts";

/** How often expired records and changed addresses of this host are looked for. */
const UPKEEP_MS = 10_000;

/** A node's state, and how it is to run. */
export interface AgentParts extends Omit<AgentContext, "endpoints" | "authority"> {
  /** Closed by `stop`. */
  readonly store: StateStore & Disposable;
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
  readonly #ended = Promise.withResolvers<void>();
  readonly #context: AgentContext;
  readonly #madeAt: number;
  readonly #channelCounters = channelCounters();
  readonly #resources = new AsyncDisposableStack();
  #starting: Promise<void> | undefined;
  #disposing: Promise<void> | undefined;
  #changingKeys: Promise<void> | undefined;
  #state: StatusReport["state"] = "starting";
  #overlay: OverlayInterface | undefined;
  #session: MemberSession | undefined;
  #names: NameService | undefined;

  constructor(parts: AgentParts) {
    const { mesh, options } = parts;
    this.mesh = mesh;
    this.secrets = new DeviceSecrets(parts.store);
    // The first to follow the replica: what others do on a change, they may do by what has changed.
    const authority = new Authority(mesh);
    // Every part is handed this log, so that nothing that others send fills the user's.
    const log = this.#resources.use(new LimitedLogger(parts.log, parts));
    this.#context = { ...parts, log, authority, endpoints: new EndpointSelector(mesh, options) };
    this.#madeAt = parts.clock.now();
    this.closed = this.#ended.promise;
    // Whoever does not wait for the end must not be ended by it.
    this.closed.catch(() => {});
    this.services = new ServiceHost({
      ...this.#context,
      node: this,
      counters: this.#channelCounters,
      limits: parts.limits,
      onChange: () => this.#names?.services.followSoon(),
    });
    const taken = { mesh, authority, zone: options.dnsZone, offered: () => this.services.offered() };
    mesh.leadership.isNameTaken = (name) => isNameTaken(name, taken);
    this.#resources.use(parts.store);
    this.#resources.defer(() => authority.close());
    this.#resources.defer(mesh.replica.subscribe({
      handleEntryEvent: ({ kind }) => {
        if (kind === TOKEN_KIND) this.shareTokens();
      },
      handleMembersChange: () => this.#followOwnRecord(),
    }));
  }

  /** Links, leaders and health, while the agent runs; another one after the keys have changed. */
  get session(): MemberSession | undefined {
    return this.#session;
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
      overlay: this.#overlay,
      names: this.#names,
      session: this.#session,
      services: this.services,
      channelDrops: this.#channelCounters.snapshot(),
    });
  }

  /** Lets the other leaders know this one's tokens. */
  shareTokens(): void {
    this.mesh.replica.publish(this.mesh.shareTokens());
  }

  /**
   * Draws new keys, has them signed, and goes on under them.
   * @throws UnreachableError when no leader answers, InvalidRequestError when all refuse
   */
  async rotateKey(): Promise<void> {
    const leaders = this.#session?.leaders;
    if (leaders === undefined) throw new InterruptedError();
    await leaders.rotate(this.mesh.prepareRotation(ownStatement(this.#context.options)));
    await this.#changeKeys();
  }

  /** Goes on under the keys that the network has agreed to. Harmless when repeated, and when there are none. */
  #changeKeys(): Promise<void> {
    return this.#changingKeys ??= this.#beginAnew().finally(() => this.#changingKeys = undefined);
  }

  /** Ends everything that knows the node by its former keys, and begins anew. */
  async #beginAnew(): Promise<void> {
    const update = this.mesh.adoptRotation();
    if (update === undefined) return;
    const publicKey = this.mesh.identity.publicKey.toString();
    this.#context.log.info("this node goes on under a new key", { publicKey });
    try {
      this.#overlay?.followKey();
      // It says goodbye, which takes up to a second; packets do not wait for that.
      await this.#session?.close();
      if (this.#state !== "running") return;
      await this.#startSession();
      this.services.adverts.advertiseSoon();
      this.mesh.replica.publish(update);
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      this.#end(error);
    }
  }

  async #start(): Promise<void> {
    const { options } = this.#context;
    if (this.#state !== "starting") throw new InterruptedError();
    const { roster, identity, isRotating } = this.mesh;
    if (roster.isRevoked(identity.publicKey) && !isRotating) throw new RemovedError();
    this.mesh.adoptRotation();
    // What waits from loading is read as a whole by those who subscribe from now on.
    this.mesh.replica.deliverEvents();
    this.#resources.defer(this.mesh.replica.subscribe(this.services.adverts));
    checkHostNetwork(options, this.#context.endpoints.overlay);
    const listener = listenTcp({ port: options.port });
    this.#resources.defer(() => listener.close());
    if (!options.rootless) await this.#openInterface();
    await this.#startNames();
    this.#context.endpoints.updateStatement();
    this.#overlay?.peers.start();
    this.#resources.defer(() => this.#session?.close());
    await this.#startSession(listener);
    this.services.adverts.start();
    this.#resources.defer(() => this.services.close());
    this.#openOffers();
    // A full disk may have room again the next time, and a process that ran out of descriptors has some.
    const upkeep = { intervalMs: UPKEEP_MS, problem: "cannot look after the state" };
    this.#resources.defer(repeat(this.#context, upkeep, () => this.#lookAfter()));
    if (this.#state === "starting") this.#state = "running";
    this.#followOwnRecord();
  }

  async #startSession(
    listener: StreamListener = listenTcp({ port: this.#context.options.port }),
  ): Promise<void> {
    const session = new MemberSession({
      ...this.#context,
      counters: this.#channelCounters,
      listener,
      overlay: this.#overlay,
      services: this.services,
      names: this.#names,
    });
    this.#session = session;
    await session.start();
  }

  #openOffers(): void {
    const { options, log } = this.#context;
    const { forward } = this.services;
    for (const { port, hostname, targetPort, allow } of options.offers) {
      forward.offer(port, { hostname, port: targetPort }, allow === undefined ? {} : { allow });
    }
    if (options.forwardAllow === undefined) return;
    forward.allowAll(options.forwardAllow);
    if (options.rootless) {
      log.warn("--forward-allow changes nothing: a rootless node has only what it offers");
    }
  }

  async #openInterface(): Promise<void> {
    const opened = await OverlayInterface.open(
      this.#context,
      (event) => this.#session?.health.handleDeviceEvent(event),
    );
    this.#resources.use(opened);
    if (this.#state !== "starting") throw new InterruptedError();
    this.#overlay = opened;
    opened.ended.then((reason) => {
      if (reason !== undefined) this.#end(reason);
    });
  }

  async #startNames(): Promise<void> {
    const names = await NameService.open(this.#context, () => this.services.offered());
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
        this.#context.log.error("cannot put this host's resolver back", { error });
      }
    });
  }

  /** A key that was revoked ends the agent, unless it is to go on under another one. */
  #followOwnRecord(): void {
    const { roster, identity, isRotating } = this.mesh;
    // A record that has only expired, by a clock that may be wrong, is no reason to leave.
    if (!roster.isRevoked(identity.publicKey)) return;
    if (!isRotating) this.#end(new RemovedError());
    else if (this.#state === "running") {
      this.#changeKeys().catch((error) =>
        this.#context.log.error("cannot go on under the new key", { error })
      );
    }
  }

  /** What time alone brings about. */
  #lookAfter(): void {
    this.mesh.replica.handleTimeout();
    this.#session?.leaders.renewDue();
    this.shareTokens();
    this.#names?.custom.refresh();
    this.services.adverts.advertiseSoon();
    const statement = this.#context.endpoints.updateStatement();
    this.mesh.replica.publish({ ...NO_UPDATE, statements: statement === undefined ? [] : [statement] });
    void this.#session?.lan?.followInterfaces();
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
