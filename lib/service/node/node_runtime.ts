/**
 * The services of a node: its own program's, those of attached programs, and those of other nodes.
 * @module
 */

import { shellWord } from "../../base/mod.ts";
import { DEFAULT_TIMEOUT_MS } from "../bounds.ts";
import { type CallOrder, type CallPath, NO_OPTIONS, ProviderChoice, type Route } from "../calls/mod.ts";
import type { EventHandler } from "../service_definition.ts";
import {
  type BreakerOptions,
  ChangeSignal,
  PermittedAdverts,
  type Provider,
  ServiceDirectory,
} from "../directory/mod.ts";
import {
  publishRefusal,
  PubSub,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionHandle,
  type SubscriptionReach,
} from "../events/mod.ts";
import { InvalidServiceError, type WireFailure } from "../errors.ts";
import {
  isProgram,
  type MemberInfo,
  type MessagePolicy,
  NO_POLICY,
  type PeerId,
  type ServicePeers,
} from "../ports.ts";
import { EventAdmission } from "./event_admission.ts";
import { NodeCalls } from "./node_calls.ts";
import { NodePolicy } from "./node_policy.ts";
import type {
  PreparedCallOptions,
  PublishOptions,
  PublishReport,
  ServiceRequirement,
  WaitOptions,
} from "../options.ts";
import { ProgramGateway } from "../programs/mod.ts";
import { ServiceLeadership } from "../leadership/mod.ts";
import {
  type AdvertOptions,
  MemberWatch,
  readRequirements,
  RegistryService,
  ServiceAvailability,
  ServiceClaims,
  type ServiceReport,
  ServiceRoom,
} from "../registry/mod.ts";
import type { NodeBase } from "../runtime_base.ts";
import { ServiceRuntime, type ServiceRuntimeParts } from "../service_runtime.ts";
import { MEMBER_PATH, MEMBER_TOPIC } from "../registry/mod.ts";
import { isBuiltIn, showPath, type TopicPath, TopicPattern } from "../topics/mod.ts";
import {
  encodeValue,
  type EventMessage,
  type NodeMessage,
  type PropagatedContext,
  type RequestMessage,
  type ServiceAdvert,
  type WireValue,
} from "../wire/mod.ts";

/** Those of any runtime, and who is who in the network. */
export interface NodeRuntimeParts extends ServiceRuntimeParts {
  readonly peers: ServicePeers;
  /** What the network's policy says; nothing unless given. */
  readonly policy?: MessagePolicy;
  /** When providers are spared that fail. */
  readonly breaker?: BreakerOptions | undefined;
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
  readonly #changes: ChangeSignal;
  readonly #availability: ServiceAvailability;
  readonly #room: ServiceRoom;
  readonly #members: MemberWatch;
  readonly #admission: EventAdmission;
  readonly #calls: NodeCalls;

  constructor(parts: NodeRuntimeParts) {
    super(parts, parts.peers);
    this.#parts = parts;
    const { policy = NO_POLICY } = parts;
    const followProviders = (paths: ReadonlySet<string>) => {
      this.leadership.follow();
      this.#changes.notify();
      for (const path of paths) if (this.#choice.all(path).length === 0) this.balancer.forget(path);
    };
    this.directory = new ServiceDirectory(followProviders, parts.breaker);
    this.#adverts = new PermittedAdverts(parts.peers, parts.log);
    const claims = this.#claims = new ServiceClaims(
      parts.peers,
      parts,
      (path) => this.services.get(path) !== undefined || this.programs.directory.providers(path).length > 0,
    );
    const changes = this.#changes = new ChangeSignal(parts.timers);
    const base: NodeBase = {
      ...this.base,
      changes,
      peers: parts.peers,
      policy,
      directory: this.directory,
      programs: new ServiceDirectory((paths) => {
        followProviders(paths);
        this.#claims.follow(this.programs.directory.paths());
        this.sendAdvert();
      }, parts.breaker),
      ask: (peer, text, params, options = NO_OPTIONS) =>
        this.#calls.ask(peer, this.paths.parse(text), params, options, DEFAULT_TIMEOUT_MS),
    };
    this.leadership = new ServiceLeadership(base, () => this.programs.grantLeadership());
    this.#choice = new ProviderChoice(base, this.leadership);
    this.#policy = new NodePolicy(policy, parts.peers, this.#choice);
    this.#admission = new EventAdmission(parts, this.#policy);
    this.#events = new PubSub(base, this.subscriptions, this.sender, () => this.sendAdvert());
    this.#availability = new ServiceAvailability(base);
    this.#room = new ServiceRoom(base);
    this.#members = new MemberWatch(parts.peers, parts.timers, {
      isHeard: () =>
        this.subscriptions.hears(MEMBER_PATH) || this.programs.directory.listeners(MEMBER_PATH).length > 0,
      tell: (change) => this.#events.publishHere(MEMBER_PATH, encodeValue(change)),
    });
    this.#registry = new RegistryService(
      base,
      this.leadership,
      claims,
      this.#availability,
      this.#room,
      this.#members,
    );
    this.programs = new ProgramGateway(
      base,
      this.leadership,
      this.#choice,
      this.remoteCaller,
      (path, params, options) => this.request(path, params, options),
    );
    this.#calls = new NodeCalls({
      ...{ base, choice: this.#choice, policy: this.#policy, availability: this.#availability },
      ...{ localCaller: this.localCaller, remoteCaller: this.remoteCaller },
      ...{ programs: this.programs, paths: this.paths },
    });
    for (const builtIn of [this.#registry, this.#events]) {
      void this.services.add(builtIn.definition()).start();
    }
  }

  override report(path?: string): readonly ServiceReport[] {
    return this.#registry.report(path);
  }

  override async waitFor(
    services: ServiceRequirement | readonly ServiceRequirement[],
    options: WaitOptions = {},
  ): Promise<void> {
    const signal = options.signal ? AbortSignal.any([options.signal, this.closing]) : this.closing;
    await this.#availability.wait(readRequirements(services, options.version), { ...options, signal });
  }

  override members(): Promise<readonly MemberInfo[]> {
    return Promise.resolve(this.#members.all());
  }

  /** Members may have come, gone or changed, or answer again or no more: whoever listens here is told soon. */
  followMembers(): void {
    this.#members.followSoon();
  }

  /** What other members advertise now, and may not offer or hear. */
  get refusedAdverts(): number {
    return this.#adverts.refused;
  }

  /** Events of others, and of programs of this node, that their publishers may not publish. */
  get refusedEvents(): number {
    return this.#admission.refused;
  }

  handleLink(peer: PeerId): void {
    this.leadership.handleHeartbeat(peer);
    this.#claims.retrySoon();
    if (!isProgram(peer)) this.followMembers();
  }

  /** What the network lets this node do has changed. */
  handleRightsChange(): void {
    this.#claims.handleRightsChange();
    const own = this.services.all().map(({ path }) => path);
    this.#claims.follow([
      ...own.filter(({ service }) => !isBuiltIn(service)),
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
    if (isLast && !isProgram(peer)) this.followMembers();
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
    if (isProgram(peer)) {
      this.programs.forget(peer);
      this.#room.forget(peer);
    } else {
      this.directory.set(peer, []);
      this.#events.copies.forget(peer);
    }
    this.#adverts.forget(peer);
    this.#admission.forget(peer);
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
        hint: `On a leader, \`weft grant add ${peers.nameOf(peers.self)} --subscribe ${
          shellWord(pattern)
        }\` allows it.`,
      });
    }
    return handle;
  }

  protected override advertOptions(): AdvertOptions {
    const { peers, peers: { self } } = this.#parts;
    return {
      programs: this.programs.adverts(),
      retains: this.#events.retains,
      rights: {
        mayOffer: (path) => peers.mayOffer(self, path),
        // What this node tells itself is nobody else's.
        maySubscribe: (pattern) => showPath(pattern) !== MEMBER_TOPIC && peers.maySubscribe(self, pattern),
      },
    };
  }

  protected override call(
    path: CallPath,
    params: unknown,
    options: PreparedCallOptions,
    timeoutMs: number,
  ): Promise<unknown> {
    return this.#calls.make(path, params, options, timeoutMs);
  }

  protected override route(
    peer: PeerId,
    path: CallPath,
    request: RequestMessage,
    isAgain: boolean,
  ): Route {
    return this.#calls.route(peer, path, request, isAgain);
  }

  protected override providers(order: CallOrder): readonly Provider[] {
    return this.#policy.among(this.#choice.providers(order), order.path);
  }

  protected override refusal(order: CallOrder, provider: Provider | undefined): WireFailure | undefined {
    return this.#calls.refusal(order, provider);
  }

  protected override async admit(path: TopicPath): Promise<void> {
    const refusal = this.#room.refusal(path);
    if (refusal !== undefined) throw new InvalidServiceError(refusal.message, { hint: refusal.hint });
    await this.#claims.admit(path);
  }

  protected override publishValue(
    topic: TopicPath,
    data: WireValue,
    options: PublishOptions,
    context: PropagatedContext | undefined,
  ): Promise<PublishReport> {
    const { peers } = this.#parts;
    // What stays on this node is no other member's business.
    if (options.broadcastMode !== "local_only" && !peers.mayPublish(peers.self, topic)) {
      throw publishRefusal(peers, topic);
    }
    if (options.broadcastMode !== "local_only") this.#policy.checkPublish(topic, data);
    return this.#events.publish(topic, data, options, context);
  }

  protected override acceptsEvent(
    peer: PeerId,
    topic: TopicPath,
    event: EventMessage,
    isAgain: boolean,
  ): boolean {
    return this.#admission.accepts(peer, topic, event, isAgain);
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
      const left = this.programs.directory.set(peer, [message.advert]);
      this.#room.handleAdvert(peer, left, message.advert.refused ?? 0);
    }
  }

  protected override deliverPast(subscription: Subscription, pattern: string): void {
    this.#events.deliverPast(subscription, pattern);
  }

  protected override confirmSubscription(
    pattern: TopicPattern,
    group: string,
  ): Promise<SubscriptionReach> {
    return this.#events.live.confirm(pattern, group);
  }

  protected override sendAdvert(): void {
    // Somebody may listen to them now.
    this.#members.followSoon();
    this.#parts.onAdvertChange?.();
  }

  protected override followServices(): void {
    this.#changes.notify();
    this.leadership.follow();
  }

  protected override stopLeading(): void {
    this.leadership.close();
    this.#members.close();
    this.#claims.close();
  }
}
