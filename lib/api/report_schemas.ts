/**
 * What answers hold, for their description.
 * @module
 */

import * as z from "zod";
import type { ProviderReport, PublishReport, ServiceReport } from "../service/mod.ts";
import type * as control from "./control.ts";
import type { AddedDevice, TokenReport } from "./membership/mod.ts";
import { grantsReport } from "./membership_operations.ts";
import { networkReport } from "./overlay_operations.ts";
import { pathReport, reachReport } from "./reach/mod.ts";
import type * as report from "./report.ts";
import type { Problem } from "./errors.ts";
import { gatewayReport } from "./reach_operations.ts";
import { type Lazy, type LazyObject, type LazyShape, named, object, orNull, port } from "./json_schema.ts";

const text = () => z.string();
const texts = () => z.array(z.string());
const count = () => z.int().min(0);
const counts = () => z.record(z.string(), count());
const time = () => z.number().describe("Milliseconds since 1970");
const age = () => orNull(z.number().min(0));
const textMap = () => z.record(z.string(), z.string());
const list = <T>(item: Lazy<T>) => z.array(item());

/** The schema of `Problem`. */
export const problem: LazyObject<Problem> = named("Problem", () => ({
  code: text(),
  message: text(),
  hint: text().exactOptional(),
}), "Why something failed.");

const versionConflictReport: LazyObject<report.VersionConflictReport> = named(
  "VersionConflictReport",
  () => ({
    problem: text(),
    hint: text(),
  }),
  "Two nodes that speak no version of a protocol in common.",
);

/** The schema of `PeerReport`. */
export const peerReport: LazyObject<report.PeerReport> = named("PeerReport", () => ({
  id: text().exactOptional(),
  name: text(),
  publicKey: text(),
  roles: texts(),
  version: text().exactOptional(),
  system: text().exactOptional(),
  endpoints: texts().describe("Where it says that it is").exactOptional(),
  labels: textMap().describe("What a leader or its token calls it"),
  statedLabels: textMap().describe("What it calls itself, which authorises nothing").exactOptional(),
  unconfirmedLabels: textMap().describe("What it called itself under a former release").exactOptional(),
  addresses: texts(),
  hub: text().nullable().exactOptional(),
  allowedIps: texts(),
  endpoint: text().exactOptional(),
  lastHandshakeAgeMs: age(),
  rxBytes: count(),
  txBytes: count(),
  channel: z.enum(["open", "dialing", "closed"]),
  conflict: versionConflictReport().exactOptional(),
  path: z.enum(["direct", "relay", "carrier", "channel", "hub", "none"]),
  way: pathReport().exactOptional(),
  rttMs: age(),
  lossPercent: orNull(z.number().min(0).max(100)),
  failureCount: count(),
  healthy: z.boolean(),
  score: z.int().min(0).max(100),
  lastSeenMs: time().exactOptional(),
  isAway: z.boolean(),
}), "How one peer is doing, as this node sees it.");

/** The schema of `AddedDevice`. */
export const addedDevice: LazyObject<AddedDevice> = named("AddedDevice", () => ({
  name: text(),
  addresses: texts(),
  hub: text().exactOptional(),
  mtuBytes: count().exactOptional(),
  hasPresharedKey: z.boolean().exactOptional(),
  peers: z.array(z.strictObject({
    name: text(),
    publicKey: text(),
    addresses: texts(),
    allowedIps: texts(),
    endpoint: text().exactOptional(),
  })),
}), "A device that was let in, and what it is to be configured with.");

/** The schema of `LeaderReport`. */
export const leaderReport: LazyObject<report.LeaderReport> = named("LeaderReport", () => ({
  id: text(),
  name: text(),
  addresses: texts(),
  alive: z.boolean(),
  elected: z.boolean(),
  self: z.boolean(),
  lastHeardMs: age(),
  slices: texts().exactOptional(),
}), "A leader, as this node sees it.");

const leadershipReport: LazyObject<report.LeadershipReport> = named("LeadershipReport", () => ({
  present: count(),
  lastExportMs: orNull(z.number()),
  lastMarkMs: orNull(z.number()),
  problem: text().exactOptional(),
  hint: text().exactOptional(),
}), "Whether the network would outlive its leaders, as this node sees it.");

const callStatsReport: LazyObject<report.CallStatsReport> = named("CallStatsReport", () => ({
  service: text(),
  action: text(),
  side: z.enum(["caller", "provider"]),
  calls: count(),
  errors: count(),
  rate: z.number(),
  errorRate: z.number().exactOptional(),
  p50Ms: orNull(z.number()),
  p99Ms: orNull(z.number()),
}), "How the calls of one action went, on one side of them.");

const servicesReport: LazyObject<report.ServicesReport> = named("ServicesReport", () => ({
  services: count(),
  providers: z.strictObject({ healthy: count(), unhealthy: count() }),
  calls: z.strictObject({ pending: count(), running: count() }),
  callStats: list(callStatsReport).exactOptional(),
  programs: count(),
  rejected: count(),
  refused: z.strictObject({ adverts: count(), events: count() }),
  openBreakers: count(),
  memory: z.strictObject({ usedBytes: count(), refused: count() }),
}), "Services in figures, as this node sees them.");

const dataplane: LazyObject<report.DataplaneReport> = object(() => ({
  kind: z.enum(["fast", "portable", "rootless"]),
  interfaceName: text().exactOptional(),
  mtuBytes: count().exactOptional(),
  aead: text().exactOptional(),
  workers: count().exactOptional(),
  offloads: texts().exactOptional(),
}));

const upstream: LazyObject<report.UpstreamReport> = object(() => ({
  suffix: text(),
  server: text(),
  state: z.enum(["answers", "silent", "unknown"]),
}));

const dns: LazyObject<report.DnsReport> = object(() => ({
  zone: text(),
  endpoints: texts(),
  sockets: z.enum(["fast", "portable"]),
  resolver: z.enum(["resolved", "resolv.conf", "off"]),
  problem: text().exactOptional(),
  hint: text().exactOptional(),
  upstreams: list(upstream).exactOptional(),
  counters: counts(),
}));

const ownNode: LazyObject<report.StatusReport["node"]> = object(() => ({
  id: text(),
  name: text(),
  publicKey: text(),
  role: z.enum(["leader", "member"]),
  addresses: texts(),
  labels: textMap(),
  statedLabels: textMap(),
  unconfirmedLabels: textMap().exactOptional(),
  listenPort: port(0),
  endpoints: texts(),
}));

const state = () => z.enum(["starting", "running", "stopping"]);

const relayReport: LazyObject<report.RelayReport> = named("RelayReport", () => ({
  kind: z.enum(["fast", "portable"]),
  sessions: count(),
  datagrams: count(),
  bytes: count(),
  drops: counts(),
}), "What a node carries for members that can't reach each other.");

const warningReport: LazyObject<report.WarningReport> = named("WarningReport", () => ({
  kind: text(),
  text: text(),
  hint: text(),
}), "Something that works so far, and that a person should mend.");

/** The schema of `StatusReport`. */
export const statusReport: LazyObject<report.StatusReport> = named("StatusReport", () => ({
  version: text(),
  state: state(),
  uptimeMs: z.number().min(0),
  node: ownNode(),
  network: z.strictObject({ id: text(), cidr: text(), members: count() }),
  leaders: list(leaderReport),
  warnings: list(warningReport).exactOptional(),
  leadership: leadershipReport().exactOptional(),
  clockSkewMs: orNull(z.number()),
  reach: reachReport().describe("How this node can be reached, as others see it.").exactOptional(),
  dataplane: dataplane(),
  dns: dns().describe("How names are served; absent when they are not.").exactOptional(),
  discovery: z.strictObject({ providers: texts(), heard: count() }).exactOptional(),
  dht: z.strictObject({ contacts: count() }).exactOptional(),
  relay: relayReport().describe("What it carries for others; absent when it does not.").exactOptional(),
  portMapping: list(gatewayReport).exactOptional(),
  services: servicesReport(),
  networks: list(networkReport),
  peers: list(peerReport),
  drops: counts(),
  refused: counts(),
}), "Everything that an agent says of itself. It holds no secret.");

/** The schema of `HealthReport`. */
export const healthReport: LazyObject<report.HealthReport> = object(() => ({
  state: state(),
  peers: z.strictObject({ healthy: count(), unhealthy: count() }),
}));

/** The schema of `TokenReport`. */
export const tokenReport: LazyObject<TokenReport> = named("TokenReport", () => ({
  id: text(),
  createdAt: time(),
  expiresAt: time(),
  usesLeft: orNull(count()),
  used: count(),
  labels: textMap(),
  grants: grantsReport(),
  ephemeralMs: z.number().exactOptional(),
  needsApproval: z.boolean().exactOptional(),
  address: text().exactOptional(),
  state: z.enum(["usable", "expired", "used", "revoked"]),
}), "A token without its secret.");

/** The schema of `ChangedMember`. */
export const changedMember: LazyObject<control.ChangedMember> = named("ChangedMember", () => ({
  done: z.literal(true),
  name: text(),
}), "That it is done, and who was meant.");

/** The schema of `RemovedPeer`. */
export const removedPeer: LazyObject<control.RemovedPeer> = named("RemovedPeer", () => ({
  done: z.literal(true),
  name: text(),
  token: tokenReport().exactOptional(),
  devices: texts().exactOptional(),
}), "Who was cut off, and by which token it had come in.");

/** The schema of `PingReport`. */
export const pingReport: LazyObject<control.PingReport> = named("PingReport", () => ({
  rttMs: z.number().min(0),
  path: z.enum(["direct", "relay", "carrier", "channel"]),
  way: pathReport().exactOptional(),
  lastHandshakeAgeMs: age(),
}), "An answered probe.");

const record = () => ({
  name: text(),
  type: text(),
  data: text(),
  ttlSeconds: z.int().min(0).max(0x7fff_ffff),
});

/** The schema of `DnsAnswerRecord`. */
export const dnsAnswerRecord: LazyObject<control.DnsAnswerRecord> = named(
  "DnsAnswerRecord",
  record,
  "A record as master files write it.",
);

/** The schema of `DnsRecordReport`. */
export const dnsRecordReport: LazyObject<control.DnsRecordReport> = named("DnsRecord", () => ({
  ...record(),
  source: z.enum(["zone", "network", "leader", "member", "service", "custom"]),
}), "A record that is served, and where it comes from.");

/** The schema of `DnsAnswerReport`. */
export const dnsAnswer: LazyObject<control.DnsAnswerReport> = named("DnsAnswer", () => ({
  code: text(),
  isAuthoritative: z.boolean(),
  answers: list(dnsAnswerRecord),
  authority: list(dnsAnswerRecord),
}));

const provider: LazyObject<ProviderReport> = object(() => ({
  id: text() as z.ZodType as z.ZodType<ProviderReport["id"]>,
  name: text(),
  state: z.enum(["created", "initialized", "running", "paused", "stopped", "error"]),
  version: text(),
  isLocal: z.boolean(),
  isHealthy: z.boolean(),
  isAlone: z.literal(true).exactOptional(),
  isLeader: z.boolean().exactOptional(),
  rttMs: z.number().min(0).exactOptional(),
}));

/** The schema of `ServiceReport`. */
export const serviceReport: LazyObject<ServiceReport> = named("ServiceReport", () => ({
  path: text(),
  description: text(),
  actions: z.array(z.strictObject({ name: text(), idempotent: z.boolean() })),
  events: texts(),
  providers: list(provider),
}), "A service, and who offers it.");

/** The schema of `FoundMember`. */
export const foundMember: LazyObject<control.FoundMember> = named("FoundMember", () => ({
  name: orNull(text()),
}), "Whom a text means; null for nobody.");

/** The schema of `OfferReport`. */
export const offerReport: LazyObject<control.OfferReport> = named("OfferReport", () => ({
  node: text(),
  port: count(),
  isLocal: z.boolean(),
  isRestricted: z.boolean(),
  isForAllPrograms: z.boolean(),
  service: text().exactOptional(),
  allow: text().exactOptional(),
}), "A TCP port that a node lets others reach; whom it is for is told of this node's own alone.");

/** The schema of `CallResult`. */
export const callResult: Lazy<control.CallResult> = named(
  "CallResult",
  () => ({ result: z.unknown().exactOptional(), base64: text().exactOptional() }),
  "What a handler has answered, or one item of its stream; bytes are in `base64`.",
) as LazyShape<unknown> as Lazy<control.CallResult>;

/** The schema of `PublishReport`. */
export const publishReport: LazyObject<PublishReport> = named("PublishReport", () => ({
  local: count(),
  sent: count(),
  lost: count(),
  copies: count().exactOptional(),
}), "What became of an event.");

const serviceEvent: LazyObject<Exclude<control.EventLine, { readonly dropped: number }>> = named(
  "ServiceEvent",
  () => ({
    topic: text(),
    data: z.unknown().exactOptional(),
    base64: text().exactOptional(),
    params: textMap(),
    publishedAt: time(),
    isPast: z.boolean(),
    publisher: text(),
  }),
  "An event as subscribers hear it; bytes are in `base64`.",
);

/** The schema of `EventLine`. */
export const eventLine: Lazy<control.EventLine> = (): z.ZodType<control.EventLine> =>
  z.union([serviceEvent(), z.strictObject({ dropped: count() })]);
