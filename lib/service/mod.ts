/**
 * Services: request, publish and subscribe between nodes. It knows neither sockets nor members: links, who is who, time
 * and randomness are handed in. It never decides who belongs to the network.
 *
 * ```
 *                         request ┌──────────┐ calls    ┌────────────────┐
 *   program ─────────────────────▶│ Caller   ├─────────▶│ CallDesk       │── Balancer, ServiceDirectory
 *           addService            ├──────────┤ or       └───────┬────────┘
 *           ─────────────────────▶│ Local    │ runAction        │ MessageCarrier, MessageIntake ⇄ PeerLinks
 *           publish, subscribe    │ Services │◀─────────┌───────┴────────┐
 *           ─────────────────────▶│ EventDesk│          │ CallServer     │── DedupWindow
 *                                 └──────────┘          └────────────────┘
 * ```
 *
 * @module
 */

export * from "./bounds.ts";
export type { CallAnswer } from "./caller.ts";
export type { CallContext } from "./call_context.ts";
export type { CallOptions } from "./call_options.ts";
export * from "./circuit_breaker.ts";
export { ActionError, CallError, type CallFailureCode, InvalidServiceError } from "./errors.ts";
export type { PublishOptions, PublishReport } from "./event_desk.ts";
export type { EventHandler, ServiceEvent } from "./event_handler.ts";
export type { EventStream } from "./event_stream.ts";
export type { ItemSource } from "./item_stream.ts";
export type { LocalService } from "./local_service.ts";
export type { CarrierLimits } from "./message_carrier.ts";
export * from "./ports.ts";
export type { ProviderReport, ServiceReport } from "./registry_report.ts";
export type { Schema, SchemaIssue, SchemaResult } from "./schema.ts";
export {
  type AdvertisedAction,
  type AdvertisedService,
  type AdvertisedSubscription,
  decodeAdvert,
  EMPTY_ADVERT,
  encodeAdvert,
  type ServiceAdvert,
  type ServiceState,
} from "./service_advert.ts";
export { ServiceClient } from "./service_client.ts";
export * from "./service_definition.ts";
export * from "./service_runtime.ts";
export type { SubscribeOptions, SubscriptionHandle } from "./subscription.ts";
export { DEFAULT_TOPIC_NETWORK, showPath } from "./topic_network.ts";
export * from "./topic_path.ts";
