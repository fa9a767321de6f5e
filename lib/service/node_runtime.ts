/**
 * The services of a node: its own program's, those of attached programs, and those of other nodes.
 * @module
 */

import { type CallMode, DEFAULT_TIMEOUT_MS } from "./bounds.ts";
import {
  answerOf,
  type CallAnswer,
  type CallOptions,
  type CallOrder,
  type CallPath,
  DEFAULT_RETRIES,
  NO_OPTIONS,
  ProviderChoice,
  type Route,
  routeToAction,
} from "./calls/mod.ts";
import { type EventHandler, readCount } from "./service_definition.ts";
import { PermittedAdverts, type Provider, ServiceDirectory } from "./directory/mod.ts";
import {
  type PublishOptions,
  publishRefusal,
  type PublishReport,
  PubSub,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionHandle,
} from "./events/mod.ts";
import { CallError, callError, failed, type WireFailure } from "./errors.ts";
import { isProgram, type MessagePolicy, NO_POLICY, type PeerId, type ServicePeers } from "./ports.ts";
import { NodePolicy } from "./node_policy.ts";
import { ProgramGateway } from "./programs/mod.ts";
import { ServiceLeadership } from "./leadership/mod.ts";
import { type AdvertOptions, RegistryService, ServiceClaims, type ServiceReport } from "./registry/mod.ts";
import type { NodeBase } from "./runtime_base.ts";
import { ServiceRuntime, type ServiceRuntimeParts } from "./service_runtime.ts";
import { showPath, type TopicPath, TopicPattern } from "./topics/mod.ts";
import {
  type EventMessage,
  NO_VALUE,
  type NodeMessage,
  type RequestMessage,
  type ServiceAdvert,
  type WireValue,
} from "./wire/mod.ts";

/** Those of any runtime, and who is who in the network. */
export interface NodeRuntimeParts extends ServiceRuntimeParts {
  readonly peers: ServicePeers;
  /** What the network's policy says; nothing unless given. */
  readonly policy?: MessagePolicy;
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
  readonly #parts: NodeRuntimeParts;
  readonly #policy: NodePolicy;
  readonly #choice: ProviderChoice;
  readonly #events: PubSub;
  readonly #registry: RegistryService;
  readonly #adverts: PermittedAdverts;
  readonly #claims: ServiceClaims;
  #refusedEvents = 0;
  readonly #saidOfEvents = new Set<PeerId>();

  constructor(parts: NodeRuntimeParts) {
    super(parts, parts.peers);
    this.#parts = parts;
    const { policy = NO_POLICY } = parts;
    const followProviders = (paths: ReadonlySet<string>) => {
      this.leadership.follow();
      for (const path of paths) if (this.#choice.all(path).length === 0) this.balancer.forget(path);
    };
    this.directory = new ServiceDirectory(followProviders);
    this.#adverts = new PermittedAdverts(parts.peers, parts.log);
    const claims = this.#claims = new ServiceClaims(
      parts.peers,
      parts,
      (path) => this.services.get(path) !== undefined || this.programs.directory.providers(path).length > 0,
    );
    const base: NodeBase = {
      ...this.base,
      peers: parts.peers,
      policy,
      directory: this.directory,
      programs: new ServiceDirectory((paths) => {
        followProviders(paths);
        this.#claims.follow(this.programs.directory.paths());
        this.sendAdvert();
      }),
      ask: (peer, text, params) => {
        const path = this.paths.parse(text);
        return this.#callRemote(path, params, NO_OPTIONS, "round-robin", peer, DEFAULT_TIMEOUT_MS);
      },
    };
    this.leadership = new ServiceLeadership(base, () => this.programs.grantLeadership());
    this.#choice = new ProviderChoice(base, this.leadership);
    this.#policy = new NodePolicy(policy, parts.peers, this.#choice);
    this.#events = new PubSub(base, this.subscriptions, this.sender, () => this.sendAdvert());
    this.#registry = new RegistryService(base, this.leadership, claims);
    this.programs = new ProgramGateway(
      base,
      this.leadership,
      this.#choice,
      this.remoteCaller,
      (path, params, options) => this.request(path, params, options),
    );
    for (const builtIn of [this.#registry, this.#events]) {
      void this.services.add(builtIn.definition()).start();
    }
  }

  override report(path?: string): readonly ServiceReport[] {
    return this.#registry.report(path);
  }

  /** What other members advertise now, and may not offer or hear. */
  get refusedAdverts(): number {
    return this.#adverts.refused;
  }

  /** Events of others, and of programs of this node, that their publishers may not publish. */
  get refusedEvents(): number {
    return this.#refusedEvents;
  }

  handleLink(peer: PeerId): void {
    this.leadership.handleHeartbeat(peer);
    this.#claims.retrySoon();
  }

  /** What the network lets this node do has changed. */
  handleRightsChange(): void {
    this.#claims.handleRightsChange();
    const own = this.services.all().map(({ path }) => path);
    this.#claims.follow([
      ...own.filter(({ service }) => !service.startsWith("$")),
      ...this.programs.directory.paths(),
    ]);
    this.followServices();
    this.sendAdvert();
  }

  /** Another policy is in force: what it takes away ends. */
  handlePolicyChange(): void {
    this.server.endForbidden((peer, path) => this.#policy.mayBeCalled(peer, path));
    this.remoteCaller.endForbidden((peer, path) => this.#policy.whyEnded(peer, path));
  }

  /** A link has ended. @param isLast whether no other leads to the peer */
  handleLinkLost(peer: PeerId, isLast: boolean = true): void {
    if (isLast) this.leadership.handleLinkLost(peer);
    this.remoteCaller.handleLinkLost(peer);
  }

  /**
   * What another node offers, in the place of what it offered before; nothing when it is gone.
   * @returns how many services and subscriptions are more than one node may have followed, and are left out
   */
  setAdverts(peer: PeerId, adverts: readonly ServiceAdvert[]): number {
    return this.directory.set(peer, this.#adverts.filter(peer, adverts));
  }

  /** A node or program is gone for good. */
  handlePeerGone(peer: PeerId): void {
    if (isProgram(peer)) this.programs.forget(peer);
    else this.directory.set(peer, []);
    this.#adverts.forget(peer);
    this.#saidOfEvents.delete(peer);
    this.leadership.forget(peer);
    this.server.forget(peer);
  }

  override subscribe(
    pattern: string,
    handler: EventHandler,
    options?: SubscribeOptions,
  ): SubscriptionHandle {
    const { peers, log } = this.#parts;
    const handle = super.subscribe(pattern, handler, options);
    if (!peers.maySubscribe(peers.self, TopicPattern.parse(pattern))) {
      log.warn("other members send no events of a subscription that this node was not granted", {
        pattern,
        hint: `On a leader, \`weft grant add ${
          peers.nameOf(peers.self)
        } --subscribe '${pattern}'\` allows it.`,
      });
    }
    return handle;
  }

  protected override advertOptions(): AdvertOptions {
    const { peers, peers: { self } } = this.#parts;
    return {
      programs: this.programs.adverts(),
      retains: this.#events.retained.size > 0,
      rights: {
        mayOffer: (path) => peers.mayOffer(self, path),
        maySubscribe: (pattern) => peers.maySubscribe(self, pattern),
      },
    };
  }

  protected override call(
    path: CallPath,
    params: unknown,
    options: CallOptions,
    timeoutMs: number,
  ): Promise<unknown> {
    const { node } = options;
    const instead = this.services.get(path.service) ? undefined : this.#policy.instead(path, this.paths);
    if (instead !== undefined) return this.call(instead, params, options, timeoutMs);
    const mode = node !== undefined ? "round-robin" : options.mode ?? this.#choice.usualMode(path);
    if (mode === "all") return this.#callAll(path, params, options, timeoutMs);
    const peer = node === undefined ? undefined : this.#parts.peers.find(node);
    if (node !== undefined && peer === undefined) {
      throw callError("NoProvider", `No node is called ${node}`);
    }
    const service = this.#choice.here(path, mode, peer);
    if (service !== undefined) {
      return this.localCaller.request(service, path, params, options, timeoutMs, (leftMs) => {
        // Paused or removed meanwhile, it may run elsewhere.
        if (this.#choice.here(path, mode, peer) !== undefined) return undefined;
        return this.#callRemote(path, params, options, mode, peer, leftMs);
      });
    }
    if (mode === "local" && !this.#choice.hasProgram(path)) {
      throw callError("NoProvider", `This node does not offer ${showPath(path.service)}`);
    }
    return this.#callRemote(path, params, options, mode, peer, timeoutMs);
  }

  protected override route(
    peer: PeerId,
    path: CallPath,
    request: RequestMessage,
    isAgain: boolean,
  ): Route {
    if (isProgram(peer)) {
      return this.programs.routeFrom(peer, this.#policy.instead(path, this.paths) ?? path, request);
    }
    const refusal = this.#policy.whyNotFrom(peer, path, request, isAgain);
    if (refusal === "over-rate") return failed("Overloaded", "too many calls come from there");
    if (refusal !== undefined) {
      return failed("Refused", `${showPath(path.text)} may not be called from there`);
    }
    const own = this.services.get(path.service);
    // A paused service leaves its calls to programs that offer the same.
    if (own !== undefined && (own.state === "running" || !this.#choice.hasProgram(path))) {
      return routeToAction(own, path, peer, peer);
    }
    return this.programs.routeTo(path, peer);
  }

  protected override providers(order: CallOrder): readonly Provider[] {
    return this.#policy.among(this.#choice.providers(order), order.path);
  }

  protected override refusal(order: CallOrder, provider: Provider | undefined): WireFailure | undefined {
    return this.#policy.refusal(order, provider);
  }

  protected override admit(path: TopicPath): Promise<void> {
    return this.#claims.admit(path);
  }

  protected override publishValue(
    topic: TopicPath,
    data: WireValue,
    options: PublishOptions,
  ): Promise<PublishReport> {
    const { peers } = this.#parts;
    // What stays on this node is no other member's business.
    if (options.broadcastMode !== "local_only" && !peers.mayPublish(peers.self, topic)) {
      throw publishRefusal(peers, topic);
    }
    if (options.broadcastMode !== "local_only") this.#policy.checkPublish(topic, data);
    return this.#events.publish(topic, data, options);
  }

  protected override acceptsEvent(
    peer: PeerId,
    topic: TopicPath,
    event: EventMessage,
    isAgain: boolean,
  ): boolean {
    const { peers } = this.#parts;
    if (peers.mayPublish(isProgram(peer) ? peers.self : peer, topic)) {
      if (this.#policy.acceptsEvent(peer, topic, event, isAgain)) return true;
      this.#refusedEvents++;
      return false;
    }
    this.#refusedEvents++;
    if (!this.#saidOfEvents.has(peer)) {
      // Once for each, however many there are.
      this.#saidOfEvents.add(peer);
      this.#parts.log.warn("a member publishes what it may not; it is not delivered", {
        peer: peers.nameOf(peer) ?? peer,
        topic: showPath(topic),
      });
    }
    return false;
  }

  protected override hears(peer: PeerId, topic: TopicPath): boolean {
    return isProgram(peer) || this.subscriptions.hears(topic) ||
      this.programs.directory.listeners(topic).length > 0;
  }

  protected override handleEvent(peer: PeerId, topic: TopicPath, event: EventMessage): void {
    if (isProgram(peer)) this.#events.publishFor(peer, topic, event);
    else this.#events.handleEvent(peer, topic, event);
  }

  protected override handleNotice(peer: PeerId, message: NodeMessage): void {
    if (message.kind === "heartbeat") this.leadership.handleHeartbeat(peer);
    else if (message.kind === "discovery" && isProgram(peer)) {
      this.programs.directory.set(peer, [message.advert]);
    }
  }

  protected override deliverPast(subscription: Subscription, pattern: string): void {
    this.#events.deliverPast(subscription, pattern);
  }

  protected override sendAdvert(): void {
    this.#parts.onAdvertChange?.();
  }

  protected override followServices(): void {
    this.leadership.follow();
  }

  protected override stopLeading(): void {
    this.leadership.close();
    this.#claims.close();
  }

  /** Calls every provider that runs the service. @throws CallError when there is none */
  async #callAll(
    path: CallPath,
    params: unknown,
    { stream: _, ...options }: CallOptions,
    timeoutMs: number,
  ): Promise<readonly CallAnswer[]> {
    const { peers, peers: { self } } = this.#parts;
    const own = this.services.get(path.service);
    const asked: [string, Promise<unknown>][] = [];
    if (own?.actions.has(path.action)) {
      const name = peers.nameOf(self) ?? self;
      asked.push([name, this.localCaller.request(own, path, params, options, timeoutMs)]);
    }
    let denied: PeerId | undefined;
    for (const { peer, service } of this.#choice.all(path.service)) {
      if (service.state !== "running") continue;
      if (!this.#policy.mayCall(peer, path)) {
        denied = peer;
        continue;
      }
      const name = peers.nameOf(peer) ?? peer;
      asked.push([name, this.#callRemote(path, params, options, "round-robin", peer, timeoutMs)]);
    }
    if (asked.length === 0) {
      const refusal = this.#policy.whyNotTo({ path, params: NO_VALUE }, denied);
      throw refusal === undefined
        ? callError("NoProvider", `Nobody offers ${showPath(path.service)}`)
        : new CallError(refusal);
    }
    return await Promise.all(asked.map(([node, answer]) => answerOf(node, answer)));
  }

  #callRemote(
    path: CallPath,
    params: unknown,
    options: CallOptions,
    mode: CallMode,
    peer: PeerId | undefined,
    timeoutMs: number,
  ): Promise<unknown> {
    const choice = this.#choice;
    const retries = readCount(options.retries, DEFAULT_RETRIES, 0, "retries");
    const to = { mode, peer, retries, idempotent: options.idempotent ?? choice.isIdempotent(path) };
    return this.remoteCaller.request(path, params, options, timeoutMs, to, (leftMs) => {
      // The service may have come to this node meanwhile.
      const isHere = choice.here(path, mode, peer) !== undefined;
      return isHere ? this.request(path.text, params, { ...options, timeoutMs: leftMs }) : undefined;
    });
  }
}
