/**
 * What a program has of its node: the part of it that needs no network.
 * @module
 */

import type { CallOptions } from "./calls/mod.ts";
import type {
  EventStream,
  PublishOptions,
  PublishReport,
  SubscribeOptions,
  SubscriptionHandle,
} from "./events/mod.ts";
import type { LocalService } from "./local/mod.ts";
import type { ServiceReport } from "./registry/mod.ts";
import type { ServiceClient } from "./service_client.ts";
import type { EventHandler, ServiceDefinition } from "./service_definition.ts";

/**
 * Offers services, calls them, publishes and subscribes. A program that asks for this in place of `Node` runs on a `Node`,
 * and in tests on a `TestNode` of `@weft/mesh/testing`.
 */
export interface ServiceNode extends AsyncDisposable {
  /** This node's name in the network. */
  readonly name: string;
  /** Settles when the node has ended. */
  readonly closed: Promise<void>;
  /** Adds a service and starts it. */
  addService(definition: ServiceDefinition): Promise<LocalService>;
  /** Stops a service and takes it away. @returns whether there was one */
  removeService(path: string): Promise<boolean>;
  /** A service as its callers see it, with the types of its definition. */
  service<Service extends ServiceDefinition>(path: Service["path"]): ServiceClient<Service>;
  /** All services that are known, wherever they run; or the one at a path. */
  services(path?: string): readonly ServiceReport[];
  /** Calls an action, here if it is here, else wherever it runs. */
  request(path: string, params?: unknown, options?: CallOptions): Promise<unknown>;
  /** The same, of a type that the caller says. */
  request<Result>(path: string, params?: unknown, options?: CallOptions): Promise<Result>;
  /** Publishes an event to whoever listens. */
  publish(topic: string, data?: unknown, options?: PublishOptions): Promise<PublishReport>;
  /** Subscribes to events. */
  subscribe(pattern: string, handler: EventHandler, options?: SubscribeOptions): SubscriptionHandle;
  /** Events to read in a loop; who reads too slowly loses the oldest. */
  on(pattern: string, options?: SubscribeOptions): EventStream;
  /** Stops services, withdraws what it offers, and closes everything. Harmless when repeated. */
  stop(): Promise<void>;
}
