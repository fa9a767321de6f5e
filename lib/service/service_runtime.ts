/**
 * What nodes and attached programs have in common: the services of one program, its subscriptions, and the messages of
 * its peers.
 * @module
 */

import { type Environment, randomUint32 } from "../base/mod.ts";
import {
  type Balancer,
  type CallOptions,
  type CallOrder,
  CallPaths,
  type CallPorts,
  CallServer,
  RemoteCaller,
  type Route,
} from "./calls/mod.ts";
import type {
  ActionName,
  EventHandler,
  EventName,
  EventOf,
  ParamsOf,
  ResultOf,
  ServiceDefinition,
} from "./definition/mod.ts";
import type { Provider } from "./directory/mod.ts";
import { InvalidServiceError } from "./errors.ts";
import {
  DEFAULT_EVENT_QUEUE,
  EventSender,
  type EventStream,
  type PublishOptions,
  type PublishReport,
  streamEvents,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionHandle,
  Subscriptions,
} from "./events/mod.ts";
import { type LocalService, LocalServices } from "./local/mod.ts";
import type { Compressor, PeerId, PeerLinks, ServiceStream } from "./ports.ts";
import type { ServiceReport } from "./registry/mod.ts";
import { showPath, TopicPath } from "./topics/mod.ts";
import {
  type CarrierLimits,
  decodeNodeMessage,
  encodeValue,
  type EventMessage,
  isRemote,
  MessageCarrier,
  type NodeMessage,
  RESET_MALFORMED,
  type ServiceAdvert,
  type WireValue,
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

/** What differs between a node and a program, where that is a value. */
interface RuntimeRules {
  readonly balancer: Balancer;
  /** How many calls may wait for a peer. */
  maxPending(peer: PeerId): number;
  /** Reads who may call. @throws WeftError when the selector is malformed */
  selector(text: string): (caller: PeerId) => boolean;
}

/** The services of one program: of a node, or attached to one. */
export abstract class ServiceRuntime {
  readonly services: LocalServices;
  /** Drawn at the start, so that others tell this program from the one that ran before. */
  readonly run: number;
  protected readonly parts: ServiceRuntimeParts;
  protected readonly paths: CallPaths = new CallPaths();
  protected readonly ports: CallPorts;
  protected readonly carrier: MessageCarrier;
  protected readonly remoteCaller: RemoteCaller;
  protected readonly server: CallServer;
  protected readonly sender: EventSender;
  protected readonly subscriptions: Subscriptions;
  protected isClosed = false;
  #rejected = 0;

  constructor(parts: ServiceRuntimeParts, { balancer, maxPending, selector }: RuntimeRules) {
    const { clock, timers, random, links } = parts;
    this.parts = parts;
    this.run = (randomUint32(random) % RUN_HIGH) * TWO_32 + randomUint32(random) || 1;
    this.services = new LocalServices(selector, () => this.#servicesChanged());
    this.subscriptions = new Subscriptions(() => this.sendAdvert());
    this.carrier = new MessageCarrier(links, parts.compressor, parts.limits);
    this.sender = new EventSender(this.carrier, links);
    const shared = { clock, timers, random, links, carrier: this.carrier, run: this.run };
    this.remoteCaller = new RemoteCaller({
      ...shared,
      balancer,
      maxPending,
      providers: (order) => this.providers(order),
    });
    this.ports = { clock, timers, carrier: this.carrier, remoteCaller: this.remoteCaller };
    this.server = new CallServer({ ...shared, route: (peer, request) => this.route(peer, request) });
  }

  /** What others are to know of this program, and of those that are attached to it. */
  abstract advert(): ServiceAdvert;
  /**
   * Calls an action, here if it is here, else wherever it runs.
   * @param path `service/action`
   * @returns what the handler has answered; with mode `all` a list of `CallAnswer`
   * @throws CallError, InvalidTopicError
   */
  abstract request(path: string, params?: unknown, options?: CallOptions): Promise<unknown>;
  /** All services that are known, or the one at a path. */
  abstract report(path?: string): readonly ServiceReport[];

  protected abstract route(...request: Parameters<CallServer["handleRequest"]>): Route;
  protected abstract providers(order: CallOrder): readonly Provider[];
  protected abstract publishValue(
    topic: TopicPath,
    data: WireValue,
    options: PublishOptions,
  ): Promise<PublishReport>;
  protected abstract handleEvent(peer: PeerId, topic: TopicPath, event: EventMessage): void;
  /** Handles a message that is neither a call, an answer nor an event. */
  protected abstract handleNotice(peer: PeerId, message: NodeMessage): void;
  /** Brings events that were published before to a new subscription. @param pattern its text */
  protected abstract deliverPast(subscription: Subscription, pattern: string): void;
  /** What `advert` gives has changed. */
  protected abstract sendAdvert(): void;
  /** The services of this program have changed, or their states. */
  protected abstract followServices(): void;
  protected abstract stopLeading(): void;

  /** Messages that could not be read, events among them. */
  get rejected(): number {
    return this.#rejected + this.subscriptions.rejected;
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
   * Adds a service and starts it.
   * @throws InvalidServiceError, InvalidTopicError, InvalidSelectorError, and what its hooks throw
   */
  async addService(definition: ServiceDefinition): Promise<LocalService> {
    if (this.isClosed) throw new InvalidServiceError("Cannot add a service: this node has stopped");
    const service = this.services.add(definition);
    const group = showPath(service.path);
    const subscriptions: SubscriptionHandle[] = [];
    try {
      for (const [pattern, handler] of Object.entries(definition.subscriptions ?? {})) {
        subscriptions.push(this.subscriptions.add(pattern, handler, { group }));
      }
      await service.start();
    } catch (error) {
      for (const subscription of subscriptions) subscription.unsubscribe();
      this.services.remove(service.path.toString());
      throw error;
    }
    service.own(subscriptions);
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

  /** @param path the service's, as its definition says @returns the service with its types */
  client<Service extends ServiceDefinition>(path: Service["path"]): ServiceClient<Service> {
    return new ServiceClient<Service>(path, this);
  }

  /**
   * Publishes an event. The short ones of one publisher arrive in order; one of more than 24 KiB, which has a stream of
   * its own, may be overtaken.
   * @throws InvalidTopicError, CallError when it can't be sent at all
   */
  publish(topic: string, data?: unknown, options: PublishOptions = {}): Promise<PublishReport> {
    try {
      const path = TopicPath.parse(topic);
      const value = encodeValue(data);
      this.carrier.checkLength(value);
      return this.publishValue(path, value, options);
    } catch (error) {
      return Promise.reject(error);
    }
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
    return streamEvents((handler) => this.subscribe(pattern, handler, options), queue);
  }

  /**
   * Handles a message of a peer.
   * @param bytes good until this returns
   * @param stream what the message has opened, if anything
   */
  handleMessage(peer: PeerId, bytes: Uint8Array, stream?: ServiceStream): void {
    const message = decodeNodeMessage(bytes);
    switch (message?.kind) {
      case "request":
        return this.server.handleRequest(peer, message, stream);
      case "response":
        return this.remoteCaller.handleResponse(peer, message, stream);
      case "event":
        return this.#receiveEvent(peer, message, stream);
    }
    stream?.reset(RESET_MALFORMED);
    if (message === undefined) this.#rejected++;
    else if (message.kind !== "cancel") this.handleNotice(peer, message);
    else this.server.handleCancel(peer, message.callerRun, message.number);
  }

  /** Stops all services, fails what waits, and offers nothing any more. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.stopLeading();
    this.sendAdvert();
    await Promise.all(
      this.services.all().map((service) =>
        service.stop().catch((error) => {
          this.parts.log.error("a service has failed to stop", { service: service.path.toString(), error });
        })
      ),
    );
    this.remoteCaller.close();
    this.server.close();
  }

  #receiveEvent(peer: PeerId, event: EventMessage, stream: ServiceStream | undefined): void {
    if (!isRemote(event.data)) {
      stream?.end();
      return this.#readTopic(peer, event);
    }
    this.carrier.complete(peer, event.data, stream).then((data) => {
      if ("code" in data) this.#rejected++;
      else this.#readTopic(peer, { ...event, data });
    });
  }

  #readTopic(peer: PeerId, event: EventMessage): void {
    const topic = TopicPath.tryParse(event.topic);
    if (topic === undefined) this.#rejected++;
    else this.handleEvent(peer, topic, event);
  }

  #servicesChanged(): void {
    this.followServices();
    this.sendAdvert();
  }
}

/** Calls one service, wherever it runs, with the types of its definition. */
export class ServiceClient<Service extends ServiceDefinition> {
  /** The service's path. */
  readonly path: string;
  readonly #runtime: ServiceRuntime;

  /** @param path the service's, as its definition says */
  constructor(path: string, runtime: ServiceRuntime) {
    this.path = path;
    this.#runtime = runtime;
  }

  /** Calls an action. @throws CallError */
  request<Name extends ActionName<Service>>(
    name: Name,
    ...rest: undefined extends ParamsOf<Service, Name>
      ? [params?: ParamsOf<Service, Name>, options?: CallOptions]
      : [params: ParamsOf<Service, Name>, options?: CallOptions]
  ): Promise<ResultOf<Service, Name>> {
    const [params, options] = rest;
    return this.#runtime.request(`${this.path}/${name}`, params, options) as Promise<ResultOf<Service, Name>>;
  }

  /** Has a handler get an event of the service. */
  subscribe<Name extends EventName<Service>>(
    name: Name,
    handler: EventHandler<EventOf<Service, Name>>,
    options?: SubscribeOptions,
  ): SubscriptionHandle {
    return this.#runtime.subscribe(`${this.path}/${name}`, handler as EventHandler, options);
  }

  /** Publishes an event of the service. */
  publish<Name extends EventName<Service>>(
    name: Name,
    data: EventOf<Service, Name>,
    options?: PublishOptions,
  ): Promise<PublishReport> {
    return this.#runtime.publish(`${this.path}/${name}`, data, options);
  }
}
