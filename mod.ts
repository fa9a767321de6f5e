/**
 * weft as a library: a Deno program becomes a node of the mesh.
 *
 * `Node` is a node for a program, without root, that offers services, calls them, publishes and subscribes. Failures are
 * `WeftError`s with a `code`, and a `hint` for people.
 *
 * @example Two nodes, one of which calls the other
 * ```ts
 * import assert from "node:assert/strict";
 * import { CallError, Node, OverlayBootstrap } from "@weft/mesh";
 *
 * const folder = await Deno.makeTempDir();
 * const options = { rootless: true, discovery: false, endpoints: "127.0.0.1:28121", port: 28121 };
 * const leader = await OverlayBootstrap.initLeader({ ...options, name: "leader", stateDir: `${folder}/leader` });
 * await leader.start();
 *
 * const node = await Node.join(leader.joinToken(), { name: "adder", stateDir: `${folder}/adder` });
 * await node.addService({ path: "math", actions: { add: ({ a, b }: { a: number; b: number }) => a + b } });
 * assert.equal(await node.request<number>("math/add", { a: 1, b: 2 }), 3);
 *
 * const failure: unknown = await node.request("math/divide").catch((error) => error);
 * assert.ok(failure instanceof CallError);
 * assert.equal(failure.code, "UnknownAction");
 *
 * assert.equal(leader.control.status().peers[0]?.name, "adder");
 * await node.stop();
 * await leader.stop();
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * `OverlayBootstrap` makes a node with an interface, or one for an agent of one's own: `initLeader` with a new network,
 * `join` by a token, `load` from the state of an earlier run. Its `control` answers what `weft status`, `weft token` and
 * `weft peer` answer.
 *
 * @module
 */

export {
  type AgentProcess,
  AlreadyInitializedError,
  type AttachOptions,
  DialError,
  type IncomingConnection,
  InterfaceGoneError,
  InterruptedError,
  InvalidRequestError,
  InvalidTokenError,
  JoinRefusedError,
  type ListenOptions,
  Node,
  type NodeOptions,
  NotInitializedError,
  NotLeaderError,
  OverlayBootstrap,
  type OverlayPorts,
  PacketPlaneError,
  type PortListener,
  type ProgramEndpoint,
  programSocketPath,
  RemovedError,
  RouteOverlapError,
  type StartToken,
  TooOftenError,
  UnknownNameError,
  UnknownPeerError,
  UnknownTokenError,
  UnreachableError,
  VERSION,
  type WaitingMachine,
} from "./lib/agent/mod.ts";
export type * from "./control.ts";
export {
  type Brand,
  type brand,
  type Clock,
  type Environment,
  type Logger,
  type MemoryBudgetLimits,
  type Millis,
  type RandomSource,
  StateError,
  type Timers,
  type UnixMillis,
  WeftError,
  type WeftErrorOptions,
} from "./lib/base/mod.ts";
export {
  type AgentOptions,
  type AgentOptionsInput,
  type DeclaredEndpoint,
  type DeclaredNetwork,
  DEFAULT_DNS_PORT,
  DEFAULT_INTERFACE_NAME,
  DEFAULT_MTU_BYTES,
  DEFAULT_OVERLAY_CIDR,
  DEFAULT_STATUS_PORT,
  DEFAULT_WG_PORT,
  type DhtBootstrapOption,
  type DnsForwardOption,
  InvalidConfigError,
  type LogLevel,
  type NamedEndpointOption,
  type OfferOption,
  type PortRangeOption,
  type StatusAddress,
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
export {
  type FrameCounts,
  type FrameHandler,
  type ManagedEndpointConfig,
  type ManagerUnderlay,
  type MemoryHost,
  MemoryUnderlay,
  type OverlayEndpoint,
  OverlayManager,
  type OverlayManagerOptions,
  type PacketReceiver,
  UnknownPolicyError,
} from "./lib/dataplane/mod.ts";
export {
  builtInDrivers,
  ConstantHeader,
  DriverRegistry,
  getDriverFactory,
  NetworkOptions,
} from "./drivers/mod.ts";
export {
  DecodedHeader,
  type DecodeFailure,
  type DriverCapabilities,
  type DriverFactory,
  type DriverOptions,
  type DriverTransport,
  DuplicateDriverError,
  DuplicateEndpointError,
  DuplicateNetworkError,
  type Encapsulation,
  type EndpointConfig,
  type EndpointOptions,
  IdentifierRangeError,
  InvalidDriverOptionError,
  InvalidEndpointError,
  InvalidNetworkError,
  MtuRangeError,
  NetworkInUseError,
  NetworkTypeError,
  type NewOverlayNetwork,
  NotInitializedManagerError,
  NotPermittedMemberError,
  type OverlayDriver,
  type OverlayNetwork,
  type PayloadKind,
  type PlainUnderlayOptions,
  TooManyEndpointsError,
  UnknownDriverError,
  UnknownEndpointError,
  UnknownNetworkError,
} from "./lib/overlay/mod.ts";
export * from "./lib/ipam/mod.ts";
export { AddressRange, Cidr, Endpoint, IpAddress, type IpFamily, WebAddress } from "./lib/net/mod.ts";
export {
  type DNS_DROPS,
  type DNS_OUTCOMES,
  type DnsConfig,
  type DnsCounter,
  type DnsForward,
  type DnsHandle,
  type DnsLimits,
  type DnsMessage,
  DnsServer,
  type DomainName,
  type Edns,
  type ForwardLimits,
  InvalidRecordError,
  type KnownUpstream,
  type MESSAGE_PROBLEMS,
  type MessageProblem,
  type Question,
  type RECORD_RANK,
  type RecordSource,
  type RecordText,
  type ResourceRecord,
  type TcpLimits,
  type UpstreamState,
} from "./lib/nameserver/mod.ts";
export type { WireGuardPeerConfig as PeerConfig } from "./lib/wireguard/mod.ts";
export { type DialRefusal, type Duplex, type Refusal, REFUSAL_CODES } from "./lib/forward/mod.ts";
export {
  type ActionParams,
  checkPolicy,
  definePolicy,
  type Denial,
  type DenialAnswer,
  InvalidPolicyError,
  InvalidSelectorError,
  type MatchSource,
  type NetworkPolicy,
  type NetworkPolicySource,
  type PolicyDocument,
  type PolicyPath,
  type PolicyRoster,
  type PolicyRule,
  type PolicySource,
  type PolicyTest,
  type PolicyTestFailure,
  type PolicyTestSource,
  type PolicyWarning,
  type PortSource,
  readPolicyDocument,
  type RosterEndpoint,
  type RosterMember,
  type RosterNetwork,
  type RuleSource,
  type RuleType,
  runPolicyTests,
  Selector,
  type SelectorOptions,
  type SelectorSource,
  type SelectorSubject,
} from "./lib/policy/mod.ts";
export {
  action,
  type ActionDefinition,
  ActionError,
  type ActionHandler,
  type ActionName,
  type AdvertisedAction,
  type AnyActionDefinition,
  type AnyHandler,
  BROADCAST_MODES,
  type BroadcastMode,
  CALL_MODES,
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
  type ContextHost,
  defineService,
  EventContext,
  type EventDefinition,
  type EventHandler,
  type EventName,
  type EventOf,
  type EventStream,
  HandlerContext,
  type HandlerOf,
  InvalidServiceError,
  InvalidTopicError,
  type ItemSource,
  type LocalService,
  type Metadata,
  type ParamsOf,
  type PatternPart,
  type PeerId,
  type PropagatedContext,
  type PropagationOptions,
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
  type Streamed,
  type SubscribeOptions,
  type SubscriptionHandle,
  TopicPath,
  TopicPattern,
  type WireFailure,
} from "./lib/service/mod.ts";
