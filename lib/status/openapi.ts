/**
 * The OpenAPI 3.1 description of what this folder serves. Tests hold it against real answers.
 * @module
 */

import { NDJSON_TYPE } from "./ndjson.ts";
import { REPORT_SCHEMAS } from "./report_schemas.ts";

/** A JSON Schema, as far as it is needed here. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** @returns the description of the read-only application, or with `control` that of the control socket */
export function openApi(version: string, options: { readonly control: boolean }): JsonSchema {
  return {
    openapi: "3.1.0",
    info: {
      title: "weft",
      version,
      description: options.control
        ? "What the control socket of a running agent answers."
        : "What a running agent says of itself. Nothing here changes anything.",
      license: { name: "MIT" },
    },
    paths: options.control ? { ...READ_PATHS, ...CONTROL_PATHS } : READ_PATHS,
    components: { schemas: REPORT_SCHEMAS },
  };
}

const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });
const listOf = (name: string): JsonSchema => ({ type: "array", items: ref(name) });
const json = (schema: JsonSchema): JsonSchema => ({ "application/json": { schema } });
const text = (type: string): JsonSchema => ({ [type]: { schema: { type: "string" } } });

function operation(summary: string, content: JsonSchema, more: JsonSchema = {}): JsonSchema {
  const ok = { description: summary, content };
  const failed = { description: "It failed", content: json(ref("Problem")) };
  return { summary, responses: { "200": ok, default: failed }, ...more };
}

const body = (schema: JsonSchema): JsonSchema => ({ requestBody: { required: true, content: json(schema) } });
const parameter = (name: string): JsonSchema => ({
  parameters: [{ name, in: "path", required: true, schema: { type: "string" } }],
});

const HEALTH: JsonSchema = {
  type: "object",
  required: ["state", "peers"],
  additionalProperties: false,
  properties: {
    state: { enum: ["starting", "running", "stopping"] },
    peers: {
      type: "object",
      required: ["healthy", "unhealthy"],
      additionalProperties: false,
      properties: { healthy: { type: "integer", minimum: 0 }, unhealthy: { type: "integer", minimum: 0 } },
    },
  },
};

const READ_PATHS: JsonSchema = {
  "/status": { get: operation("The whole picture", json(ref("StatusReport"))) },
  "/peers": { get: operation("The peers of this node", json(listOf("PeerReport"))) },
  "/services": {
    get: operation("All services that are known, and who offers them", json(listOf("ServiceReport"))),
  },
  "/healthz": {
    get: {
      summary: "Whether the agent runs",
      responses: {
        "200": { description: "It runs", content: json(HEALTH) },
        "503": { description: "It stops", content: json(HEALTH) },
      },
    },
  },
  "/metrics": {
    get: operation("Every number, for Prometheus", text("application/openmetrics-text")),
  },
  "/openapi.json": { get: operation("This description", json({ type: "object" })) },
};

const CONTROL_PATHS: JsonSchema = {
  "/leaders": {
    get: operation("The leaders as this node sees them", json(listOf("LeaderReport"))),
    post: operation(
      "Makes a member a leader",
      json(ref("Done")),
      body({
        type: "object",
        required: ["node"],
        additionalProperties: false,
        properties: { node: { type: "string" } },
      }),
    ),
  },
  "/leaders/{node}": {
    delete: operation("Makes a leader an ordinary member", json(ref("Done")), parameter("node")),
  },
  "/rotate-key": {
    post: operation(
      "Lets this node go on under new keys",
      json({
        type: "object",
        required: ["publicKey", "id"],
        additionalProperties: false,
        properties: { publicKey: { type: "string" }, id: { type: "string" } },
      }),
    ),
  },
  "/tokens": {
    get: operation("The tokens, without their secrets", json(listOf("TokenReport"))),
    post: operation(
      "Makes a token; its secret is shown this once",
      json({
        type: "object",
        required: ["token", "report"],
        additionalProperties: false,
        properties: { token: { type: "string" }, report: ref("TokenReport") },
      }),
      body(ref("TokenRequest")),
    ),
  },
  "/tokens/{id}": { delete: operation("Revokes a token", json(ref("Done")), parameter("id")) },
  "/peers": {
    get: operation("The peers of this node", json(listOf("PeerReport"))),
    post: operation(
      "Adds a plain WireGuard device",
      json({
        type: "object",
        required: ["name", "addresses"],
        additionalProperties: false,
        properties: {
          name: { type: "string" },
          addresses: { type: "array", items: { type: "string" } },
        },
      }),
      body(ref("DeviceRequest")),
    ),
  },
  "/peers/{peer}": {
    delete: operation("Cuts a member or device off", json(ref("Done")), parameter("peer")),
  },
  "/dns": {
    get: operation("Everything in the zones that this node serves", json(listOf("DnsRecord"))),
    post: operation(
      "Adds a record on every node",
      json(ref("DnsAnswerRecord")),
      body(ref("DnsRecordRequest")),
    ),
  },
  "/dns/{name}": {
    delete: operation(
      "Removes what this node has added: all of a name, or with `type` and `data` less",
      json({
        type: "object",
        required: ["removed"],
        additionalProperties: false,
        properties: { removed: { type: "integer", minimum: 1 } },
      }),
      {
        parameters: [
          { name: "name", in: "path", required: true, schema: { type: "string" } },
          { name: "type", in: "query", schema: { type: "string" } },
          { name: "data", in: "query", schema: { type: "string" } },
        ],
      },
    ),
  },
  "/dns/query": {
    post: operation(
      "Asks this node's name server",
      json(ref("DnsAnswer")),
      body({
        type: "object",
        required: ["name"],
        properties: { name: { type: "string" }, type: { type: "string", default: "A" } },
      }),
    ),
  },
  "/services/pause": {
    post: operation(
      "Turns the calls of a service away, here or on another node",
      json(ref("Changed")),
      body(ref("ServiceChange")),
    ),
  },
  "/services/resume": {
    post: operation("Lets them in again", json(ref("Changed")), body(ref("ServiceChange"))),
  },
  "/call": {
    post: operation(
      "Calls an action; a stream is answered with a line an item, and a Problem as the last when it breaks",
      { ...json(ref("CallResult")), ...text(NDJSON_TYPE) },
      body(ref("CallRequest")),
    ),
  },
  "/publish": {
    post: operation("Publishes an event", json(ref("PublishReport")), body(ref("PublishRequest"))),
  },
  "/subscribe": {
    get: operation(
      'Events, each a ServiceEvent on a line of its own, until the client goes; `{"dropped": n}` when it was too slow',
      text(NDJSON_TYPE),
      {
        parameters: [
          { name: "pattern", in: "query", required: true, schema: { type: "string" } },
          {
            name: "past",
            in: "query",
            description: "1 for the events that were kept",
            schema: { type: "string" },
          },
        ],
      },
    ),
  },
  "/offer": {
    post: operation(
      "Lets the mesh reach a TCP service of this machine until the client goes",
      text(NDJSON_TYPE),
      body(ref("OfferRequest")),
    ),
  },
  "/ping": {
    post: operation(
      "Probes a member through the tunnel and over the message plane",
      json(ref("PingReport")),
      body({ type: "object", required: ["peer"], properties: { peer: { type: "string" } } }),
    ),
  },
};
