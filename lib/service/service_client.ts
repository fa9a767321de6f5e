/**
 * A service as its callers see it, with the types of its definition.
 * @module
 */

import type { BroadcastMode } from "./bounds.ts";
import type { PublishReport, SubscribeOptions, SubscriptionHandle } from "./events/mod.ts";
import type { CallOptions } from "./calls/mod.ts";
import type {
  ActionName,
  EventHandler,
  EventName,
  EventOf,
  ParamsOf,
  ResultOf,
  ServiceDefinition,
} from "./definition/mod.ts";

/** What a client works with. */
export interface ServiceCalls {
  request(path: string, params?: unknown, options?: CallOptions): Promise<unknown>;
  publish(
    topic: string,
    data?: unknown,
    options?: { readonly broadcastMode?: BroadcastMode; readonly retain?: boolean },
  ): Promise<PublishReport>;
  subscribe(pattern: string, handler: EventHandler, options?: SubscribeOptions): SubscriptionHandle;
}

/** Calls one service, wherever it runs. */
export class ServiceClient<Service extends ServiceDefinition> {
  /** The service's path. */
  readonly path: string;
  readonly #calls: ServiceCalls;

  /** @param path the service's, as its definition says */
  constructor(path: string, calls: ServiceCalls) {
    this.path = path;
    this.#calls = calls;
  }

  /** Calls an action. @throws CallError */
  request<Name extends ActionName<Service>>(
    name: Name,
    ...rest: undefined extends ParamsOf<Service, Name>
      ? [params?: ParamsOf<Service, Name>, options?: CallOptions]
      : [params: ParamsOf<Service, Name>, options?: CallOptions]
  ): Promise<ResultOf<Service, Name>> {
    const [params, options] = rest;
    return this.#calls.request(`${this.path}/${name}`, params, options) as Promise<ResultOf<Service, Name>>;
  }

  /** Hears an event of the service. */
  subscribe<Name extends EventName<Service>>(
    name: Name,
    handler: EventHandler<EventOf<Service, Name>>,
    options?: SubscribeOptions,
  ): SubscriptionHandle {
    return this.#calls.subscribe(`${this.path}/${name}`, handler as EventHandler, options);
  }

  /** Publishes an event of the service. */
  publish<Name extends EventName<Service>>(
    name: Name,
    data: EventOf<Service, Name>,
    options?: { readonly broadcastMode?: BroadcastMode; readonly retain?: boolean },
  ): Promise<PublishReport> {
    return this.#calls.publish(`${this.path}/${name}`, data, options);
  }
}
