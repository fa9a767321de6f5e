/**
 * All that makes a program a place for services: what it offers, whom it calls, what it hears.
 * @module
 */

import { type Environment, type Logger, randomUint32, silentLogger } from "../base/mod.ts";
import { buildAdvert, RegistryService, ServiceLeadership, type ServiceReport } from "./registry/mod.ts";
import {
  Balancer,
  Caller,
  type CallOptions,
  CallPaths,
  CallServer,
  ProviderChoice,
  RemoteCaller,
  RequestRouter,
} from "./calls/mod.ts";
import { InvalidServiceError } from "./errors.ts";
import {
  DEFAULT_EVENT_QUEUE,
  type EventStream,
  PastEvents,
  type PublishOptions,
  type PublishReport,
  PubSub,
  streamEvents,
  type SubscribeOptions,
  type SubscriptionHandle,
} from "./events/mod.ts";
import type { EventHandler, ServiceDefinition } from "./definition/mod.ts";
import { type LocalService, LocalServices } from "./local/mod.ts";
import {
  type CarrierLimits,
  EMPTY_ADVERT,
  encodeValue,
  MessageCarrier,
  type ServiceAdvert,
} from "./wire/mod.ts";
import { MessageIntake } from "./message_intake.ts";
import {
  type Compressor,
  isProgram,
  type PeerId,
  type PeerLinks,
  type ServicePeers,
  type ServiceStream,
} from "./ports.ts";
import { ServiceClient } from "./service_client.ts";
import { ServiceDirectory } from "./directory/mod.ts";
import { showPath, TopicPath } from "./topics/mod.ts";

const RUN_HIGH = 0x10_0000;
const TWO_32 = 0x1_0000_0000;

/** What a runtime stands on. */
export interface ServiceRuntimeParts extends Pick<Environment, "clock" | "timers" | "random"> {
  readonly log?: Logger;
  readonly links: PeerLinks;
  readonly peers: ServicePeers;
  /** Long values go as they are without one. */
  readonly compressor?: Compressor;
  readonly limits?: CarrierLimits;
  /** The agent that this program is attached to; undefined for a node. */
  readonly upstream?: PeerId;
  /** What `advert` gives has changed. */
  onAdvertChange?(): void;
}

/** Services of one program. */
export class ServiceRuntime {
  readonly directory: ServiceDirectory;
  readonly services: LocalServices;
  readonly leadership: ServiceLeadership;
  /** Drawn at the start, so that others know this program from the one that ran before. */
  readonly run: number;
  readonly #parts: ServiceRuntimeParts;
  readonly #log: Logger;
  readonly #paths = new CallPaths();
  readonly #carrier: MessageCarrier;
  readonly #server: CallServer;
  readonly #remoteCaller: RemoteCaller;
  readonly #caller: Caller;
  readonly #events: PubSub;
  readonly #past: PastEvents;
  readonly #intake: MessageIntake;
  readonly #registry: RegistryService;
  #isClosed = false;

  constructor(parts: ServiceRuntimeParts) {
    this.#parts = parts;
    this.#log = parts.log ?? silentLogger;
    const { clock, timers, random, links, peers, upstream } = parts;
    const ports = { clock, timers, random, links };
    this.run = (randomUint32(random) % RUN_HIGH) * TWO_32 + randomUint32(random) || 1;
    const balancer = new Balancer({
      random,
      rttMs: (peer) => links.rttMs(peer),
      isHealthy: (peer) => isProgram(peer) || peers.isHealthy(peer),
    });
    this.directory = new ServiceDirectory((paths) => {
      this.leadership.follow();
      for (const path of paths) if (this.directory.providers(path).length === 0) balancer.forget(path);
    });
    this.services = new LocalServices(
      (text) => peers.selector(text),
      () => this.#servicesChanged(),
    );
    this.#carrier = new MessageCarrier(links, parts.compressor, parts.limits);
    this.leadership = new ServiceLeadership({
      ...ports,
      carrier: this.#carrier,
      directory: this.directory,
      services: this.services,
      run: this.run,
      peers,
      upstream,
      log: this.#log,
    });
    const found = { upstream, peers, services: this.services, directory: this.directory };
    const choice = new ProviderChoice({ ...found, leadership: this.leadership });
    const router = new RequestRouter({
      ...found,
      paths: this.#paths,
      choice,
      forward: (path, from, isOwn) => (request, params, stream, signal) =>
        this.#caller.forward(request, { path, params, stream, signal, isOwn, from }),
    });
    const shared = { ...ports, carrier: this.#carrier, run: this.run };
    this.#remoteCaller = new RemoteCaller({
      ...shared,
      upstream,
      balancer,
      providers: (order) => choice.providers(order),
    });
    this.#server = new CallServer({
      ...shared,
      upstream,
      route: (peer, request) => router.route(peer, request),
    });
    this.#caller = new Caller({
      ...shared,
      ...found,
      remoteCaller: this.#remoteCaller,
      paths: this.#paths,
      choice,
    });
    this.#events = new PubSub({
      clock,
      links,
      carrier: this.#carrier,
      directory: this.directory,
      upstream,
      onChange: () => this.#changed(),
    });
    const ask = (peer: PeerId, path: string, params: unknown) => this.#caller.requestFrom(peer, path, params);
    this.#past = new PastEvents({ ...found, events: this.#events, log: this.#log, ask });
    this.#registry = new RegistryService({
      ...parts,
      services: this.services,
      directory: this.directory,
      leadership: this.leadership,
      ask,
    });
    this.#intake = new MessageIntake({
      carrier: this.#carrier,
      server: this.#server,
      remoteCaller: this.#remoteCaller,
      events: this.#events,
      leadership: this.leadership,
      upstream,
      learn: (program, advert) => this.setAdverts(program, [advert]),
    });
    for (const definition of [this.#registry.definition(), this.#past.definition()]) {
      void this.services.add(definition).start();
    }
  }

  /** What others are to know of this program, and of the programs that are attached to it. */
  advert(): ServiceAdvert {
    if (this.#isClosed) return { ...EMPTY_ADVERT, run: this.run };
    const { directory } = this;
    const programs = directory.peers().filter((peer) => isProgram(peer));
    return buildAdvert({
      run: this.run,
      services: this.services.all(),
      subscriptions: this.#events.subscriptions(),
      programs: programs.flatMap((peer) => directory.advertsOf(peer)),
      retains: this.#events.retained.size > 0,
      isForAgent: this.#parts.upstream !== undefined,
    });
  }

  /** Messages that could not be read, events among them. */
  get rejected(): number {
    return this.#intake.rejected + this.#events.rejected;
  }

  /** Calls that wait for an answer. */
  get pendingCalls(): number {
    return this.#remoteCaller.pending;
  }

  /** Calls of others that run here. */
  get runningCalls(): number {
    return this.#server.running;
  }

  /**
   * Adds a service and starts it.
   * @throws InvalidServiceError, InvalidTopicError, InvalidSelectorError, and what its hooks throw
   */
  async addService(definition: ServiceDefinition): Promise<LocalService> {
    if (this.#isClosed) throw new InvalidServiceError("Cannot add a service: this node has stopped");
    const service = this.services.add(definition);
    const group = showPath(service.path);
    const subscriptions: SubscriptionHandle[] = [];
    try {
      for (const [pattern, handler] of Object.entries(definition.subscriptions ?? {})) {
        subscriptions.push(this.#events.subscribe(pattern, handler, { group }));
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
   * Calls an action, here if it is here, else wherever it runs.
   * @param path `service/action`
   * @returns what the handler has answered; with mode `all` a list of `CallAnswer`
   * @throws CallError, InvalidTopicError
   */
  request(path: string, params?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#caller.request(path, params, options);
  }

  /**
   * Publishes an event. The short ones of one publisher arrive in order; one of more than 24 KiB, which has a stream of
   * its own, may be overtaken.
   * @throws InvalidTopicError, CallError when it can't be sent at all
   */
  publish(topic: string, data?: unknown, options?: PublishOptions): Promise<PublishReport> {
    try {
      return this.#events.publish(
        TopicPath.parse(topic),
        encodeValue(data),
        options,
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Hears events. @throws InvalidTopicError, InvalidServiceError */
  subscribe(pattern: string, handler: EventHandler, options?: SubscribeOptions): SubscriptionHandle {
    const subscription = this.#events.subscribe(pattern, handler, options);
    if (options?.includePast) void this.#past.askFor(pattern);
    return subscription;
  }

  /** Events to read in a loop; who reads too slowly loses the oldest. */
  on(pattern: string, options: SubscribeOptions = {}): EventStream {
    const { queue = DEFAULT_EVENT_QUEUE } = options;
    return streamEvents((handler) => this.subscribe(pattern, handler, options), queue);
  }

  /** All services that are known, or the one at a path. */
  report(path?: string): readonly ServiceReport[] {
    return this.#registry.report(path);
  }

  /** Takes a message in; the bytes are good until this returns. */
  handleMessage(peer: PeerId, bytes: Uint8Array): void {
    this.#intake.handle(peer, bytes, undefined);
  }

  /** Takes a stream in, opened with a message as its header. */
  handleStream(peer: PeerId, header: Uint8Array, stream: ServiceStream): void {
    this.#intake.handle(peer, header, stream);
  }

  /** A link is open. */
  handleLink(peer: PeerId): void {
    this.leadership.hear(peer);
    const { upstream } = this.#parts;
    if (peer === upstream) this.#carrier.post(upstream, { kind: "discovery", advert: this.advert() });
  }

  /** A link has ended. @param isLast whether no other leads to the peer */
  handleLinkLost(peer: PeerId, isLast: boolean = true): void {
    if (isLast) this.leadership.lose(peer);
    this.#remoteCaller.handleLinkLost(peer);
  }

  /** What a peer offers, in the place of what it offered before; nothing when it is gone. */
  setAdverts(peer: PeerId, adverts: readonly ServiceAdvert[]): void {
    this.directory.set(peer, adverts);
    if (isProgram(peer)) this.#changed();
  }

  /** A peer is gone for good. */
  handlePeerGone(peer: PeerId): void {
    this.setAdverts(peer, []);
    this.leadership.forget(peer);
    this.#server.forget(peer);
  }

  /** Stops all services, fails what waits, and says no more. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.leadership.close();
    this.#changed();
    const stopping = this.services.all().map(async (service) => {
      try {
        await service.stop();
      } catch (error) {
        this.#log.error("a service has failed to stop", { service: service.path.toString(), error });
      }
    });
    await Promise.all(stopping);
    this.#remoteCaller.close();
    this.#server.close();
  }

  #servicesChanged(): void {
    this.leadership.follow();
    this.#changed();
  }

  #changed(): void {
    const { upstream } = this.#parts;
    if (upstream === undefined) this.#parts.onAdvertChange?.();
    else this.#carrier.post(upstream, { kind: "discovery", advert: this.advert() });
  }
}
