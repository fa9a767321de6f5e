/**
 * The one table of an agent's options: how each is spelled in flags, variables and files, what the help says of it, what it
 * is unless told, and how it is read.
 * @module
 */

import { z } from "zod";
import { MAX_LABELS, MAX_NAME_LENGTH } from "../mesh/bounds.ts";
import { IpAddress } from "../net/mod.ts";
import type { AgentOptions } from "./agent_options.ts";
import {
  DEFAULT_DISCOVERY_PORT,
  DEFAULT_DNS_PORT,
  DEFAULT_DNS_ZONE,
  DEFAULT_INTERFACE_NAME,
  DEFAULT_LOG_LEVEL,
  DEFAULT_MTU_BYTES,
  DEFAULT_OVERLAY_CIDR,
  DEFAULT_STATE_DIR,
  DEFAULT_STATUS_ADDRESS,
  DEFAULT_STATUS_PORT,
  DEFAULT_WG_PORT,
} from "./defaults.ts";
import {
  dhtBootstrap,
  discoveryPeer,
  dnsForward,
  dnsLabel,
  domainName,
  endpoint,
  hostText,
  integer,
  interfaceName,
  labelValue,
  list,
  MAX_PORT,
  offerList,
  oneOf,
  overlayBlock,
  pairs,
  parsed,
  pathText,
  PUBLIC_DHT_BOOTSTRAP,
  selectorText,
  STATUS_PLACES,
  statusAddresses,
  truth,
} from "./field_schemas.ts";

/** The name of an option. */
export type OptionName = keyof AgentOptions;

/** What holds unless told; those that are undefined follow from something else. */
type Initial<Key extends OptionName> = Partial<Pick<AgentOptions, Key>> extends Pick<AgentOptions, Key>
  ? undefined
  : AgentOptions[Key];

/** One option. */
export interface Field<Key extends OptionName = OptionName> {
  /** In flags and files; `WEFT_` and the same in capitals is the variable. */
  readonly flag: string;
  /** In files, beside the flag's name. */
  readonly plural?: string;
  /** Names of earlier versions, which are still read wherever an option is, and shown nowhere. */
  readonly aliases?: readonly string[];
  /** What the help calls the value; absent for what is on or off. */
  readonly value?: string;
  /** What the help says of it, for one that is on unless told of its opposite. */
  readonly help: string;
  /** Whether the flag may be given more than once. */
  readonly isRepeated?: boolean;
  readonly initial: Initial<Key>;
  /** How the help tells `initial`, where that is no text or number. */
  readonly initialText?: string;
  /** Reads the option's own type or text. */
  readonly schema: z.ZodType<AgentOptions[Key]>;
  /** The words that it may be, for shells to complete. */
  readonly choices?: readonly string[];
  /** What the value must be, after a colon. */
  readonly rule: string;
  readonly hint: string;
}

/** What every IPv4 host takes (RFC 791 §3.1), and what fits 65,535 bytes as `DEFAULT_MTU_BYTES` fits 1500. */
const MIN_MTU_BYTES = 576;
const MAX_MTU_BYTES = 65_455;

/** Every option by its name in `AgentOptions`, in the order of the help. */
export const FIELDS: { readonly [Key in keyof AgentOptions]-?: Field<Key> } = {
  stateDir: {
    flag: "state",
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
    schema: parsed(IpAddress.parse, (value) => value instanceof IpAddress),
    rule: "that is no IP address",
    hint: "Write an address of the network, for example --address 10.200.1.7.",
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
    value: "port",
    help: "the UDP and TCP port of both planes",
    initial: DEFAULT_WG_PORT,
    schema: integer(1, MAX_PORT),
    rule: `a port is a number from 1 to ${MAX_PORT}`,
    hint: `The default is ${DEFAULT_WG_PORT}; it must be open for UDP and TCP.`,
  },
  interfaceName: {
    flag: "interface",
    value: "name",
    help: "the network interface",
    initial: DEFAULT_INTERFACE_NAME,
    schema: interfaceName,
    rule: "an interface name has 1 to 15 letters, digits, dots, hyphens and underscores",
    hint: `The default is ${DEFAULT_INTERFACE_NAME}.`,
  },
  mtuBytes: {
    flag: "mtu",
    value: "bytes",
    help: "the largest packet through it",
    initial: DEFAULT_MTU_BYTES,
    schema: integer(MIN_MTU_BYTES, MAX_MTU_BYTES),
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
    help: "auto or baseline: what seals packets on the fast one",
    initial: "auto",
    ...oneOf("auto", "baseline"),
    rule: "the cipher is auto or baseline",
    hint: "The default is auto; baseline uses no experimental feature of the runtime.",
  },
  rootless: {
    flag: "rootless",
    help: "the message plane only: no interface, no privileges",
    initial: false,
    schema: truth,
    rule: "it is either true or false",
    hint: "Rootless nodes have the message plane only and need no privileges.",
  },
  discovery: {
    flag: "discovery",
    help: "call out to no neighbours, and listen to none",
    initial: true,
    schema: truth,
    rule: "it is either true or false",
    hint: "Without discovery a node sends nothing to its neighbours; --no-discovery is the flag.",
  },
  discoveryPeers: {
    flag: "discovery-peer",
    value: "address",
    help: "whom to call beside neighbours",
    isRepeated: true,
    initial: [],
    schema: list(discoveryPeer),
    rule: "a peer is an IPv4 address, with a port or without",
    hint: `Write 192.0.2.1, or 192.0.2.1:${DEFAULT_DISCOVERY_PORT}.`,
  },
  discoveryDht: {
    flag: "discovery-dht",
    help: "find others, and be found, by the public BitTorrent DHT",
    initial: false,
    initialText: "no",
    schema: truth,
    rule: "it is either true or false",
    hint: "With it this node's address and port are in the public BitTorrent DHT, under a number of the day.",
  },
  discoveryDhtBootstrap: {
    flag: "discovery-dht-bootstrap",
    value: "host:port",
    help: "by whom to enter it",
    isRepeated: true,
    initial: PUBLIC_DHT_BOOTSTRAP,
    schema: list(dhtBootstrap).refine((nodes) => nodes.length >= 1 && nodes.length <= 16),
    rule: "the DHT is entered by 1 to 16 nodes, each a name or an IPv4 address and a port",
    hint: "Write dht.example.com:6881, or 192.0.2.1:6881; without it the public ones are asked.",
  },
  endpoints: {
    flag: "endpoint",
    plural: "endpoints",
    value: "address:port",
    help: "where others reach this node",
    isRepeated: true,
    initial: [],
    schema: list(endpoint),
    rule: "an endpoint is an address and a port",
    hint: "Write 192.0.2.1:51820 or [2001:db8::1]:51820.",
  },
  labels: {
    flag: "label",
    plural: "labels",
    value: "key=value",
    help: "what this node calls itself; it authorises nothing",
    isRepeated: true,
    initial: {},
    schema: pairs(labelValue, MAX_LABELS),
    rule: "labels are written KEY=VALUE, of letters, digits, dots, hyphens, slashes and underscores",
    hint: "For example --label role=web.",
  },
  statusAddress: {
    flag: "status-address",
    value: "where",
    help: "where the status page listens: loopback, overlay, any, or an address",
    isRepeated: true,
    initial: [DEFAULT_STATUS_ADDRESS],
    initialText: DEFAULT_STATUS_ADDRESS,
    schema: statusAddresses,
    choices: STATUS_PLACES,
    rule: "the status page listens at loopback, overlay, any, or an IP address",
    hint: "The default is loopback, which only this machine reaches; elsewhere the page asks for a token.",
  },
  statusPort: {
    flag: "status-port",
    value: "port",
    help: "its port, or off",
    initial: DEFAULT_STATUS_PORT,
    schema: z.union([
      z.literal("off"),
      z.literal(false).transform(() => "off" as const),
      integer(0, MAX_PORT),
    ]),
    choices: ["off"],
    rule: `the status page has a port from 1 to ${MAX_PORT}, 0 for any free one, or is off`,
    hint: `The default is ${DEFAULT_STATUS_PORT}.`,
  },
  statusNames: {
    flag: "status-name",
    plural: "status-names",
    value: "name",
    help: "by which name or address it may be called, beside the node's own",
    isRepeated: true,
    initial: [],
    schema: list(hostText),
    rule: "that is neither a domain name nor an address",
    hint: "Write weft.example.com, or 192.0.2.7, without a port.",
  },
  statusTokenFile: {
    flag: "status-token-file",
    value: "file",
    help: "the token that the page asks for beyond the loopback",
    initial: undefined,
    initialText: "one in the state, which `weft status token` prints",
    schema: pathText,
    rule: "the token is in a file",
    hint:
      "Name a file of one line that only its owner can read, for example --status-token-file /etc/weft/token.",
  },
  dns: {
    flag: "dns",
    value: "how",
    help: "auto, on or off: whether this node answers names",
    initial: "auto",
    initialText: "auto, off if rootless",
    schema: z.union([z.enum(["auto", "on", "off"]), z.boolean().transform((isOn) => isOn ? "on" : "off")]),
    choices: ["auto", "on", "off"],
    rule: "the name server is auto, on or off",
    hint: "The default is auto: on, but off in rootless nodes.",
  },
  dnsPorts: {
    flag: "dns-port",
    value: "ports",
    help: "where it answers on its overlay address",
    initial: [DEFAULT_DNS_PORT],
    initialText: `${DEFAULT_DNS_PORT}`,
    schema: z.union([integer(1, MAX_PORT).transform((port) => [port]), list(integer(1, MAX_PORT))])
      .pipe(z.array(z.number()).min(1).max(4)),
    rule: `the name server has one to four ports from 1 to ${MAX_PORT}`,
    hint:
      `The default is ${DEFAULT_DNS_PORT}; with --dns-port ${DEFAULT_DNS_PORT},53 it has the usual one too.`,
  },
  dnsZone: {
    flag: "dns-zone",
    value: "name",
    help: "the zone of the names",
    initial: DEFAULT_DNS_ZONE,
    schema: domainName,
    rule: "that is no domain name",
    hint: `The default is ${DEFAULT_DNS_ZONE}; overlay.local. is another.`,
  },
  dnsForward: {
    flag: "dns-forward",
    value: "[suffix=]server",
    help: "whom to ask for other names, or `system`",
    isRepeated: true,
    initial: [],
    initialText: "nobody",
    schema: list(dnsForward),
    rule: "a server is an address, or a suffix, = and an address",
    hint: "Write 9.9.9.9, corp.example=10.0.0.53:5353, or system for the servers that this host asks.",
  },
  dnsResolver: {
    flag: "dns-resolver",
    value: "how",
    help: "auto, resolved, resolv.conf or off: how this host is made to ask",
    initial: "auto",
    schema: z.union([
      z.enum(["auto", "resolved", "resolv.conf", "off"]),
      z.literal(false).transform(() => "off" as const),
    ]),
    choices: ["auto", "resolved", "resolv.conf", "off"],
    rule: "the host's resolver is auto, resolved, resolv.conf or off",
    hint:
      "The default is auto: systemd-resolved where it is in use, else /etc/resolv.conf; off leaves it alone.",
  },
  offers: {
    flag: "offer",
    plural: "offers",
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
    value: "selector",
    help: "who reaches ports that are not offered by `weft forward` and `proxy`, as if from this machine",
    initial: undefined,
    initialText: "nobody",
    schema: selectorText,
    rule: "that is no selector of members",
    hint:
      "Write role=admin, or '*' for every member; the firewall sees their connections as this machine's own.",
  },
  logLevel: {
    flag: "log-level",
    value: "level",
    help: "debug, info, warn or error",
    initial: DEFAULT_LOG_LEVEL,
    ...oneOf("debug", "info", "warn", "error"),
    rule: "there is no such level",
    hint: "The levels are debug, info, warn and error.",
  },
  testTimers: {
    flag: "test-timers",
    value: "name=milliseconds",
    help: "protocol times that tests shorten",
    initial: {},
    schema: pairs(integer(1, 86_400_000), 64),
    rule: "times are written NAME=MILLISECONDS",
    hint: "This is for tests only; unset it.",
  },
};

/** Every option with its name. */
export const FIELD_ENTRIES: readonly (readonly [OptionName, Field])[] = Object.entries(
  FIELDS,
) as unknown as readonly (readonly [OptionName, Field])[];
