/**
 * A service as its callers see it, with the types of its definition.
 * @module
 */

import type { Environment } from "../base/mod.ts";
import type { HandlerContext } from "./call_context.ts";
import type { SubscribeOptions, SubscriptionHandle } from "./events/mod.ts";
import { type Middleware, MiddlewareChain, runHooks } from "./middleware_chain.ts";
import type { CallOptions, PublishOptions, PublishReport } from "./options.ts";
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

/** What a client of a service is made with. */
export interface ClientOptions {
  /** What each of its calls says unless the call says something else, such as a `version` or a `timeoutMs`. */
  readonly defaults?: CallOptions;
  /** What its calls and events go through before the middleware of the node; the first one is outermost. */
  readonly middleware?: readonly Middleware[];
}

/** Calls one service, wherever it runs, with the types of its definition. */
export class ServiceClient<Service extends ServiceDefinition> {
  /** The service's path. */
  readonly path: string;
  readonly #runtime: ServiceCaller;
  readonly #chain: MiddlewareChain;
  readonly #options: ClientOptions;

  /**
   * @internal
   * @param path the service's, as its definition says
   */
  constructor(path: string, runtime: ServiceCaller, environment: Environment, options: ClientOptions) {
    this.path = path;
    this.#runtime = runtime;
    this.#options = options;
    this.#chain = new MiddlewareChain(environment, options.middleware);
  }

  /**
   * The same service for a handler: what came along with its call goes on, and its deadline holds.
   * @param context of the handler that calls or publishes
   * @returns a client of this service, whose `subscribe` is as before
   */
  within(context: HandlerContext): ServiceClient<Service> {
    const runtime = this.#runtime;
    return new ServiceClient<Service>(
      this.path,
      {
        request: <Result>(path: string, params?: unknown, options?: CallOptions) =>
          context.request<Result>(path, params, options),
        publish: (topic, data, options) => context.publish(topic, data, options),
        subscribe: (pattern, handler, options) => runtime.subscribe(pattern, handler, options),
      },
      this.#chain.environment,
      this.#options,
    );
  }

  /** Calls an action. @throws CallError */
  request<Name extends ActionName<Service>>(
    name: Name,
    ...rest: undefined extends ParamsOf<Service, Name>
      ? [params?: ParamsOf<Service, Name>, options?: CallOptions]
      : [params: ParamsOf<Service, Name>, options?: CallOptions]
  ): Promise<ResultOf<Service, Name>> {
    const [params, given] = rest;
    const { defaults } = this.#options;
    const options = defaults === undefined ? given : { ...defaults, ...given };
    const { requests, environment } = this.#chain;
    const path = `${this.path}/${name}`;
    if (requests.length === 0) return this.#runtime.request<ResultOf<Service, Name>>(path, params, options);
    return runHooks(
      requests,
      { path, params, options: options ?? {} },
      environment,
      ({ path, params, options }) => this.#runtime.request(path, params, options),
    ) as Promise<ResultOf<Service, Name>>;
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
    const { publications, environment } = this.#chain;
    const topic = `${this.path}/${name}`;
    if (publications.length === 0) return this.#runtime.publish(topic, data, options);
    return runHooks(
      publications,
      { topic, data, options: options ?? {} },
      environment,
      ({ topic, data, options }) => this.#runtime.publish(topic, data, options),
    );
  }
}
