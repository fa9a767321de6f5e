/**
 * The one table of an agent's options: how each is spelled in flags, variables and files, what the help says of it, what it
 * is unless told, and how it is read.
 * @module
 */

import * as z from "zod";
import { LOG_CATEGORIES } from "../base/mod.ts";
import { MAX_LABELS, MAX_NAME_LENGTH } from "../mesh/bounds.ts";
import { IpAddress } from "../net/mod.ts";
import type { AgentOptions } from "./agent_options.ts";
import { NETWORK_ENDPOINTS, NETWORKS } from "./declared_networks.ts";
import { DISCOVERY_FIELDS } from "./discovery_fields.ts";
import { DNS_FIELDS } from "./dns_fields.ts";
import type { Field, OptionName } from "./field.ts";
import {
  DEFAULT_EPHEMERAL_MS,
  DEFAULT_INTERFACE_NAME,
  DEFAULT_LOG_LEVEL,
  DEFAULT_MTU_BYTES,
  DEFAULT_OVERLAY_CIDR,
  DEFAULT_STATE_DIR,
  DEFAULT_WG_PORT,
} from "./defaults.ts";
import { MAX_PORT, selectorText } from "./compound_options.ts";
import {
  dnsLabel,
  endpoint,
  ephemeralTerm,
  integer,
  interfaceName,
  labelValue,
  list,
  offerList,
  oneOf,
  overlayBlock,
  pairs,
  parsed,
  pathText,
  POLICY_FILE,
  RECOVERY_KEY,
  truth,
} from "./field_schemas.ts";
import { DATA_FIELDS } from "./data_fields.ts";
import { RELAY_FIELDS } from "./relay_fields.ts";
import { STATUS_FIELDS } from "./status_fields.ts";

/** What every IPv4 host takes (RFC 791 §3.1), and what fits 65,535 bytes as `DEFAULT_MTU_BYTES` fits 1500. */
const MIN_MTU_BYTES = 576;
const MAX_MTU_BYTES = 65_455;
/** As many as an interface takes (`lib/dataplane`). */
const MAX_WORKERS = 16;

/** Every option by its name in `AgentOptions`, in the order of the help. */
export const FIELDS: { readonly [Key in keyof AgentOptions]-?: Field<Key> } = {
  stateDir: {
    flag: "state",
    short: "s",
    value: "directory",
    help: "the agent's state and socket",
    initial: DEFAULT_STATE_DIR,
    initialText: `${DEFAULT_STATE_DIR} as root`,
    schema: pathText,
    rule: "the state is kept in a directory",
    hint: "Name a directory, for example --state /var/lib/weft.",
  },
  name: {
    flag: "name",
    short: "n",
    value: "name",
    help: "this node's name in the network",
    initial: undefined,
    initialText: "the host's",
    schema: dnsLabel,
    rule: `a name has letters, digits and hyphens, at most ${MAX_NAME_LENGTH} of them`,
    hint: "Choose a name such as web-1.",
  },
  address: {
    flag: "address",
    value: "address",
    help: "the overlay address to join with, which the token has to allow",
    initial: undefined,
    initialText: "any",
    schema: () => parsed(IpAddress.parse, (value) => value instanceof IpAddress),
    rule: "that is no IP address",
    hint: "Write an address of the network, for example --address 10.200.1.7.",
  },
  ephemeral: {
    flag: "ephemeral",
    value: "duration",
    isValueOptional: true,
    help: "leave when it stops, and be removed when it is away for so long, which is said at --join",
    initial: "off",
    initialText: `off; ${DEFAULT_EPHEMERAL_MS / 60_000}m without a duration`,
    schema: ephemeralTerm,
    choices: ["off"],
    rule: "an ephemeral node may be away for one second to a year",
    hint: "Write --ephemeral 10m, or off.",
  },
  cidr: {
    flag: "cidr",
    value: "network",
    help: "the network of a new leader",
    initial: undefined,
    initialText: `${DEFAULT_OVERLAY_CIDR}`,
    schema: overlayBlock,
    rule: "that is no network in CIDR notation whose addresses two hosts can have",
    hint: `Write a private network, for example --cidr ${DEFAULT_OVERLAY_CIDR} or fd00:200::/64.`,
  },
  port: {
    flag: "port",
    short: "p",
    value: "port",
    help: "the UDP and TCP port by which other nodes reach this one",
    initial: DEFAULT_WG_PORT,
    schema: () => integer(1, MAX_PORT),
    rule: `a port is a number from 1 to ${MAX_PORT}`,
    hint: `The default is ${DEFAULT_WG_PORT}; it must be open for UDP and TCP.`,
  },
  interfaceName: {
    flag: "interface",
    value: "name",
    help: "the network interface",
    initial: DEFAULT_INTERFACE_NAME,
    initialText: `${DEFAULT_INTERFACE_NAME}, or the next that is free`,
    schema: interfaceName,
    rule: "an interface name has 1 to 15 letters, digits, dots, hyphens and underscores",
    hint: `The default is ${DEFAULT_INTERFACE_NAME}.`,
  },
  mtuBytes: {
    flag: "mtu",
    value: "bytes",
    help: "the largest packet through the interface, in bytes",
    initial: DEFAULT_MTU_BYTES,
    schema: () => integer(MIN_MTU_BYTES, MAX_MTU_BYTES),
    rule: `the MTU is a number of bytes from ${MIN_MTU_BYTES} to ${MAX_MTU_BYTES}`,
    hint: `The default is ${DEFAULT_MTU_BYTES}; 1280 fits through almost every path.`,
  },
  dataplane: {
    flag: "dataplane",
    value: "how",
    help: "auto, fast or portable: how packets travel",
    initial: "auto",
    ...oneOf("auto", "fast", "portable"),
    rule: "the data plane is auto, fast or portable",
    hint: "The default is auto: the fastest that runs on this machine.",
  },
  cipher: {
    flag: "cipher",
    aliases: ["kernel"],
    value: "which",
    help: "auto, native, baseline or noble: what seals packets on the fast data plane",
    initial: "auto",
    ...oneOf("auto", "native", "baseline", "noble"),
    rule: "the cipher is auto, native, baseline or noble",
    hint: "The default is auto: the fastest that runs on this machine.",
  },
  workers: {
    flag: "workers",
    value: "number",
    help: "auto, or how many threads carry packets on the fast data plane",
    initial: "auto",
    schema: () => z.union([z.literal("auto"), integer(1, MAX_WORKERS)]),
    choices: ["auto"],
    rule: `the workers are a number from 1 to ${MAX_WORKERS}, or auto`,
    hint:
      "The default is auto, which is one: more help where many flows leave a machine of several processors.",
  },
  rootless: {
    flag: "rootless",
    help: "the message plane only: no interface, no privileges",
    initial: false,
    schema: truth,
    rule: "it is either true or false",
    hint: "Rootless nodes have the message plane only and need no privileges.",
  },
  ...DISCOVERY_FIELDS,
  endpoints: {
    flag: "endpoint",
    plural: "endpoints",
    isReloadable: true,
    value: "host:port",
    help: "where others reach this node, by address, name or WebSocket URL",
    isRepeated: true,
    initial: [],
    schema: () => list(endpoint()),
    rule: "an endpoint is an address or a name, and a port, or the URL of a WebSocket",
    hint: "Write 192.0.2.1:51820, [2001:db8::1]:51820, vpn.example.com:51820 or wss://vpn.example.com/weft.",
  },
  portMapping: {
    flag: "port-mapping",
    isReloadable: true,
    value: "how",
    help: "auto or off: whether the router is asked to open the port, by PCP, NAT-PMP or UPnP",
    initial: "auto",
    ...oneOf("auto", "off"),
    rule: "port mapping is auto or off",
    hint: "The default is auto: behind a NAT the router is asked, unless discovery is off.",
  },
  stunServers: {
    flag: "stun-server",
    plural: "stun-servers",
    isReloadable: true,
    value: "host:port",
    help: "whom to ask how this host looks from the Internet",
    isRepeated: true,
    initial: [],
    initialText: "nobody",
    schema: () => list(endpoint()),
    rule: "a STUN server is an address or a name, and a port",
    hint: "Write stun.example.com:3478 or 192.0.2.1:3478.",
  },
  labels: {
    flag: "label",
    plural: "labels",
    isReloadable: true,
    value: "key=value",
    help: "what this node calls itself; it authorises nothing",
    isRepeated: true,
    initial: {},
    schema: () => pairs(labelValue(), MAX_LABELS),
    rule: "labels are written KEY=VALUE, of letters, digits, dots, hyphens, slashes and underscores",
    hint: "For example --label role=web.",
  },
  ...STATUS_FIELDS,
  ...DNS_FIELDS,
  offers: {
    flag: "offer",
    plural: "offers",
    isReloadable: true,
    value: "port[=host:port]",
    help: "a TCP service of this machine that members may reach at this node",
    isRepeated: true,
    initial: [],
    schema: offerList,
    rule: "an offer is a port, or a port, = and where the service is, and for whom; each port once",
    hint: "Write 80=127.0.0.1:3000, or 80=3000, or '80=3000 for role=web'.",
  },
  forwardAllow: {
    flag: "forward-allow",
    isReloadable: true,
    value: "selector",
    help: "who reaches ports that are not offered by `weft forward` and `proxy`, as if from this machine",
    initial: undefined,
    initialText: "nobody",
    schema: selectorText,
    rule: "that is no selector of members",
    hint:
      "Write role=admin, or '*' for every member; the firewall sees their connections as this machine's own.",
  },
  ...RELAY_FIELDS,
  ...DATA_FIELDS,
  networks: {
    flag: "network",
    plural: "networks",
    isReloadable: true,
    value: "definition",
    help: "an overlay network that a leader makes if there is none of its name",
    isRepeated: true,
    initial: [],
    ...NETWORKS,
  },
  networkEndpoints: {
    flag: "network-endpoint",
    plural: "network-endpoints",
    isReloadable: true,
    value: "network/name",
    help: "an endpoint that this node adds to an overlay network",
    isRepeated: true,
    initial: [],
    ...NETWORK_ENDPOINTS,
  },
  policy: {
    flag: "policy",
    isReloadable: true,
    value: "file",
    help: "who may reach whom, which a leader puts in force unless another policy is",
    initial: undefined,
    initialText: "none: every member reaches all",
    ...POLICY_FILE,
  },
  recoveryKey: {
    flag: "recovery-key",
    isReloadable: true,
    value: "key",
    help: "for whom weft backup seals copies of this node, without a passphrase",
    initial: undefined,
    initialText: "none: it asks for a passphrase",
    isUnspoken: true,
    ...RECOVERY_KEY,
  },
  logLevel: {
    flag: "log-level",
    isReloadable: true,
    value: "level",
    help: "debug, info, warn or error",
    initial: DEFAULT_LOG_LEVEL,
    ...oneOf("debug", "info", "warn", "error"),
    rule: "there is no such level",
    hint: "The levels are debug, info, warn and error.",
  },
  logCategories: {
    flag: "log-category",
    plural: "log-categories",
    isReloadable: true,
    value: "category=level",
    help: "another level for one part of the node",
    isRepeated: true,
    initial: {},
    initialText: "--log-level for all",
    schema: () =>
      pairs(z.enum(["debug", "info", "warn", "error"]), LOG_CATEGORIES.length)
        .refine((levels) => Object.keys(levels).every((name) => LOG_CATEGORIES.some((one) => one === name))),
    rule: "levels of parts are written CATEGORY=LEVEL",
    hint: `For example --log-category mesh=debug; the categories are ${LOG_CATEGORIES.join(", ")}.`,
  },
  logFormat: {
    flag: "log-format",
    isReloadable: true,
    value: "format",
    help: "text, or json for a JSON object a line",
    initial: "text",
    ...oneOf("text", "json"),
    rule: "there is no such format",
    hint: "The formats are text and json.",
  },
  testTimers: {
    flag: "test-timers",
    value: "name=milliseconds",
    help: "protocol times that tests shorten",
    initial: {},
    schema: () => pairs(integer(1, 86_400_000), 64),
    rule: "times are written NAME=MILLISECONDS",
    hint: "This is for tests only; unset it.",
  },
  testProtocols: {
    flag: "test-protocols",
    value: "protocol=versions",
    help: "protocol versions that tests have a node speak",
    initial: {},
    schema: () => pairs(z.string().regex(/^[1-9]\d{0,2}(-[1-9]\d{0,2})?$/), 64),
    rule: "versions are written PROTOCOL=VERSION or PROTOCOL=OLDEST-NEWEST",
    hint: "This is for tests only; unset it.",
  },
};

/** What tests alone say, and no file, flag or help. */
export const TEST_OPTIONS: readonly OptionName[] = ["testTimers", "testProtocols"];

/** Every option with its name. */
export const FIELD_ENTRIES: readonly (readonly [OptionName, Field])[] = Object.entries(
  FIELDS,
) as unknown as readonly (readonly [OptionName, Field])[];

const SCHEMAS = new Map<OptionName, z.ZodType>();

/** @returns what reads an option; made when it is first asked for: to make all takes a third of a command's time */
export function schemaOf(name: OptionName): z.ZodType {
  const made = SCHEMAS.get(name) ?? (FIELDS[name] as Field).schema();
  SCHEMAS.set(name, made);
  return made;
}
