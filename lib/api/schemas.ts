/**
 * What requests may hold, each bound said once, and what answers hold.
 * @module
 */

import { z } from "zod";
import { MAX_TTL_SECONDS } from "../dns/bounds.ts";
import {
  LABEL_KEY,
  LABEL_VALUE,
  MAX_ALLOWED_IPS,
  MAX_KEEPALIVE_SECONDS,
  MAX_LABELS,
  MAX_LABELS_LENGTH,
  MAX_NAME_LENGTH,
  MAX_TOKEN_USES,
} from "../mesh/bounds.ts";
import { BROADCAST_MODES, CALL_MODES, MAX_TIMEOUT_MS } from "../service/bounds.ts";
import type { ProviderReport, PublishReport, ServiceReport } from "../service/mod.ts";
import type * as control from "./control.ts";
import type * as report from "./report.ts";
import type { Problem } from "./errors.ts";
import { type Lazy, type LazyObject, type LazyShape, named, object } from "./json_schema.ts";

const DAY_MS = 86_400_000;
const MAX_TOKEN_LIFETIME_MS = 3650 * DAY_MS;
const MAX_PORT = 65_535;

const text = () => z.string();
const short = (most: number) => z.string().min(1).max(most);
const texts = () => z.array(z.string());
const count = () => z.int().min(0);
const counts = () => z.record(z.string(), count());
const time = () => z.number().describe("Milliseconds since 1970");
const age = () => z.number().min(0).nullable();
const port = (least: number) => z.int().min(least).max(MAX_PORT);
const textMap = () => z.record(z.string(), z.string());
const list = <T>(item: Lazy<T>) => z.array(item());

/** A name, id or address of a node, its public key, or the id of a token. */
export const nodeText = (): z.ZodType<string> => short(128);
/** The path of a service or an action, or a topic. */
const topic = () => short(1024);
const domainName = () => short(1024);
const recordType = () => short(16);
const recordData = () => z.string().max(8192);
const key = () => z.string().max(64);
const labels = () =>
  z.record(z.string().regex(LABEL_KEY), z.string().regex(LABEL_VALUE)).refine((record) =>
    Object.keys(record).length <= MAX_LABELS &&
    Object.entries(record).flat().join("").length <= MAX_LABELS_LENGTH
  ).meta({ maxProperties: MAX_LABELS });

// What is asked.

/** Of a token; without `lifetimeMs` it lives for a day. */
export const tokenRequest: LazyObject<control.TokenRequest> = named("TokenRequest", () => ({
  uses: z.int().min(1).max(MAX_TOKEN_USES).exactOptional(),
  lifetimeMs: z.int().min(1).max(MAX_TOKEN_LIFETIME_MS).default(DAY_MS),
  labels: labels().exactOptional(),
  withoutEndpoints: z.boolean().exactOptional(),
}));

/** Of a device; keys, addresses and the form of the name are read by whoever uses them. */
export const deviceRequest: LazyObject<control.DeviceRequest> = named("DeviceRequest", () => ({
  name: z.string().trim().min(1).max(MAX_NAME_LENGTH),
  publicKey: key(),
  presharedKey: key().exactOptional(),
  endpoint: z.string().max(64).exactOptional(),
  allowedIps: z.array(z.string().max(64)).max(MAX_ALLOWED_IPS).exactOptional(),
  persistentKeepaliveSeconds: z.int().min(0).max(MAX_KEEPALIVE_SECONDS).exactOptional(),
}));

/** Of a record; what it says is read by whoever serves it. */
export const dnsRecordRequest: LazyObject<control.DnsRecordRequest> = named("DnsRecordRequest", () => ({
  name: domainName(),
  type: recordType(),
  data: recordData(),
  ttlSeconds: z.int().min(0).max(MAX_TTL_SECONDS).exactOptional(),
}));

/** Of records that are to go. */
export const dnsRemoval: LazyObject<control.DnsRemoval> = object(() => ({
  name: domainName(),
  type: recordType().exactOptional(),
  data: recordData().exactOptional(),
}));

/** Of a name. */
export const nameQuery: LazyObject<{ readonly name: string; readonly type?: string }> = object(() => ({
  name: domainName(),
  type: recordType().exactOptional(),
}));

/** Of a service. */
export const serviceChange: LazyObject<control.ServiceChange> = named("ServiceChange", () => ({
  path: topic(),
  node: z.exactOptional(nodeText()),
}));

/** Of a call; the path is read by whoever calls. */
export const callRequest: LazyObject<control.CallRequest> = named("CallRequest", () => ({
  path: topic(),
  params: z.unknown().exactOptional(),
  timeoutMs: z.int().min(1).max(MAX_TIMEOUT_MS).exactOptional(),
  mode: z.enum(CALL_MODES).exactOptional(),
  node: z.exactOptional(nodeText()),
}));

/** Of an event. */
export const publishRequest: LazyObject<control.PublishRequest> = named("PublishRequest", () => ({
  topic: topic(),
  data: z.unknown().exactOptional(),
  retain: z.boolean().exactOptional(),
  mode: z.enum(BROADCAST_MODES).exactOptional(),
}));

/** Of events; in a query `1` is true. */
export const subscribeRequest: LazyObject<control.SubscribeRequest> = object(() => ({
  pattern: topic(),
  past: z.union([z.boolean(), z.string().transform((text) => text === "1")])
    .describe("1 for the events that were kept").exactOptional(),
}));

/** Of an offer; the selector is read by whoever serves the port. */
export const offerRequest: LazyObject<control.OfferRequest> = named("OfferRequest", () => ({
  port: port(1),
  hostname: short(253).exactOptional(),
  targetPort: port(1).exactOptional(),
  allow: short(1024).exactOptional(),
}));

// What is answered.

/** Of a failure. */
export const problem: LazyObject<Problem> = named("Problem", () => ({
  code: text(),
  message: text(),
  hint: text().exactOptional(),
}), "Why something failed.");

/** Of a peer. */
export const peerReport: LazyObject<report.PeerReport> = named("PeerReport", () => ({
  id: text().exactOptional(),
  name: text(),
  publicKey: text(),
  roles: texts(),
  labels: textMap(),
  addresses: texts(),
  allowedIps: texts(),
  endpoint: text().exactOptional(),
  lastHandshakeAgeMs: age(),
  rxBytes: count(),
  txBytes: count(),
  channel: z.enum(["open", "dialing", "closed"]),
  path: z.enum(["direct", "channel", "none"]),
  rttMs: age(),
  lossPercent: z.number().min(0).max(100).nullable(),
  failureCount: count(),
  healthy: z.boolean(),
  score: z.int().min(0).max(100),
}), "How one peer is doing, as this node sees it.");

/** Of a leader. */
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

const servicesReport: LazyObject<report.ServicesReport> = named("ServicesReport", () => ({
  services: count(),
  providers: z.strictObject({ healthy: count(), unhealthy: count() }),
  calls: z.strictObject({ pending: count(), running: count() }),
  programs: count(),
  rejected: count(),
  openBreakers: count(),
}), "Services in figures, as this node sees them.");

const dataplane: LazyObject<report.DataplaneReport> = object(() => ({
  kind: z.enum(["fast", "portable", "rootless"]),
  interfaceName: text().exactOptional(),
  mtuBytes: count().exactOptional(),
  aead: text().exactOptional(),
  offloads: texts().exactOptional(),
}));

const dns: LazyObject<report.DnsReport> = object(() => ({
  zone: text(),
  endpoints: texts(),
  sockets: z.enum(["fast", "portable"]),
  resolver: z.enum(["resolved", "resolv.conf", "off"]),
  problem: text().exactOptional(),
  counters: counts(),
}));

const ownNode: LazyObject<report.StatusReport["node"]> = object(() => ({
  id: text(),
  name: text(),
  publicKey: text(),
  role: z.enum(["leader", "member"]),
  addresses: texts(),
  listenPort: port(0),
  endpoints: texts(),
}));

const state = () => z.enum(["starting", "running", "stopping"]);

/** Of everything. */
export const statusReport: LazyObject<report.StatusReport> = named("StatusReport", () => ({
  version: text(),
  state: state(),
  uptimeMs: z.number().min(0),
  node: ownNode(),
  network: z.strictObject({ id: text(), cidr: text(), members: count() }),
  leaders: list(leaderReport),
  clockSkewMs: z.number().nullable(),
  dataplane: dataplane(),
  dns: dns().describe("How names are served; absent when they are not.").exactOptional(),
  discovery: z.strictObject({ providers: texts(), heard: count() }).exactOptional(),
  dht: z.strictObject({ contacts: count() }).exactOptional(),
  services: servicesReport(),
  peers: list(peerReport),
  drops: counts(),
  refused: counts(),
}), "Everything that an agent says of itself. It holds no secret.");

/** Of whether it runs. */
export const healthReport: LazyObject<report.HealthReport> = object(() => ({
  state: state(),
  peers: z.strictObject({ healthy: count(), unhealthy: count() }),
}));

/** Of a token. */
export const tokenReport: LazyObject<control.TokenReport> = named("TokenReport", () => ({
  id: text(),
  createdAt: time(),
  expiresAt: time(),
  usesLeft: count().nullable(),
  used: count(),
  labels: textMap(),
  state: z.enum(["usable", "expired", "used", "revoked"]),
}), "A token without its secret.");

/** Of a token that was made. */
export const createdToken: LazyObject<control.CreatedToken> = object(() => ({
  token: text(),
  report: tokenReport(),
}));

/** Of a device that was let in. */
export const addedDevice: LazyObject<control.AddedDevice> = object(() => ({
  name: text(),
  addresses: texts(),
}));

/** Of new keys. */
export const newKey: LazyObject<control.NewKey> = object(() => ({ publicKey: text(), id: text() }));

/** Of a probe. */
export const pingReport: LazyObject<control.PingReport> = named("PingReport", () => ({
  rttMs: z.number().min(0),
  path: z.enum(["direct", "channel"]),
  lastHandshakeAgeMs: age(),
}), "An answered probe.");

const record = () => ({
  name: text(),
  type: text(),
  data: text(),
  ttlSeconds: z.int().min(0).max(0x7fff_ffff),
});

/** Of a record of an answer. */
export const dnsAnswerRecord: LazyObject<control.DnsAnswerRecord> = named(
  "DnsAnswerRecord",
  record,
  "A record as master files write it.",
);

/** Of a record that is served. */
export const dnsRecordReport: LazyObject<control.DnsRecordReport> = named("DnsRecord", () => ({
  ...record(),
  source: z.enum(["zone", "network", "member", "service", "custom"]),
}), "A record that is served, and where it comes from.");

/** Of what the name server has answered. */
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
  isLeader: z.boolean().exactOptional(),
  rttMs: z.number().min(0).exactOptional(),
}));

/** Of a service. */
export const serviceReport: LazyObject<ServiceReport> = named("ServiceReport", () => ({
  path: text(),
  description: text(),
  actions: z.array(z.strictObject({ name: text(), idempotent: z.boolean() })),
  events: texts(),
  providers: list(provider),
}), "A service, and who offers it.");

/** Of what an action has answered. */
export const callResult: Lazy<control.CallResult> = named(
  "CallResult",
  () => ({ result: z.unknown().exactOptional(), base64: text().exactOptional() }),
  "What a handler has answered, or one item of its stream; bytes are in `base64`.",
) as LazyShape<unknown> as Lazy<control.CallResult>;

/** Of an event that was published. */
export const publishReport: LazyObject<PublishReport> = named("PublishReport", () => ({
  local: count(),
  sent: count(),
  lost: count(),
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

/** Of an event that was heard, or of how many were dropped. */
export const eventLine: Lazy<control.EventLine> = (): z.ZodType<control.EventLine> =>
  z.union([serviceEvent(), z.strictObject({ dropped: count() })]);

/** Of a port that is offered. */
export const offeredPort: LazyObject<control.OfferedPort> = object(() => ({ port: port(1) }));
