/**
 * What nodes and attached programs have in common: the services of one program, its subscriptions, and the messages of
 * its peers.
 * @module
 */

import { type Environment, type MemoryBudget, randomUint32 } from "../base/mod.ts";
import {
  Balancer,
  type CallPath,
  CallPaths,
  CallServer,
  DEFAULT_DRAIN_MS,
  DEFAULT_LATE_MS,
  drained,
  LocalCaller,
  NO_OPTIONS,
  RemoteCaller,
  type Route,
} from "./calls/mod.ts";
import type { ContextHost } from "./call_context.ts";
import { type Middleware, MiddlewareChain } from "./middleware_chain.ts";
import { Outgoing } from "./outgoing.ts";
import { type ClientOptions, ServiceClient } from "./service_client.ts";
import { ServiceStarter } from "./service_starter.ts";
import type { EventHandler, ServiceDefinition } from "./service_definition.ts";
import { failed, InvalidServiceError } from "./errors.ts";
import {
  DEFAULT_EVENT_QUEUE,
  EventSender,
  type EventStream,
  streamEvents,
  type SubscribeOptions,
  type SubscriptionHandle,
  Subscriptions,
} from "./events/mod.ts";
import { HandlerLog } from "./handler_log.ts";
import { IncomingMessages } from "./incoming_messages.ts";
import { asDefined, type LocalService, LocalServices, publishChecked } from "./local/mod.ts";
import type {
  CallOptions,
  PreparedCallOptions,
  PublishOptions,
  PublishReport,
  ServiceRequirement,
  WaitOptions,
} from "./options.ts";
import {
  type Compressor,
  isProgram,
  type MemberInfo,
  type PeerId,
  type PeerLinks,
  type ServicePeers,
  type ServiceStream,
} from "./ports.ts";
import { buildAdvert, MEMBER_TOPIC, type MemberChange, type ServiceReport } from "./registry/mod.ts";
import type { RuntimeBase } from "./runtime_base.ts";
import { RuntimeVariant } from "./runtime_variant.ts";
import { CallStats } from "./stats/mod.ts";
import { isBuiltIn, showPath, TopicPath } from "./topics/mod.ts";
import {
  type CarrierLimits,
  EMPTY_ADVERT,
  encodeView,
  MessageCarrier,
  type PropagatedContext,
  type RequestMessage,
  type ServiceAdvert,
} from "./wire/mod.ts";

const RUN_HIGH = 0x10_0000;
const TWO_32 = 0x1_0000_0000;

/** The links of a program, and limits of what goes over them. */
export interface ServiceRuntimeParts extends Environment {
  readonly links: PeerLinks;
  /** Long values go as they are without one. */
  readonly compressor?: Compressor | undefined;
  readonly limits?: CarrierLimits | undefined;
}

/** The services of one program: of a node, or attached to one. */
export abstract class ServiceRuntime extends RuntimeVariant {
  readonly services: LocalServices;
  /** How the calls went that it has made and served. */
  readonly stats: CallStats;
  /** Drawn at the start, so that others tell this program from the one that ran before. */
  readonly run: number;
  protected readonly base: RuntimeBase;
  protected readonly balancer: Balancer;
  protected readonly localCaller: LocalCaller;
  protected readonly remoteCaller: RemoteCaller;
  protected readonly server: CallServer;
  protected readonly sender: EventSender;
  protected readonly subscriptions: Subscriptions;
  protected isClosed = false;
  readonly #closing = new AbortController();
  protected readonly paths: CallPaths = new CallPaths();
  readonly #middleware: MiddlewareChain;
  readonly #outgoing: Outgoing;
  readonly #starter: ServiceStarter;
  readonly #incoming: IncomingMessages;
  #draining: Promise<boolean> | undefined;

  /** @param peers who may call, whom calls go to rather, and what they are called */
  constructor(
    parts: ServiceRuntimeParts,
    peers: Pick<ServicePeers, "selector" | "isHealthy" | "nameOf"> & { readonly self?: PeerId },
  ) {
    super();
    const { clock, timers, random, log, links, compressor, limits } = parts;
    const run = this.run = (randomUint32(random) % RUN_HIGH) * TWO_32 + randomUint32(random) || 1;
    const carrier = new MessageCarrier(links, compressor, limits, timers);
    const handlerLog = new HandlerLog(log, (peer) => peers.nameOf(peer));
    const onChange = () => this.#servicesChanged();
    const middleware = this.#middleware = new MiddlewareChain({ clock, timers, random, log });
    const stats = this.stats = new CallStats(() => clock.now());
    const selector = (text: string) => peers.selector(text);
    this.services = new LocalServices(selector, onChange, handlerLog, middleware, stats.provider);
    const host: ContextHost = {
      now: () => clock.now(),
      requestIn: (parent, path, params, options) => this.#outgoing.request(path, params, options, parent),
      publishIn: (parent, topic, data, options) => this.#outgoing.publish(topic, data, options, parent),
    };
    const nodeName = (peer: PeerId | undefined) => {
      const node = peer === undefined || isProgram(peer) ? peers.self : peer;
      return node && peers.nameOf(node);
    };
    const { services } = this;
    this.base = { clock, timers, random, log, run, carrier, services, host, handlerLog, stats, nodeName };
    this.localCaller = new LocalCaller(this.base);
    this.subscriptions = new Subscriptions(
      {
        memory: carrier.memory,
        log: handlerLog,
        host,
        middleware,
        counters: stats.events,
        confirm: (pattern, group) => this.confirmSubscription(pattern, group),
      },
      () => this.sendAdvert(),
    );
    this.#starter = new ServiceStarter(this.services, this.subscriptions, log, {
      admit: (path) => this.admit(path),
      waitFor: (services, options) => this.waitFor(services, options),
    });
    this.sender = new EventSender(carrier, stats.events);
    this.#outgoing = new Outgoing(middleware, this.paths, {
      call: (path, params, options, timeoutMs) => this.call(path, params, options, timeoutMs),
      publish: (topic, data, options, context) => this.#publish(topic, data, options, context),
    });
    const balancer = this.balancer = new Balancer(random, links, peers);
    this.remoteCaller = new RemoteCaller(this.base, balancer, {
      providers: (order) => this.providers(order),
      refusal: (order, provider) => this.refusal(order, provider),
    });
    this.server = new CallServer(
      this.base,
      (peer, request, isAgain) => this.#route(peer, request, isAgain),
    );
    this.#incoming = new IncomingMessages(carrier, this.server, this.remoteCaller, {
      acceptsEvent: (peer, topic, event, isAgain) =>
        !(isAgain && this.isClosed) && this.acceptsEvent(peer, topic, event, isAgain),
      hears: (peer, topic) => this.hears(peer, topic),
      handleEvent: (peer, topic, event) => this.handleEvent(peer, topic, event),
      handleNotice: (peer, message) => this.handleNotice(peer, message),
    });
  }

  /** All services that are known, or the one at a path. */
  abstract report(path?: string): readonly ServiceReport[];

  /**
   * Waits until somebody runs each of these services.
   * @throws CallError with code `Timeout`, which names those that are missing and why, or `Canceled`; InvalidTopicError,
   *   InvalidServiceError
   */
  abstract waitFor(
    services: ServiceRequirement | readonly ServiceRequirement[],
    options?: WaitOptions,
  ): Promise<void>;

  /** All members of the network, this node among them. @throws CallError when the agent does not answer */
  abstract members(): Promise<readonly MemberInfo[]>;

  /** Has a handler told of each change of the members. */
  onMemberChange(handler: (change: MemberChange) => void): SubscriptionHandle {
    return this.subscriptions.add(MEMBER_TOPIC, ({ data }) => handler(data as MemberChange));
  }

  /** What others are to know of this program, and of those that are attached to it. */
  advert(): ServiceAdvert {
    const { run, services, subscriptions } = this;
    if (this.isClosed || this.#draining !== undefined) return { ...EMPTY_ADVERT, run };
    return buildAdvert(run, services.all(), subscriptions.all(), this.advertOptions());
  }

  /** Aborted when this program stops. */
  protected get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Messages that could not be read, events among them. */
  get rejected(): number {
    return this.#incoming.rejected + this.subscriptions.rejected;
  }

  /** What others make this program hold. */
  get memory(): MemoryBudget {
    return this.base.carrier.memory;
  }

  /** Calls that wait for an answer. */
  get pendingCalls(): number {
    return this.remoteCaller.pending;
  }

  /** Calls of others that run here. */
  get runningCalls(): number {
    return this.server.running;
  }

  /**
   * Adds a service and starts it, once a leader has let this node have its path; when none answers within 5 s, it runs
   * on this node alone until one does. One with dependencies starts when they are there.
   * @throws ServiceNotGrantedError when the path is somebody else's
   * @throws InvalidServiceError, InvalidTopicError, InvalidSelectorError, and what its hooks throw
   */
  async addService(definition: ServiceDefinition): Promise<LocalService> {
    if (this.isClosed) throw new InvalidServiceError("Cannot add a service: this node has stopped");
    if (isBuiltIn(TopicPath.parse(definition.path).service)) {
      throw new InvalidServiceError(
        `Cannot add ${showPath(definition.path)}: every node has its own services there`,
        { hint: "Choose a path that does not begin with $." },
      );
    }
    const service = await this.#starter.add(definition);
    this.#servicesChanged();
    return service;
  }

  /** Stops a service and takes it away. @returns whether there was one */
  async removeService(path: string): Promise<boolean> {
    const service = this.services.remove(TopicPath.parse(path).toString());
    if (service === undefined) return false;
    this.#servicesChanged();
    await service.stop();
    return true;
  }

  /**
   * Calls an action, here if it is here, else wherever it runs.
   * @param path `service/action`
   * @returns what the handler has answered, of the type that the caller says; with mode `all` a list of `CallAnswer`
   * @throws CallError, InvalidTopicError
   */
  request(path: string, params?: unknown, options?: CallOptions): Promise<unknown>;
  // Apart, since a parameter that is left out would be whatever type the answer is put to.
  request<Result>(path: string, params?: unknown, options?: CallOptions): Promise<Result>;
  request(path: string, params?: unknown, options: CallOptions = NO_OPTIONS): Promise<unknown> {
    return this.#outgoing.request(path, params, options);
  }

  /** Makes a call anew that has found nobody, and may find somebody now. */
  protected callAgain(
    path: CallPath,
    params: unknown,
    options: PreparedCallOptions,
    leftMs: number,
  ): Promise<unknown> {
    try {
      return this.call(path, params, options, leftMs);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** What calls and events of this program go through from now on, behind what is there already. */
  use(...all: readonly Middleware[]): void {
    for (const middleware of all) this.#middleware.use(middleware);
  }

  /** @param path the service's, as its definition says @returns the service with its types */
  client<Service extends ServiceDefinition>(
    path: Service["path"],
    options: ClientOptions = {},
  ): ServiceClient<Service> {
    return new ServiceClient<Service>(path, this, this.#middleware.environment, options);
  }

  /**
   * Publishes an event. The short ones of one publisher arrive in order; one of more than 24 KiB, which has a stream of
   * its own, may be overtaken.
   * An event of a service that this program offers is checked by its schema first, and converted.
   * @throws InvalidTopicError, CallError when it can't be sent at all, or is not what its schema says
   */
  publish(topic: string, data?: unknown, options: PublishOptions = {}): Promise<PublishReport> {
    return this.#outgoing.publish(topic, data, options);
  }

  /** Has a handler get events. @throws InvalidTopicError, InvalidServiceError */
  subscribe(pattern: string, handler: EventHandler, options?: SubscribeOptions): SubscriptionHandle {
    const subscription = this.subscriptions.add(pattern, handler, options);
    if (options?.includePast) this.deliverPast(subscription, pattern);
    return subscription;
  }

  /** Events to read in a loop; whoever reads too slowly loses the oldest. */
  on(pattern: string, options: SubscribeOptions = {}): EventStream {
    const { queue = DEFAULT_EVENT_QUEUE } = options;
    return streamEvents((onEvent) => {
      const subscription = this.subscriptions.addPulled(pattern, onEvent, { ...options, queue });
      if (options.includePast) this.deliverPast(subscription, pattern);
      return subscription;
    });
  }

  /**
   * Handles a message of a peer.
   * @param bytes good until this returns
   * @param stream what the message has opened, if anything
   */
  handleMessage(peer: PeerId, bytes: Uint8Array, stream?: ServiceStream): void {
    this.#incoming.handleMessage(peer, bytes, stream);
  }

  /**
   * Offers nothing any more, leads no service and takes no more calls of others, who turn to somebody else; then waits for
   * the calls and streams that are under way. To be called before `close`; once is enough.
   * @param limitMs how long at most, in milliseconds; 5 s unless given
   * @param lateMs for how long others may be sending calls that do not know yet, in milliseconds; 100 unless given
   * @returns whether all have ended
   */
  drain(limitMs: number = DEFAULT_DRAIN_MS, lateMs: number = DEFAULT_LATE_MS): Promise<boolean> {
    if (this.#draining !== undefined) return this.#draining;
    const offers = this.advert().services.length > 0;
    const [isServed, isAnswered] = [this.server.drain(), this.remoteCaller.drain()];
    this.#draining = drained(this.base, {
      isIdle: () => this.isClosed || (isServed() && isAnswered()),
      isAsked: offers && this.base.carrier.links.linked().length > 0,
      limitMs,
      lateMs,
    });
    this.stopLeading();
    this.sendAdvert();
    return this.#draining;
  }

  /** Stops all services, fails what waits, and offers nothing any more. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#closing.abort();
    this.stopLeading();
    this.sendAdvert();
    await Promise.all(
      this.services.all().map((service) =>
        service.stop().catch((error) => {
          this.base.log.error("a service has failed to stop", { service: service.path.toString(), error });
        })
      ),
    );
    this.localCaller.close();
    this.remoteCaller.close();
    this.server.close();
  }

  #route(peer: PeerId, request: RequestMessage, isAgain: boolean): Route {
    const path = this.paths.tryParse(request.path);
    if (path === undefined) return failed("UnknownAction", "that is no path of an action");
    return this.route(peer, path, request, isAgain);
  }

  /** @throws CallError when it can't be sent at all, or is not what its service says of it */
  #publish(
    topic: TopicPath,
    data: unknown,
    options: PublishOptions,
    context: PropagatedContext | undefined,
  ): Promise<PublishReport> {
    const { carrier, handlerLog } = this.base;
    const defined = this.services.eventOf(topic);
    const chosen = asDefined(defined, options);
    const publish = (data: unknown) => {
      const value = encodeView(data);
      carrier.checkLength(value);
      return this.publishValue(topic, value, chosen, context);
    };
    // Without data a kept event is taken back.
    return data === undefined && chosen.retain
      ? publish(data)
      : publishChecked(defined, topic, data, handlerLog, publish);
  }

  #servicesChanged(): void {
    this.followServices();
    this.sendAdvert();
  }
}
