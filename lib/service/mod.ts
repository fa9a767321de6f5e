/**
 * Services: request, publish and subscribe between nodes. It knows neither sockets nor members: links, who is who, time
 * and randomness are handed in. It never decides who belongs to the network.
 *
 * ```
 *   request ──▶ callLocal ────▶ runAction ◀── CallServer ◀── request of others
 *          └──▶ RemoteCaller ──▶ MessageCarrier ──▶ PeerLinks
 *   publish ──▶ PubSub ──▶ Subscriptions
 *                     └──▶ EventSender ──▶ MessageCarrier ──▶ PeerLinks
 * ```
 *
 * `NodeRuntime` joins them for a node, `ProgramRuntime` for a program that is attached to a node's agent.
 *
 * @module
 */

export * from "./bounds.ts";
export * from "./call_context.ts";
export { DEFAULT_DRAIN_MS } from "./calls/mod.ts";
export * from "./service_definition.ts";
export * from "./directory/mod.ts";
export {
  ActionError,
  CallError,
  type CallFailureCode,
  InvalidServiceError,
  ServiceNotGrantedError,
  type WireFailure,
} from "./errors.ts";
export type { EventStream, SubscribeOptions, SubscriptionHandle, SubscriptionReach } from "./events/mod.ts";
export type { LocalService } from "./local/mod.ts";
export * from "./node/mod.ts";
export {
  type HandledEvent,
  type Middleware,
  type Next,
  type OutgoingCall,
  type Publication,
  type ServedCall,
} from "./middleware_chain.ts";
export * from "./middleware/mod.ts";
export * from "./options.ts";
export * from "./ports.ts";
export * from "./programs/mod.ts";
export type { MemberChange, ProviderReport, ServiceReport } from "./registry/mod.ts";
export { type Schema, type SchemaIssue, type SchemaResult, validate } from "./schema.ts";
export * from "./service_event.ts";
export { type ClientOptions, ServiceClient } from "./service_client.ts";
export type { ServiceSettings } from "./settings.ts";
export type { ServiceNode } from "./service_node.ts";
export { ServiceRuntime, type ServiceRuntimeParts } from "./service_runtime.ts";
export {
  type ActionFigures,
  type CallCounters,
  CallStats,
  type CallTotals,
  LATENCY_BOUNDS_SECONDS,
} from "./stats/mod.ts";
export * from "./topics/mod.ts";
export {
  type AdvertisedAction,
  type AdvertisedService,
  type AdvertisedSubscription,
  type CarrierLimits,
  decodeAdvert,
  decodeNodeMessage,
  EMPTY_ADVERT,
  encodeAdvert,
  type ItemSource,
  type Metadata,
  type NodeMessage,
  type PropagatedContext,
  type ServiceAdvert,
  type ServiceState,
} from "./wire/mod.ts";
