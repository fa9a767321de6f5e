/**
 * The services of a node: its own program's, those of attached programs, and those of other nodes.
 * @module
 */

import { type CallMode, DEFAULT_TIMEOUT_MS } from "./bounds.ts";
import {
  Balancer,
  type CallAnswer,
  callLocal,
  type CallOptions,
  type CallOrder,
  type CallPath,
  callRemote,
  checkOptions,
  DEFAULT_RETRIES,
  MAX_PENDING_OF_NODE,
  MAX_PENDING_OF_PROGRAM,
  NO_OPTIONS,
  noRoute,
  ProviderChoice,
  type Route,
  routeToAction,
} from "./calls/mod.ts";
import { readCount } from "./definition/mod.ts";
import { type Provider, ServiceDirectory } from "./directory/mod.ts";
import { type PublishOptions, type PublishReport, PubSub, type Subscription } from "./events/mod.ts";
import { CallError, callError } from "./errors.ts";
import { isProgram, type PeerId, type ServicePeers } from "./ports.ts";
import { ProgramGateway } from "./programs/mod.ts";
import { ServiceLeadership } from "./leadership/mod.ts";
import { buildAdvert, RegistryService, type ServiceReport } from "./registry/mod.ts";
import { ServiceRuntime, type ServiceRuntimeParts } from "./service_runtime.ts";
import { showPath, type TopicPath } from "./topics/mod.ts";
import {
  EMPTY_ADVERT,
  type EventMessage,
  type NodeMessage,
  type RequestMessage,
  type ServiceAdvert,
  type WireValue,
} from "./wire/mod.ts";

/** Those of any runtime, and who is who in the network. */
export interface NodeRuntimeParts extends ServiceRuntimeParts {
  readonly peers: ServicePeers;
  /** What `advert` gives has changed. */
  onAdvertChange?(): void;
}

/** Services of one node. */
export class NodeRuntime extends ServiceRuntime {
  /** What other nodes offer and listen to. */
  readonly directory: ServiceDirectory;
  /** The programs that are attached to this node. */
  readonly programs: ProgramGateway;
  readonly leadership: ServiceLeadership;
  readonly #peers: ServicePeers;
  readonly #choice: ProviderChoice;
  readonly #events: PubSub;
  readonly #registry: RegistryService;
  readonly #onAdvertChange: () => void;

  constructor(parts: NodeRuntimeParts) {
    const { clock, timers, random, log, links, peers } = parts;
    const balancer = new Balancer({
      random,
      rttMs: (peer) => links.rttMs(peer),
      isHealthy: (peer) => isProgram(peer) || peers.isHealthy(peer),
    });
    super(parts, {
      balancer,
      maxPending: (peer) => isProgram(peer) ? MAX_PENDING_OF_PROGRAM : MAX_PENDING_OF_NODE,
      selector: (text) => peers.selector(text),
    });
    this.#peers = peers;
    this.#onAdvertChange = () => parts.onAdvertChange?.();
    const followProviders = (paths: ReadonlySet<string>) => {
      this.leadership.follow();
      for (const path of paths) if (this.#choice.all(path).length === 0) balancer.forget(path);
    };
    const directory = this.directory = new ServiceDirectory(followProviders);
    const programs = new ServiceDirectory((paths) => {
      followProviders(paths);
      this.sendAdvert();
    });
    const ask = (peer: PeerId, text: string, params: unknown) => {
      const path = this.paths.parse(text);
      return this.#requestRemote(path, params, NO_OPTIONS, "round-robin", peer, DEFAULT_TIMEOUT_MS);
    };
    const { services, carrier, remoteCaller, subscriptions, sender, run } = this;
    const shared = { clock, timers, log, links, peers, services, carrier, directory, programs, run, ask };
    const leadership = this.leadership = new ServiceLeadership({
      ...shared,
      onChange: () => this.programs.grantLeadership(),
    });
    const choice = this.#choice = new ProviderChoice({ ...shared, leadership });
    this.#events = new PubSub({ ...shared, subscriptions, sender, onRetain: () => this.sendAdvert() });
    this.#registry = new RegistryService({ ...shared, leadership });
    this.programs = new ProgramGateway({
      ...shared,
      directory: programs,
      leadership,
      choice,
      remoteCaller,
      callAll: (...call) => this.#callAll(...call),
    });
    for (const builtIn of [this.#registry, this.#events]) {
      void services.add(builtIn.definition()).start();
    }
  }

  override advert(): ServiceAdvert {
    const { run } = this;
    if (this.isClosed) return { ...EMPTY_ADVERT, run };
    return buildAdvert({
      run,
      services: this.services.all(),
      subscriptions: this.subscriptions.all(),
      programs: this.programs.adverts(),
      retains: this.#events.retained.size > 0,
      withAllow: false,
    });
  }

  override request(text: string, params?: unknown, options: CallOptions = NO_OPTIONS): Promise<unknown> {
    // No async function: each would cost turns and objects on the path of every call.
    try {
      const path = this.paths.parse(text);
      const timeoutMs = checkOptions(path, options);
      const { node } = options;
      const mode = node !== undefined ? "round-robin" : options.mode ?? this.#choice.usualMode(path);
      if (mode === "all") return this.#callAll(path, params, options, timeoutMs);
      const peer = node === undefined ? undefined : this.#peers.find(node);
      if (node !== undefined && peer === undefined) {
        throw callError("NoProvider", `No node is called ${node}`);
      }
      const service = this.#choice.here(path, mode, peer);
      if (service !== undefined) return callLocal(this.ports, service, path, params, options, timeoutMs);
      if (mode === "local" && !this.#choice.hasProgram(path)) {
        throw callError("NoProvider", `This node does not offer ${showPath(path.service)}`);
      }
      return this.#requestRemote(path, params, options, mode, peer, timeoutMs);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  override report(path?: string): readonly ServiceReport[] {
    return this.#registry.report(path);
  }

  /** A link is open. */
  handleLink(peer: PeerId): void {
    this.leadership.handleHeartbeat(peer);
  }

  /** A link has ended. @param isLast whether no other leads to the peer */
  handleLinkLost(peer: PeerId, isLast: boolean = true): void {
    if (isLast) this.leadership.handleLinkLost(peer);
    this.remoteCaller.handleLinkLost(peer);
  }

  /** What another node offers, in the place of what it offered before; nothing when it is gone. */
  setAdverts(peer: PeerId, adverts: readonly ServiceAdvert[]): void {
    this.directory.set(peer, adverts);
  }

  /** A node or program is gone for good. */
  handlePeerGone(peer: PeerId): void {
    if (isProgram(peer)) this.programs.forget(peer);
    else this.directory.set(peer, []);
    this.leadership.forget(peer);
    this.server.forget(peer);
  }

  protected override route(peer: PeerId, request: RequestMessage): Route {
    const path = this.paths.tryParse(request.path);
    if (path === undefined) return noRoute("UnknownAction", "that is no path of an action");
    if (isProgram(peer)) return this.programs.routeFrom(peer, path, request);
    const own = this.services.get(path.service);
    // A paused service leaves its calls to programs that offer the same.
    if (own !== undefined && (own.state === "running" || !this.#choice.hasProgram(path))) {
      return routeToAction(own, path, peer, peer);
    }
    return this.programs.routeTo(path, peer);
  }

  protected override providers(order: CallOrder): readonly Provider[] {
    return this.#choice.providers(order);
  }

  protected override publishValue(
    topic: TopicPath,
    data: WireValue,
    options: PublishOptions,
  ): Promise<PublishReport> {
    return this.#events.publish(topic, data, options);
  }

  protected override handleEvent(peer: PeerId, topic: TopicPath, event: EventMessage): void {
    if (isProgram(peer)) this.#events.publishFor(peer, topic, event);
    else this.#events.handleEvent(peer, topic, event);
  }

  protected override handleNotice(peer: PeerId, message: NodeMessage): void {
    if (message.kind === "heartbeat") this.leadership.handleHeartbeat(peer);
    else if (message.kind === "discovery" && isProgram(peer)) this.programs.setAdvert(peer, message.advert);
  }

  protected override deliverPast(subscription: Subscription, pattern: string): void {
    this.#events.deliverPast(subscription, pattern);
  }

  protected override sendAdvert(): void {
    this.#onAdvertChange();
  }

  protected override followServices(): void {
    this.leadership.follow();
  }

  protected override stopLeading(): void {
    this.leadership.close();
  }

  /** Calls every provider that runs the service. @throws CallError when there is none */
  async #callAll(
    path: CallPath,
    params: unknown,
    { stream: _, ...options }: CallOptions,
    timeoutMs: number,
  ): Promise<readonly CallAnswer[]> {
    const peers = this.#peers;
    const { self } = peers;
    const own = this.services.get(path.service);
    const asked: [string, Promise<unknown>][] = [];
    if (own?.actions.has(path.action)) {
      const answer = callLocal(this.ports, own, path, params, options, timeoutMs);
      asked.push([peers.nameOf(self) ?? self, answer]);
    }
    for (const { peer, service } of this.#choice.all(path.service)) {
      if (service.state !== "running") continue;
      const answer = this.#requestRemote(path, params, options, "round-robin", peer, timeoutMs);
      asked.push([peers.nameOf(peer) ?? peer, answer]);
    }
    if (asked.length === 0) throw callError("NoProvider", `Nobody offers ${showPath(path.service)}`);
    return await Promise.all(asked.map(async ([node, answer]): Promise<CallAnswer> => {
      try {
        return { node, ok: true, result: await answer };
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        const { code, message, retryable, executed } = error;
        return { node, ok: false, error: { code, message, retryable, executed } };
      }
    }));
  }

  #requestRemote(
    path: CallPath,
    params: unknown,
    options: CallOptions,
    mode: CallMode,
    peer: PeerId | undefined,
    timeoutMs: number,
  ): Promise<unknown> {
    const choice = this.#choice;
    const to = {
      mode,
      peer,
      retries: readCount(options.retries, DEFAULT_RETRIES, 0, "retries"),
      idempotent: options.idempotent ?? choice.isIdempotent(path),
    };
    return callRemote(this.ports, path, params, options, timeoutMs, to, (leftMs) => {
      // The service may have come to this node meanwhile.
      if (choice.here(path, mode, peer) === undefined) return undefined;
      return this.request(path.text, params, { ...options, timeoutMs: leftMs });
    });
  }
}
