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
export type { CallAnswer, CallOptions } from "./calls/mod.ts";
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
export type {
  EventStream,
  PublishOptions,
  PublishReport,
  SubscribeOptions,
  SubscriptionHandle,
} from "./events/mod.ts";
export type { LocalService } from "./local/mod.ts";
export * from "./node_runtime.ts";
export * from "./ports.ts";
export * from "./programs/mod.ts";
export type { ProviderReport, ServiceReport } from "./registry/mod.ts";
export { ServiceClient } from "./service_client.ts";
export type { ServiceNode } from "./service_node.ts";
export { ServiceRuntime, type ServiceRuntimeParts } from "./service_runtime.ts";
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
  type NodeMessage,
  type ServiceAdvert,
  type ServiceState,
} from "./wire/mod.ts";
