/**
 * A service as its callers see it, with the types of its definition.
 * @module
 */

import type { CallOptions } from "./calls/mod.ts";
import type { PublishOptions, PublishReport, SubscribeOptions, SubscriptionHandle } from "./events/mod.ts";
import type {
  ActionName,
  EventHandler,
  EventInputOf,
  EventName,
  EventOf,
  ParamsOf,
  ResultOf,
  ServiceDefinition,
} from "./service_definition.ts";

/**
 * What carries its calls.
 * @internal
 */
export interface ServiceCaller {
  request<Result>(path: string, params?: unknown, options?: CallOptions): Promise<Result>;
  publish(topic: string, data?: unknown, options?: PublishOptions): Promise<PublishReport>;
  subscribe(pattern: string, handler: EventHandler, options?: SubscribeOptions): SubscriptionHandle;
}

/** Calls one service, wherever it runs, with the types of its definition. */
export class ServiceClient<Service extends ServiceDefinition> {
  /** The service's path. */
  readonly path: string;
  readonly #runtime: ServiceCaller;

  /**
   * @internal
   * @param path the service's, as its definition says
   */
  constructor(path: string, runtime: ServiceCaller) {
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
    return this.#runtime.request<ResultOf<Service, Name>>(`${this.path}/${name}`, params, options);
  }

  /** Has a handler get an event of the service. */
  subscribe<Name extends EventName<Service>>(
    name: Name,
    handler: EventHandler<EventOf<Service, Name>>,
    options?: SubscribeOptions,
  ): SubscriptionHandle {
    return this.#runtime.subscribe(`${this.path}/${name}`, handler as EventHandler, options);
  }

  /** Publishes an event of the service, which its schema checks where this program offers it. */
  publish<Name extends EventName<Service>>(
    name: Name,
    data: EventInputOf<Service, Name>,
    options?: PublishOptions,
  ): Promise<PublishReport> {
    return this.#runtime.publish(`${this.path}/${name}`, data, options);
  }
}
