/**
 * weft as a library: a Deno program becomes a node of the mesh.
 *
 * `OverlayBootstrap` makes a node: `initLeader` with a new network, `join` by a token, `load` from the state of an
 * earlier run. Its `control` answers what `weft status`, `weft token` and `weft peer` answer. Failures are
 * `WeftError`s with a `code`, and a `hint` for people.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { DEFAULT_OVERLAY_CIDR, IpAllocator } from "./mod.ts";
 * const pool = new IpAllocator(DEFAULT_OVERLAY_CIDR);
 * assert.equal(pool.allocate().toString(), "10.200.0.1");
 * ```
 * @module
 */

export * from "./lib/agent/mod.ts";
export { type Logger, WeftError } from "./lib/base/mod.ts";
export {
  type AgentOptions,
  type AgentOptionsInput,
  DEFAULT_DNS_PORT,
  DEFAULT_INTERFACE_NAME,
  DEFAULT_MTU_BYTES,
  DEFAULT_OVERLAY_CIDR,
  DEFAULT_STATUS_PORT,
  DEFAULT_WG_PORT,
  InvalidConfigError,
  type LogLevel,
} from "./lib/config/mod.ts";
export { PresharedKey, PublicKey, type Secret } from "./lib/crypto/mod.ts";
export {
  type HealthCallback,
  type HealthPorts,
  type HealthReport,
  type HealthTarget,
  type HealthTimes,
  OverlayHealthChecker,
  type PeerFigures,
  type PeerHealth,
  type PeerPath,
  type ProbeAnswer,
} from "./lib/health/mod.ts";
export * from "./lib/ipam/mod.ts";
export { Cidr, Endpoint, IpAddress, type IpFamily } from "./lib/net/mod.ts";
export {
  type DnsConfig,
  type DnsForward,
  type DnsHandle,
  type DnsLimits,
  DnsServer,
  InvalidRecordError,
} from "./lib/nameserver/mod.ts";
export type { WireGuardPeerConfig as PeerConfig } from "./lib/wireguard/mod.ts";
export type { DialRefusal, Duplex, Refusal } from "./lib/forward/mod.ts";
export { InvalidSelectorError, Selector, type SelectorSubject } from "./lib/policy/mod.ts";
export {
  action,
  type ActionDefinition,
  ActionError,
  type ActionHandler,
  type ActionName,
  type BroadcastMode,
  type CallAnswer,
  type CallContext,
  CallError,
  type CallFailureCode,
  type CallMode,
  type CallOptions,
  type CarrierLimits,
  CircuitBreaker,
  type CircuitOptions,
  type CircuitState,
  defineService,
  type EventDefinition,
  type EventHandler,
  type EventName,
  type EventOf,
  type EventStream,
  InvalidServiceError,
  InvalidTopicError,
  type ItemSource,
  type LocalService,
  type ParamsOf,
  type PeerId,
  type ProviderReport,
  type PublishOptions,
  type PublishReport,
  type ResultOf,
  type Schema,
  type SchemaIssue,
  type SchemaResult,
  ServiceClient,
  type ServiceDefinition,
  type ServiceEvent,
  type ServiceHooks,
  ServiceNotGrantedError,
  type ServiceReport,
  type ServiceState,
  type SubscribeOptions,
  type SubscriptionHandle,
  TopicPath,
  TopicPattern,
} from "./lib/service/mod.ts";
