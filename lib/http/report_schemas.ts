/**
 * JSON Schemas of the reports and requests, by name.
 * @module
 */

type Schema = Readonly<Record<string, unknown>>;

const string: Schema = { type: "string" };
const bytes: Schema = { type: "integer", minimum: 0 };
const stringList: Schema = { type: "array", items: string };
const stringMap: Schema = { type: "object", additionalProperties: string };
const ageMs: Schema = { type: ["number", "null"], minimum: 0 };
const unixMs: Schema = { type: "number", description: "Milliseconds since 1970" };

/** An object without further properties; names that end in `?` are optional. */
function object(properties: Readonly<Record<string, Schema>>, description?: string): Schema {
  const entries = Object.entries(properties);
  return {
    type: "object",
    ...(description === undefined ? {} : { description }),
    required: entries.map(([name]) => name).filter((name) => !name.endsWith("?")),
    additionalProperties: false,
    properties: Object.fromEntries(entries.map(([name, schema]) => [name.replace(/\?$/, ""), schema])),
  };
}

const PeerReport = object({
  "id?": string,
  name: string,
  publicKey: string,
  roles: stringList,
  labels: stringMap,
  addresses: stringList,
  allowedIps: stringList,
  "endpoint?": string,
  lastHandshakeAgeMs: ageMs,
  rxBytes: bytes,
  txBytes: bytes,
  channel: { enum: ["open", "dialing", "closed"] },
  path: { enum: ["direct", "channel", "none"] },
  rttMs: ageMs,
  lossPercent: { type: ["number", "null"], minimum: 0, maximum: 100 },
  failureCount: { type: "integer", minimum: 0 },
  healthy: { type: "boolean" },
  score: { type: "integer", minimum: 0, maximum: 100 },
}, "How one peer is doing, as this node sees it.");

const counts: Schema = { type: "object", additionalProperties: { type: "integer", minimum: 0 } };

const LeaderReport = object({
  id: string,
  name: string,
  addresses: stringList,
  alive: { type: "boolean" },
  elected: { type: "boolean" },
  self: { type: "boolean" },
  lastHeardMs: ageMs,
  "slices?": stringList,
}, "A leader, as this node sees it.");

const count: Schema = { type: "integer", minimum: 0 };

const ServicesReport = object({
  services: count,
  providers: object({ healthy: count, unhealthy: count }),
  calls: object({ pending: count, running: count }),
  programs: count,
  rejected: count,
  openBreakers: count,
}, "Services in figures, as this node sees them.");

const ServiceReport = object({
  path: string,
  description: string,
  actions: { type: "array", items: object({ name: string, idempotent: { type: "boolean" } }) },
  events: stringList,
  providers: {
    type: "array",
    items: object({
      id: string,
      name: string,
      state: { enum: ["created", "initialized", "running", "paused", "stopped", "error"] },
      version: string,
      isLocal: { type: "boolean" },
      isHealthy: { type: "boolean" },
      "isLeader?": { type: "boolean" },
      "rttMs?": { type: "number", minimum: 0 },
    }),
  },
}, "A service, and who offers it.");

const ServiceChange = object({ path: string, "node?": string });

const Changed = object({ changed: { type: "boolean" } });

const CallRequest = object({
  path: string,
  "params?": {},
  "timeoutMs?": { type: "integer", minimum: 1, default: 10_000 },
  "mode?": { enum: ["round-robin", "leader", "proximity", "local", "all", "random"] },
  "node?": string,
});

const CallResult = object(
  { "result?": {}, "base64?": string },
  "What a handler has answered, or one item of its stream; bytes are in `base64`.",
);

const PublishRequest = object({
  topic: string,
  "data?": {},
  "retain?": { type: "boolean", default: false },
  "mode?": { enum: ["all", "one_per_service", "local_only"] },
});

const PublishReport = object({ local: count, sent: count, lost: count }, "What became of an event.");

const ServiceEvent = object({
  topic: string,
  "data?": {},
  "base64?": string,
  params: stringMap,
  publishedAt: unixMs,
  isPast: { type: "boolean" },
  publisher: string,
}, "An event as subscribers hear it; bytes are in `base64`.");

const OfferRequest = object({
  port: { type: "integer", minimum: 1, maximum: 65535 },
  "hostname?": string,
  "targetPort?": { type: "integer", minimum: 1, maximum: 65535 },
  "allow?": string,
});

const StatusReport = object({
  version: string,
  state: { enum: ["starting", "running", "stopping"] },
  uptimeMs: { type: "number", minimum: 0 },
  node: object({
    id: string,
    name: string,
    publicKey: string,
    role: { enum: ["leader", "member"] },
    addresses: stringList,
    listenPort: { type: "integer", minimum: 0, maximum: 65535 },
    endpoints: stringList,
  }),
  network: object({ id: string, cidr: string, members: { type: "integer", minimum: 0 } }),
  leaders: { type: "array", items: { $ref: "#/components/schemas/LeaderReport" } },
  clockSkewMs: { type: ["number", "null"] },
  dataplane: object({
    kind: { enum: ["fast", "portable", "rootless"] },
    "interfaceName?": string,
    "mtuBytes?": { type: "integer", minimum: 0 },
    "aead?": string,
    "offloads?": stringList,
  }),
  "dns?": object({
    zone: string,
    endpoints: stringList,
    sockets: { enum: ["fast", "portable"] },
    resolver: { enum: ["resolved", "resolv.conf", "off"] },
    "problem?": string,
    counters: { type: "object", additionalProperties: { type: "integer", minimum: 0 } },
  }, "How names are served; absent when they are not."),
  "discovery?": object({ providers: stringList, heard: { type: "integer", minimum: 0 } }),
  "dht?": object({ contacts: { type: "integer", minimum: 0 } }),
  services: { $ref: "#/components/schemas/ServicesReport" },
  peers: { type: "array", items: { $ref: "#/components/schemas/PeerReport" } },
  drops: counts,
  refused: counts,
}, "Everything that an agent says of itself. It holds no secret.");

const ttlSeconds: Schema = { type: "integer", minimum: 0, maximum: 0x7fff_ffff };
const dnsRecord = { name: string, type: string, data: string, ttlSeconds };

const DnsAnswerRecord = object(dnsRecord, "A record as master files write it.");

const DnsRecord = object({
  ...dnsRecord,
  source: { enum: ["zone", "network", "member", "service", "custom"] },
}, "A record that is served, and where it comes from.");

const DnsRecordRequest = object({ name: string, type: string, data: string, "ttlSeconds?": ttlSeconds });

const DnsAnswer = object({
  code: string,
  isAuthoritative: { type: "boolean" },
  answers: { type: "array", items: { $ref: "#/components/schemas/DnsAnswerRecord" } },
  authority: { type: "array", items: { $ref: "#/components/schemas/DnsAnswerRecord" } },
});

const TokenReport = object({
  id: string,
  createdAt: unixMs,
  expiresAt: unixMs,
  usesLeft: { type: ["integer", "null"], minimum: 0 },
  used: { type: "integer", minimum: 0 },
  labels: stringMap,
  state: { enum: ["usable", "expired", "used", "revoked"] },
}, "A token without its secret.");

const TokenRequest = object({
  "uses?": { type: "integer", minimum: 1 },
  "lifetimeMs?": { type: "integer", minimum: 1, default: 86_400_000 },
  "labels?": stringMap,
  "withoutEndpoints?": { type: "boolean", default: false },
});

const DeviceRequest = object({
  name: string,
  publicKey: string,
  "presharedKey?": string,
  "endpoint?": string,
  "allowedIps?": stringList,
  "persistentKeepaliveSeconds?": { type: "integer", minimum: 0, maximum: 65535 },
});

const PingReport = object({
  rttMs: { type: "number", minimum: 0 },
  path: { enum: ["direct", "channel"] },
  lastHandshakeAgeMs: ageMs,
}, "An answered probe.");

const Problem = object({ code: string, message: string, "hint?": string }, "Why something failed.");

const Done = object({ done: { const: true } });

/** The schemas that `openapi.json` refers to. */
export const REPORT_SCHEMAS: Readonly<Record<string, Schema>> = {
  StatusReport,
  LeaderReport,
  PeerReport,
  TokenReport,
  TokenRequest,
  DeviceRequest,
  DnsRecord,
  DnsAnswerRecord,
  DnsRecordRequest,
  DnsAnswer,
  PingReport,
  ServicesReport,
  ServiceReport,
  ServiceChange,
  Changed,
  CallRequest,
  CallResult,
  PublishRequest,
  PublishReport,
  ServiceEvent,
  OfferRequest,
  Problem,
  Done,
};
