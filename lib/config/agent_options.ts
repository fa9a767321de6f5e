/**
 * How an agent is set up, and how that is put together from flags, environment and file.
 * @module
 */

import type { Cidr, Endpoint, IpAddress } from "../net/mod.ts";
import {
  DEFAULT_DNS_PORT,
  DEFAULT_DNS_ZONE,
  DEFAULT_INTERFACE_NAME,
  DEFAULT_LOG_LEVEL,
  DEFAULT_MTU_BYTES,
  DEFAULT_STATE_DIR,
  DEFAULT_STATUS_ADDRESS,
  DEFAULT_STATUS_PORT,
  DEFAULT_WG_PORT,
} from "./defaults.ts";
import { type DhtBootstrapOption, PUBLIC_DHT_BOOTSTRAP } from "./dht_bootstrap.ts";
import type { DnsForwardOption } from "./dns_forward.ts";
import { InvalidConfigError } from "./errors.ts";
import { FIELDS } from "./fields.ts";
import { nearest } from "./nearest.ts";
import type { OfferOption } from "./offer.ts";

/** How much of the log is shown. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Everything that an agent can be told at its start. */
export interface AgentOptions {
  /** The directory of the database and the control socket. */
  readonly stateDir: string;
  /** A DNS label; the host's own name when absent. */
  readonly name?: string;
  /** The network of a new leader; members are told theirs. */
  readonly cidr?: Cidr;
  /** UDP and TCP port of both planes, 1 to 65535. */
  readonly port: number;
  readonly interfaceName: string;
  /** The largest packet through the interface, 576 to 65455 bytes. */
  readonly mtuBytes: number;
  /** How packets travel: the fastest way that runs here, or one of them. */
  readonly dataplane: "auto" | "fast" | "portable";
  /** What seals packets on the fast data plane: the fastest that answers right, or the one without experiments. */
  readonly cipher: "auto" | "baseline";
  /** The message plane only: no TUN, no FFI, no privileges. */
  readonly rootless: boolean;
  /** Whether this node calls out to its neighbours and listens to them. */
  readonly discovery: boolean;
  /** Whom it calls beside its neighbours, by UDP. */
  readonly discoveryPeers: readonly Endpoint[];
  /** Whether this node is announced in the BitTorrent DHT, and looks there for others. */
  readonly discoveryDht: boolean;
  /** By whom it enters the DHT. */
  readonly discoveryDhtBootstrap: readonly DhtBootstrapOption[];
  /** Where others can reach this node, beside what it finds out itself. */
  readonly endpoints: readonly Endpoint[];
  readonly statusAddress: IpAddress;
  /** 0 for any free port; `off` for no status page. */
  readonly statusPort: number | "off";
  readonly labels: Readonly<Record<string, string>>;
  /** Whether names are served: `auto` unless rootless. */
  readonly dns: "auto" | "on" | "off";
  /** Where the name server listens on the node's overlay addresses, UDP and TCP, each 1 to 65535. */
  readonly dnsPorts: readonly number[];
  /** A domain name with its final dot. */
  readonly dnsZone: string;
  /** Whom the name server asks for names of other zones. */
  readonly dnsForward: readonly DnsForwardOption[];
  /** How this host's own resolver is pointed at the zone: what is in use here, one of them, or not at all. */
  readonly dnsResolver: "auto" | "resolved" | "resolv.conf" | "off";
  /** TCP services of this machine that every member may reach at ports of this node. */
  readonly offers: readonly OfferOption[];
  readonly logLevel: LogLevel;
  /** Protocol times that tests shorten, in milliseconds by name. */
  readonly testTimers: Readonly<Record<string, number>>;
}

/** Where settings were written; errors quote them in the same form. */
export interface ConfigLayer {
  readonly source: "flags" | "environment" | "file" | "options";
  /** By name of `AgentOptions`; absent and undefined ones are not set. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The file's path. */
  readonly path?: string;
}

/** What an option may be given as: its own type, or the text that stands for it. */
export type AgentOptionsInput =
  & { readonly [Key in keyof AgentOptions]?: AgentOptions[Key] | string | undefined }
  /** The name of `cipher` in earlier versions. */
  & { readonly kernel?: AgentOptions["cipher"] | undefined };

/**
 * Puts an agent's options together: earlier layers win over later ones, defaults stand last.
 * @throws InvalidConfigError that names the setting as it was written, its value, and the rule
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { layerAgentOptions } from "./agent_options.ts";
 * const options = layerAgentOptions([
 *   { source: "flags", values: { port: "51821" } },
 *   { source: "environment", values: { port: "4", mtuBytes: "1280" } },
 * ]);
 * assert.equal(options.port, 51821);
 * assert.equal(options.mtuBytes, 1280);
 * assert.equal(options.interfaceName, "weft0");
 * ```
 */
export function layerAgentOptions(layers: readonly ConfigLayer[]): AgentOptions {
  const options: Record<string, unknown> = {
    stateDir: DEFAULT_STATE_DIR,
    port: DEFAULT_WG_PORT,
    interfaceName: DEFAULT_INTERFACE_NAME,
    mtuBytes: DEFAULT_MTU_BYTES,
    dataplane: "auto",
    cipher: "auto",
    rootless: false,
    discovery: true,
    discoveryPeers: [],
    discoveryDht: false,
    discoveryDhtBootstrap: PUBLIC_DHT_BOOTSTRAP,
    endpoints: [],
    statusAddress: DEFAULT_STATUS_ADDRESS,
    statusPort: DEFAULT_STATUS_PORT,
    labels: {},
    dns: "auto",
    dnsPorts: [DEFAULT_DNS_PORT],
    dnsZone: DEFAULT_DNS_ZONE,
    dnsForward: [],
    dnsResolver: "auto",
    offers: [],
    logLevel: DEFAULT_LOG_LEVEL,
    testTimers: {},
  };
  for (const layer of layers.toReversed()) {
    for (const [key, value] of Object.entries(layer.values)) {
      if (value !== undefined) options[FIELDS.get(key)?.replacedBy ?? key] = readField(layer, key, value);
    }
  }
  return options as unknown as AgentOptions;
}

/**
 * Reads options that a program hands over.
 * @throws InvalidConfigError that names the option, its value, and the rule
 */
export function parseAgentOptions(input: AgentOptionsInput): AgentOptions {
  return layerAgentOptions([{ source: "options", values: input }]);
}

/** @returns the settings of the variables named `WEFT_…` that are options; others are left alone */
export function environmentLayer(environment: Readonly<Record<string, string | undefined>>): ConfigLayer {
  const values: Record<string, unknown> = {};
  for (const [key, field] of FIELDS) {
    const value = environment[variableName(field.flag)];
    if (value !== undefined && value !== "") values[key] = value;
  }
  return { source: "environment", values };
}

function readField(layer: ConfigLayer, key: string, value: unknown): unknown {
  const field = FIELDS.get(key);
  if (field === undefined) {
    const names = [...FIELDS].filter(([, { replacedBy }]) => replacedBy === undefined).map(([name]) => name);
    const meant = nearest(key, names);
    throw new InvalidConfigError(`Cannot use the option ${key}: there is none of that name`, {
      hint: meant ? `Did you mean ${meant}?` : `The options are ${names.join(", ")}.`,
    });
  }
  const read = field.schema.safeParse(value);
  if (read.success) return read.data;
  throw new InvalidConfigError(`Cannot use ${asWritten(layer, key, field.flag, value)}: ${field.rule}`, {
    hint: field.hint,
  });
}

function asWritten(layer: ConfigLayer, key: string, flag: string, value: unknown): string {
  const text = shown(value);
  if (layer.source === "flags") return `--${flag} ${text}`;
  if (layer.source === "environment") return `${variableName(flag)}=${text}`;
  return layer.source === "file" ? `${flag}: ${text} in ${layer.path ?? "the file"}` : `${key} ${text}`;
}

function variableName(flag: string): string {
  return `WEFT_${flag.toUpperCase().replaceAll("-", "_")}`;
}

/** One line of at most 60 characters, without what could steer a terminal. */
function shown(value: unknown): string {
  const isList = Array.isArray(value) && value.every((item) => typeof item === "string");
  const text = isList
    ? value.join(", ")
    : typeof value === "string"
    ? value
    : JSON.stringify(value) ?? String(value);
  // deno-lint-ignore no-control-regex -- these are what must not get out
  const plain = text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
  return plain.length <= 60 ? plain || '""' : `${plain.slice(0, 59)}…`;
}
