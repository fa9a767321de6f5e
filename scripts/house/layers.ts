/**
 * The plan of the house: which folder may import which, which may touch the system, where packages enter.
 *
 *     base <- net, crypto, noise, proto <- protocols, host, config <- dataplane <- uapi <- wg_interface <- agent
 *     agent <- http, cli <- entries        protocols <- service, forward <- agent; service, policy <- api <- agent
 *     service <- telemetry <- agent
 *     mesh, relay, agent <- simulation <- cli        service, policy, data <- test_mesh <- testing.ts
 *     overlay <- drivers <- dataplane; policy <- config, dataplane, service
 *
 * @module
 */

const GROUND = ["base"];
const SHARED = ["base", "net", "crypto", "noise", "proto"];
// These do not import each other: what they share is an interface or an event.
const PROTOCOLS = [
  "wireguard",
  "transport",
  "channel",
  "mesh",
  "ipam",
  "host",
  "config",
  "dns",
  "health",
  "path",
  "discovery",
  "policy",
  "overlay",
  "relay",
  "port_mapping",
  "stun",
];
// They stand on protocols, and below the agent.
const MESSAGES = ["service", "forward"];

const BELOW_AGENT = [
  ...SHARED,
  ...PROTOCOLS,
  ...MESSAGES,
  "drivers",
  "dataplane",
  "nameserver",
  "uapi",
  "wg_interface",
  "query",
  "data",
  "api",
  "telemetry",
];

/** For each folder of lib, and for drivers, the folders that it may import. */
export const ALLOWED_IMPORTS: ReadonlyMap<string, readonly string[]> = new Map([
  ["base", []],
  ["net", GROUND],
  ["crypto", GROUND],
  ["noise", [...GROUND, "crypto"]],
  ["proto", GROUND],
  ["query", GROUND],
  ...PROTOCOLS.map((folder) => [folder, SHARED] as const),
  // A policy is written in a file of its own.
  ["config", [...SHARED, "policy"]],
  ["drivers", [...GROUND, "net", "overlay"]],
  ["simulation", [...SHARED, "mesh", "relay", "agent"]],
  ["service", [...SHARED, "policy"]],
  ["data", [...GROUND, "crypto", "query", "service"]],
  ["test_mesh", [...GROUND, "policy", "query", "service", "data"]],
  ["forward", [...SHARED, "transport"]],
  ["dataplane", [...SHARED, "host", "transport", "wireguard", "overlay", "drivers", "policy", "relay"]],
  ["nameserver", [...SHARED, "dns", "host", "transport"]],
  ["uapi", [...SHARED, "host", "transport", "wireguard", "dataplane"]],
  ["wg_interface", [...SHARED, ...PROTOCOLS, "dataplane", "uapi"]],
  ["api", [...SHARED, "policy", "service"]],
  ["telemetry", [...GROUND, "service"]],
  ["agent", BELOW_AGENT],
  ["http", [...BELOW_AGENT, "agent"]],
  ["cli", [...BELOW_AGENT, "simulation", "agent"]],
]);

/** The folders that may read clocks and touch the operating system; all others are pure. */
export const SYSTEM_FOLDERS: ReadonlySet<string> = new Set([
  "host",
  "transport",
  "dataplane",
  "nameserver",
  "forward",
  "uapi",
  "wg_interface",
  // It waits for turns of the event loop.
  "test_mesh",
  "agent",
  "http",
  "cli",
]);

/** For each third-party package, the folders that import it, one unless there is a reason; none: tests only. */
export const PACKAGE_FOLDERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["@bufbuild/protobuf", ["proto"]],
  ["@commander-js/extra-typings", ["cli"]],
  ["@logtape/logtape", ["cli"]],
  ["@nats-io/jetstream", ["data"]],
  ["@nats-io/obj", ["data"]],
  ["@nats-io/transport-node", ["data"]],
  ["@noble/ciphers", ["crypto"]],
  ["@noble/curves", ["crypto"]],
  ["@noble/hashes", ["crypto"]],
  ["@opentelemetry/api", ["telemetry"]],
  ["@seriousme/openapi-schema-validator", []],
  // The package itself, as programs have it: for tests of it alone.
  ["@weft/mesh", []],
  ["bittorrent-dht", []],
  ["commander", ["cli"]],
  ["csv-parse", ["cli"]],
  ["csv-stringify", ["cli"]],
  ["d3-force", ["http"]],
  ["fast-check", []],
  ["hono", ["http"]],
  ["playwright-core", []],
  ["preact", ["http"]],
  ["preact/hooks", ["http"]],
  ["@types/d3-force", ["http"]],
  ["@types/semver", ["service"]],
  ["semver", ["service"]],
  ["uqr", ["cli"]],
  ["yaml", ["config"]],
  // What is asked for is bounded by the same means as what is configured.
  ["zod", ["config", "api"]],
]);

/** The parts of Node.js that a pure folder may import. */
export const PURE_NODE_MODULES: ReadonlyMap<string, readonly string[]> = new Map([
  ["crypto", ["node:crypto"]],
  // The client of NATS opens its own sockets, and is told which certificates it may show and take.
  ["data", ["node:crypto", "node:tls"]],
]);
