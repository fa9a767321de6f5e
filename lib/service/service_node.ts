/**
 * What a program has of its node: the part of it that needs no network.
 * @module
 */

import type { EventStream, SubscribeOptions, SubscriptionHandle } from "./events/mod.ts";
import type { LocalService } from "./local/mod.ts";
import type { Middleware } from "./middleware_chain.ts";
import type {
  CallOptions,
  PublishOptions,
  PublishReport,
  ServiceRequirement,
  WaitOptions,
} from "./options.ts";
import type { MemberInfo } from "./ports.ts";
import type { MemberChange, ServiceReport } from "./registry/mod.ts";
import type { ClientOptions, ServiceClient } from "./service_client.ts";
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
  /** Has calls and events of this program go through middleware from now on. */
  use(...middleware: readonly Middleware[]): void;
  /** A service as its callers see it, with the types of its definition. */
  service<Service extends ServiceDefinition>(
    path: Service["path"],
    options?: ClientOptions,
  ): ServiceClient<Service>;
  /** Waits until somebody who answers runs each of these services. */
  waitFor(
    services: ServiceRequirement | readonly ServiceRequirement[],
    options?: WaitOptions,
  ): Promise<void>;
  /** All members of the network, this node among them, by name. */
  members(): Promise<readonly MemberInfo[]>;
  /** Looks a member up by its name or id. */
  member(name: string): Promise<MemberInfo | undefined>;
  /** Tells of each member that joins, leaves, changes, answers no more or answers again. */
  onMemberChange(handler: (change: MemberChange) => void): SubscriptionHandle;
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
  /**
   * Withdraws what it offers, lets calls that are under way end, stops services and closes everything. Harmless when
   * repeated.
   * @param options.drainMs how long calls may take to end, in milliseconds; 5 s unless the node was made otherwise
   */
  stop(options?: { readonly drainMs?: number }): Promise<void>;
}
