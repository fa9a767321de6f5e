/**
 * The one table of what may be asked of a running agent. Routes, the OpenAPI description and the command line's client
 * come from it: an operation is a method of `AgentControl`, its entry here, and its implementation in the agent.
 * @module
 */

import * as z from "zod";
import { MAX_TTL_SECONDS } from "../dns/bounds.ts";
import {
  MAX_ALLOWED_IPS,
  MAX_KEEPALIVE_SECONDS,
  MAX_NAME_LENGTH,
  MAX_PASSPHRASE_LENGTH,
  MAX_RECOVERY_TEXT_LENGTH,
} from "../mesh/bounds.ts";
import { BROADCAST_MODES, CALL_MODES, MAX_TIMEOUT_MS } from "../service/bounds.ts";
import { DATA_SERVER_OPERATIONS, DATA_VIEW_OPERATIONS } from "./data_operations.ts";
import { flag, type Lazy, type LazyShape, named, object, port } from "./json_schema.ts";
import { MEMBERSHIP_OPERATIONS, tokenRequest } from "./membership_operations.ts";
import { EVENTS_TYPE, type Operation, type OperationName } from "./operation.ts";
import { OVERLAY_OPERATIONS } from "./overlay_operations.ts";
import { POLICY_OPERATIONS } from "./policy_operations.ts";
import { DIAGNOSIS_OPERATIONS, MEASUREMENT_OPERATIONS, PROCESS_OPERATIONS } from "./process_operations.ts";
import { REACH_OPERATIONS, VIEW_OPERATIONS } from "./reach_operations.ts";
import * as reports from "./report_schemas.ts";
import { ROUTE_OPERATIONS } from "./route_operations.ts";
import { SETTINGS_OPERATIONS } from "./settings_operations.ts";

const short = (most: number) => z.string().min(1).max(most);
/** A name, id, key or address of a node, or the id of a token. */
const node = () => short(128);
/** The path of a service or an action, or a topic. */
const topic = () => short(1024);
const domainName = () => short(1024);
const recordType = () => short(16);
const recordData = () => z.string().max(8192);
const key = () => z.string().max(64);

// Keys, addresses and the form of the name are read by whoever uses them; so is what a record says, a path, a selector.
const deviceRequest = named("DeviceRequest", () => ({
  name: z.string().trim().min(1).max(MAX_NAME_LENGTH),
  publicKey: key(),
  presharedKey: key().exactOptional(),
  endpoint: z.string().max(64).exactOptional(),
  allowedIps: z.array(z.string().max(64)).max(MAX_ALLOWED_IPS).exactOptional(),
  persistentKeepaliveSeconds: z.int().min(0).max(MAX_KEEPALIVE_SECONDS).exactOptional(),
  hub: node().exactOptional(),
  isDirect: z.boolean().exactOptional(),
}));
const hubChange = object(() => ({ device: node(), hub: node() }));
const peerRemoval = object(() => ({
  peer: node(),
  revokeToken: flag()
    .describe("1 to revoke the token that let it in").exactOptional(),
}));
const dnsRecordRequest = named("DnsRecordRequest", () => ({
  name: domainName(),
  type: recordType(),
  data: recordData(),
  ttlSeconds: z.int().min(0).max(MAX_TTL_SECONDS).exactOptional(),
}));
const dnsRemoval = object(() => ({
  name: domainName(),
  type: recordType().exactOptional(),
  data: recordData().exactOptional(),
}));
const nameQuery = object(() => ({
  name: domainName(),
  type: recordType().exactOptional(),
}));
const serviceChange = named("ServiceChange", () => ({
  path: topic(),
  node: node().exactOptional(),
}));
const callRequest = named("CallRequest", () => ({
  path: topic(),
  params: z.unknown().exactOptional(),
  timeoutMs: z.int().min(1).max(MAX_TIMEOUT_MS).exactOptional(),
  mode: z.enum(CALL_MODES).exactOptional(),
  node: node().exactOptional(),
}));
const publishRequest = named("PublishRequest", () => ({
  topic: topic(),
  data: z.unknown().exactOptional(),
  retain: z.boolean().exactOptional(),
  mode: z.enum(BROADCAST_MODES).exactOptional(),
}));
const subscribeRequest = object(() => ({
  pattern: topic(),
  past: flag()
    .describe("1 for the events that were kept").exactOptional(),
}));
const passphrase = () => short(MAX_PASSPHRASE_LENGTH);
const exportRequest = object(() => ({ passphrase: passphrase() }));
const recoverRequest = object(() => ({
  file: z.string().max(MAX_RECOVERY_TEXT_LENGTH),
  passphrase: passphrase(),
}));
const offerRequest = named("OfferRequest", () => ({
  port: port(1),
  hostname: short(253).exactOptional(),
  targetPort: port(1).exactOptional(),
  allow: short(1024).exactOptional(),
}));

/** A request of one text, which the method takes as it is: a name, id, key or address. */
const one = (name: string): Pick<Operation, "parameters"> & { readonly request: LazyShape<unknown> } => ({
  request: object(() => ({ [name]: node() })),
  parameters: [name],
});
const list = <T>(item: Lazy<T>): Lazy<readonly T[]> => () => z.array(item());
const done: { readonly answer: Lazy<true>; readonly answerKey: "done" } = {
  answer: () => z.literal(true),
  answerKey: "done",
};
const changed: { readonly answer: Lazy<boolean>; readonly answerKey: "changed" } = {
  answer: () => z.boolean(),
  answerKey: "changed",
};

/** The table. */
export const OPERATIONS: { readonly [Name in OperationName]: Operation<Name> } = {
  status: {
    route: "GET /status",
    summary: "The whole picture",
    isPublic: true,
    answer: reports.statusReport,
  },
  peers: {
    route: "GET /peers",
    summary: "The peers of this node",
    isPublic: true,
    answer: list(reports.peerReport),
  },
  addDevice: {
    route: "POST /peers",
    summary: "Adds a plain WireGuard device",
    request: deviceRequest,
    answer: reports.addedDevice,
  },
  changeHub: {
    route: "POST /peers/hub",
    summary: "Makes another member the only peer of a plain WireGuard device",
    request: hubChange,
    parameters: ["device", "hub"],
    answer: reports.addedDevice,
  },
  deviceConfig: {
    route: "GET /peers/{device}/config",
    summary: "What a plain WireGuard device is to be configured with now, but for its private key",
    ...one("device"),
    answer: reports.addedDevice,
  },
  removePeer: {
    route: "DELETE /peers/{peer}",
    summary: "Cuts a member or device off; with `revokeToken` the token that let it in is revoked, too",
    request: peerRemoval,
    parameters: ["peer", "revokeToken"],
    answer: reports.removedPeer,
  },
  findMember: {
    route: "POST /members/find",
    summary: "Whom a name, id, key or address means",
    ...one("member"),
    answer: reports.foundMember,
  },
  ping: {
    route: "POST /ping",
    summary: "Probes a member through the tunnel and over the message plane",
    ...one("peer"),
    answer: reports.pingReport,
  },
  ...MEMBERSHIP_OPERATIONS,
  ...OVERLAY_OPERATIONS,
  ...MEASUREMENT_OPERATIONS,
  ...POLICY_OPERATIONS,
  ...ROUTE_OPERATIONS,
  ...DATA_SERVER_OPERATIONS,
  ...DATA_VIEW_OPERATIONS,
  ...SETTINGS_OPERATIONS,
  ...DIAGNOSIS_OPERATIONS,
  ...VIEW_OPERATIONS,
  ...PROCESS_OPERATIONS,
  ...REACH_OPERATIONS,
  leaders: {
    route: "GET /leaders",
    summary: "The leaders as this node sees them",
    answer: list(reports.leaderReport),
  },
  promoteLeader: {
    route: "POST /leaders",
    summary: "Makes a member a leader",
    ...one("node"),
    answer: reports.changedMember,
  },
  demoteLeader: {
    route: "DELETE /leaders/{node}",
    summary: "Makes a leader an ordinary member",
    ...one("node"),
    answer: reports.changedMember,
  },
  exportLeader: {
    route: "POST /leaders/export",
    summary: "What another machine leads with when all leaders are gone, sealed by a passphrase",
    request: exportRequest,
    answer: object(() => ({ file: z.string(), name: z.string(), members: z.int().min(1) })),
  },
  recoverLeader: {
    route: "POST /leaders/recover",
    summary: "Makes this node a leader by what a leader has exported",
    request: recoverRequest,
    answer: object(() => ({ done: z.literal(true), name: z.string(), others: z.array(z.string()) })),
  },
  rotateKey: {
    route: "POST /rotate-key",
    summary: "Lets this node go on under new keys",
    answer: object(() => ({ publicKey: z.string(), id: z.string() })),
  },
  listTokens: {
    route: "GET /tokens",
    summary: "The tokens, without their secrets",
    answer: list(reports.tokenReport),
  },
  statusToken: {
    route: "POST /status/token",
    summary: "The token by which others than this machine read the status page, or another one in its place",
    request: object(() => ({ isNew: z.boolean().exactOptional() })),
    answer: object(() => ({ token: z.string() })),
  },
  createToken: {
    route: "POST /tokens",
    summary: "Makes a token; its secret is shown this once",
    request: tokenRequest,
    answer: object(() => ({ token: z.string(), report: reports.tokenReport() })),
  },
  revokeToken: {
    route: "DELETE /tokens/{id}",
    summary: "Revokes a token",
    ...one("id"),
    ...done,
  },
  listNames: {
    route: "GET /dns",
    summary: "Everything in the zones that this node serves",
    answer: list(reports.dnsRecordReport),
  },
  addName: {
    route: "POST /dns",
    summary: "Adds a record on every node",
    request: dnsRecordRequest,
    answer: reports.dnsAnswerRecord,
  },
  removeName: {
    route: "DELETE /dns/{name}",
    summary: "Removes what this node has added: all of a name, or with `type` and `data` less",
    request: dnsRemoval,
    answer: () => z.int().min(1),
    answerKey: "removed",
  },
  resolveName: {
    route: "POST /dns/query",
    summary: "Asks this node's name server; for type A unless told",
    request: nameQuery,
    parameters: ["name", "type"],
    answer: reports.dnsAnswer,
  },
  listServices: {
    route: "GET /services",
    summary: "All services that are known, and who offers them",
    isPublic: true,
    answer: list(reports.serviceReport),
  },
  pauseService: {
    route: "POST /services/pause",
    summary: "Turns the calls of a service away, here or on another node",
    request: serviceChange,
    ...changed,
  },
  resumeService: {
    route: "POST /services/resume",
    summary: "Lets them in again",
    request: serviceChange,
    ...changed,
  },
  call: {
    route: "POST /call",
    summary:
      "Calls an action; a stream is answered with a line an item, and a Problem as the last when it breaks",
    request: callRequest,
    carriesValue: true,
    answer: reports.callResult,
    lines: "sometimes",
  },
  publish: {
    route: "POST /publish",
    summary: "Publishes an event",
    request: publishRequest,
    carriesValue: true,
    answer: reports.publishReport,
  },
  subscribe: {
    route: "GET /subscribe",
    summary:
      'Events, each a ServiceEvent on a line of its own, until the client goes; `{"dropped": n}` when it was too slow',
    request: subscribeRequest,
    answer: reports.eventLine,
    lines: "always",
  },
  offer: {
    route: "POST /offer",
    summary: "Lets the mesh reach a TCP service of this machine until the client goes",
    request: offerRequest,
    answer: object(() => ({ port: port(1) })),
    lines: "always",
  },
  listOffers: {
    route: "GET /offers",
    summary: "The TCP ports that nodes let others reach, as far as this one knows",
    answer: list(reports.offerReport),
  },
};

/** Every operation with its name. */
export const OPERATION_ENTRIES: readonly (readonly [OperationName, Operation])[] = Object.entries(
  OPERATIONS,
) as unknown as readonly (readonly [OperationName, Operation])[];

/** What is answered over HTTP alone, because it is a view of the status in a form of its own. */
export interface View {
  readonly path: string;
  readonly summary: string;
  /** What each status says; the summary of 200 unless told. */
  readonly answers?: Readonly<Record<number, string>>;
  /** The media type of what is no JSON. */
  readonly mediaType?: string;
  readonly answer: Lazy<unknown>;
}

/** The name of a view. */
export type ViewName = "health" | "metrics" | "events" | "openApi";

/** The views, which everybody on this machine may read. */
export const VIEWS: Readonly<Record<ViewName, View>> = {
  health: {
    path: "/healthz",
    summary: "Whether the agent runs",
    answers: { 200: "It runs", 503: "It stops" },
    answer: reports.healthReport,
  },
  metrics: {
    path: "/metrics",
    summary: "Every number, for Prometheus",
    mediaType: "text/plain",
    answer: () => z.string(),
  },
  events: {
    path: "/events",
    summary:
      "All that the page shows, as server-sent events: `snapshot` with every entry by its key, then `change` with those that " +
      "are `set` or `gone`, as they change",
    mediaType: EVENTS_TYPE,
    answer: () => z.string(),
  },
  openApi: {
    path: "/openapi.json",
    summary: "This description",
    answer: () => z.looseObject({}),
  },
};
