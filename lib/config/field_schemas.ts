/**
 * How options are read: their own types, or the text that stands for them. Nodes of the DHT, servers of the DNS and offers
 * have forms of their own.
 * @module
 */

import { z } from "zod";
import { isPrintable, parseDurationMs } from "../base/mod.ts";
import { LABEL_KEY, LABEL_VALUE, MAX_EPHEMERAL_MS, MIN_EPHEMERAL_MS, NODE_NAME } from "../mesh/bounds.ts";
import { Cidr, Endpoint, hostlessBlock, IpAddress, WebAddress } from "../net/mod.ts";
import { written } from "./json_form.ts";
import { DEFAULT_DISCOVERY_PORT, DEFAULT_EPHEMERAL_MS } from "./defaults.ts";

/** The greatest port of UDP and TCP. */
export const MAX_PORT = 65_535;

/** @returns a schema of values that `parse` makes of text, or that are such values already */
export function parsed<T>(
  parse: (text: string) => T | undefined,
  isOne: (value: unknown) => boolean,
): z.ZodType<T> {
  const schema = z.unknown().transform((value, context): T => {
    const result = isOne(value) ? value as T : typeof value === "string" ? parse(value) : undefined;
    if (result !== undefined) return result;
    context.addIssue({ code: "custom", message: "unreadable" });
    return z.NEVER;
  });
  return written(schema, () => ({ type: "string", minLength: 1 }));
}

/** A block of addresses that at least two hosts can have. */
export const overlayBlock: z.ZodType<Cidr> = parsed(Cidr.parse, (value) => value instanceof Cidr).refine(
  (block) =>
    block.prefixBits < (block.address.family === 4 ? 32 : 128) &&
    hostlessBlock(block) === undefined,
);

/** A whole number, or its digits. */
export function integer(least: number, greatest: number): z.ZodType<number> {
  const text = z.string().regex(/^\d{1,10}$/).transform(Number);
  const schema = z.union([z.number(), text]).pipe(z.number().int().min(least).max(greatest));
  return written(schema, () => ({
    anyOf: [
      { type: "integer", minimum: least, maximum: greatest },
      { type: "string", pattern: "^\\d{1,10}$" },
    ],
  }));
}

/** So many a list has at most. */
const MAX_ITEMS = 64;

/** A list, or text with commas. */
export function list<T>(item: z.ZodType<T>): z.ZodType<T[]> {
  const split = z.string().transform((text) => text.split(",").map((part) => part.trim()).filter(Boolean));
  const schema = z.union([split, z.array(z.unknown())]).pipe(z.array(item).max(MAX_ITEMS));
  return written(schema, (formOf) => ({
    anyOf: [{ type: "string" }, { type: "array", items: formOf(item), maxItems: MAX_ITEMS }],
  }));
}

/** `key=value` pairs: a record, or a list of them. @param most how many at most */
export function pairs<T>(value: z.ZodType<T>, most: number): z.ZodType<Record<string, T>> {
  const key = z.string().regex(LABEL_KEY);
  const pair = z.string().regex(/^[^=]+=/).transform((text) => {
    const at = text.indexOf("=");
    return [text.slice(0, at).trim(), text.slice(at + 1).trim()] as const;
  });
  const fromList = list(pair).transform((entries): Record<string, unknown> => Object.fromEntries(entries));
  const schema = z.union([fromList, z.record(z.string(), z.unknown())]).pipe(
    z.record(key, value).refine((record) => Object.keys(record).length <= most),
  );
  return written(schema, (formOf) => ({
    anyOf: [
      { type: "string" },
      { type: "array", items: { type: "string", pattern: "^[^=]+=" } },
      {
        type: "object",
        propertyNames: { pattern: LABEL_KEY.source },
        additionalProperties: formOf(value),
        maxProperties: most,
      },
    ],
  }));
}

/** Where others can be asked to send. */
export const endpoint: z.ZodType<Endpoint | NamedEndpointOption | WebAddress> = parsed(
  (text) => {
    if (/^wss?:/.test(text)) return WebAddress.parse(text);
    const read = Endpoint.parse(text);
    if (read === undefined) return parseNamedEndpoint(text);
    return read.port > 0 && !read.address.isUnspecified ? read : undefined;
  },
  (value) =>
    value instanceof Endpoint || value instanceof WebAddress || isObjectWith(value, "hostname", "port"),
);

/** Where a node is, by the name of a host. */
export interface NamedEndpointOption {
  /** As the host's resolver knows it. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** Names of hosts have letters, digits and hyphens (RFC 1123 §2.1); what ends with a number is an address, or none. */
function parseNamedEndpoint(text: string): NamedEndpointOption | undefined {
  const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
  const [, hostname, port] =
    new RegExp(`^((?:${label}\\.)*(?!\\d+\\.?:)${label}\\.?):([1-9]\\d{0,4})$`, "i").exec(text) ?? [];
  if (hostname === undefined || hostname.length > 253 || Number(port) > MAX_PORT) return undefined;
  return { hostname: hostname.toLowerCase(), port: Number(port) };
}

/** Discovery speaks IPv4 only. */
export const discoveryPeer: z.ZodType<Endpoint> = parsed(
  (text) => {
    const read = Endpoint.parse(text.includes(":") ? text : `${text}:${DEFAULT_DISCOVERY_PORT}`);
    return read !== undefined && isIpv4Target(read) ? read : undefined;
  },
  (value) => value instanceof Endpoint && isIpv4Target(value),
);

function isIpv4Target({ address, port }: Endpoint): boolean {
  return address.family === 4 && port > 0 && !address.isUnspecified;
}

/** Where the status page listens: an address, or the addresses that a word stands for. */
export type StatusAddress = IpAddress | "loopback" | "overlay" | "any";

/** The loopback, the node's overlay addresses, and every address of the host. */
export const STATUS_PLACES: readonly ["loopback", "overlay", "any"] = ["loopback", "overlay", "any"];

const MAX_STATUS_PLACES = 8;

const statusPlace: z.ZodType<StatusAddress> = z.union([
  z.enum(STATUS_PLACES),
  parsed(IpAddress.parse, (value) => value instanceof IpAddress),
]);

/** One of those places, or several. */
export const statusAddresses: z.ZodType<StatusAddress[]> = written(
  z.union([
    z.custom<IpAddress>((value) => value instanceof IpAddress).transform((address) => [address]),
    z.unknown(),
  ]).pipe(list(statusPlace).refine(({ length }) => length >= 1 && length <= MAX_STATUS_PLACES)),
  () => ({
    anyOf: [
      { type: "string" },
      { type: "array", items: { type: "string" }, minItems: 1, maxItems: MAX_STATUS_PLACES },
    ],
  }),
);

/** A name or an address that stands in `Host`, as it is compared: without a final dot. */
export const hostText: z.ZodType<string> = parsed(
  (text) => IpAddress.parse(text)?.toString() ?? parseDomain(text)?.slice(0, -1),
  () => false,
);

// deno-lint-ignore no-control-regex -- no path has these on purpose
const PATH = /^[^\x00-\x1f\x7f]+$/;

/** For how long a member may be away before it is removed: milliseconds, `90s`, or not at all. */
export const ephemeralTerm: z.ZodType<number | "off"> = z.union([
  z.literal("off"),
  z.literal(false).transform(() => "off" as const),
  z.literal(true).transform(() => DEFAULT_EPHEMERAL_MS),
  z.union([z.number(), z.string().transform((text) => parseDurationMs(text) ?? Number(text || NaN))])
    .pipe(z.number().int().min(MIN_EPHEMERAL_MS).max(MAX_EPHEMERAL_MS)),
]);

/** Where a file or a directory is. */
export const pathText: z.ZodType<string> = z.string().min(1).max(4000).regex(PATH);

/** What a file with the token of the page may be. */
export const TOKEN_FILE: FileRule = {
  schema: pathText,
  rule: "the token is in a file",
  hint:
    "Name a file of one line that only its owner can read, for example --status-token-file /etc/weft/token.",
};
/** What a file with a policy may be. */
export const POLICY_FILE: FileRule = {
  schema: pathText,
  rule: "the policy is in a file",
  hint: "`weft policy init` writes one, for example /etc/weft/policy.yaml.",
};

/** What the table says of a file. */
interface FileRule {
  readonly schema: z.ZodType<string>;
  readonly rule: string;
  readonly hint: string;
}

/** On or off, as YAML or a variable says it. */
export const truth: z.ZodType<boolean> = z.union([
  z.boolean(),
  z.enum(["true", "yes", "1"]).transform(() => true),
  z.enum(["false", "no", "0"]).transform(() => false),
]);

/** A DNS label (RFC 1123 §2.1), in lower case. */
export const dnsLabel: z.ZodType<string> = z.string().toLowerCase().regex(NODE_NAME);

/** Linux takes 15 bytes without `/` and white space; `:` would make an alias of it, `%` a pattern. */
export const interfaceName: z.ZodType<string> = z.string().regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,15}$/);

/** A label's value: what a selector can name without quotes. */
export const labelValue: z.ZodType<string> = z.union([
  z.string(),
  z.number().transform(String),
  z.boolean().transform(String),
])
  .pipe(z.string().regex(LABEL_VALUE));

/** A selector of members, one line; it is read where members are known. */
export const selectorText: z.ZodType<string> = z.string().trim().min(1).max(1_024).refine(isPrintable);

/** Another server for the names under a suffix. */
export const dnsForward: z.ZodType<DnsForwardOption> = parsed(
  parseDnsForward,
  (value) => isObjectWith(value, "suffix", "server"),
);

/** How this host's resolver may be pointed at the zone. */
export const RESOLVERS: {
  readonly schema: z.ZodType<"auto" | "resolved" | "resolv.conf" | "off">;
  readonly choices: readonly string[];
} = {
  schema: z.union([
    z.enum(["auto", "resolved", "resolv.conf", "off"]),
    z.literal(false).transform(() => "off" as const),
  ]),
  choices: ["auto", "resolved", "resolv.conf", "off"],
};

/** A node of the DHT. */
export const dhtBootstrap: z.ZodType<DhtBootstrapOption> = parsed(
  parseDhtBootstrap,
  (value) => isObjectWith(value, "hostname", "port"),
);

const offer = z.union([z.int().transform(String), z.unknown()])
  .pipe(parsed(parseOffer, (value) => isObjectWith(value, "port", "targetPort")));

function isObjectWith(value: unknown, ...names: readonly string[]): boolean {
  return typeof value === "object" && value !== null && names.every((name) => name in value);
}

/** Offers of different ports; a number alone is one. */
export const offerList: z.ZodType<OfferOption[]> = written(
  z.union([z.number().transform((port) => [String(port)]), z.unknown()])
    .pipe(list(offer).refine((offers) => new Set(offers.map(({ port }) => port)).size === offers.length)),
  () => {
    const one = [{ type: "integer", minimum: 1, maximum: MAX_PORT }, { type: "string", minLength: 1 }];
    return { anyOf: [...one, { type: "array", items: { anyOf: one }, maxItems: MAX_ITEMS }] };
  },
);

/** A domain name with its final dot. */
export const domainName: z.ZodType<string> = parsed(parseDomain, () => false);

/** One of some words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(
  ...words: Words
): { readonly schema: z.ZodType<Words[number]>; readonly choices: readonly string[] } {
  return { schema: z.enum(words), choices: words };
}

/** A node of the DHT. */
export interface DhtBootstrapOption {
  /** A domain name, or an IPv4 address. */
  readonly hostname: string;
  /** UDP, 1 to 65535. */
  readonly port: number;
}

const DHT_NODE = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?):(\d{1,5})$/;

/** The nodes that the makers of BitTorrent programs run for everybody. */
export const PUBLIC_DHT_BOOTSTRAP: readonly DhtBootstrapOption[] = [
  { hostname: "router.bittorrent.com", port: 6881 },
  { hostname: "dht.transmissionbt.com", port: 6881 },
  { hostname: "router.utorrent.com", port: 6881 },
  { hostname: "dht.libtorrent.org", port: 25401 },
];

/**
 * Reads `dht.example.com:6881` or `192.0.2.1:6881`.
 * @returns undefined when it is neither
 */
export function parseDhtBootstrap(text: string): DhtBootstrapOption | undefined {
  const parts = DHT_NODE.exec(text.trim().toLowerCase());
  const port = Number(parts?.[3]);
  const hostname = parts?.[1];
  return hostname !== undefined && port >= 1 && port <= MAX_PORT ? { hostname, port } : undefined;
}

/** Another server for the names under a suffix. */
export interface DnsForwardOption {
  /** A domain name with its final dot; `.` for all names that no longer suffix has. */
  readonly suffix: string;
  /** `system` stands for the servers that this host asks without weft. */
  readonly server: Endpoint | "system";
}

const DNS_PORT = 53;
const DOMAIN =
  /^(?=.{1,253}\.?$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.?$/;

/** @returns the domain name in lower case with its final dot, or undefined; the root is none */
export function parseDomain(text: string): string | undefined {
  const name = text.toLowerCase();
  if (!DOMAIN.test(name)) return undefined;
  return name.endsWith(".") ? name : `${name}.`;
}

/**
 * Reads `9.9.9.9`, `suffix=9.9.9.9:53` or `suffix=system`.
 * @returns undefined when it is none of these
 */
export function parseDnsForward(text: string): DnsForwardOption | undefined {
  const [first = "", second, ...more] = text.split("=").map((part) => part.trim());
  const suffix = second === undefined || first === "." ? "." : parseDomain(first);
  const server = parseServer(second ?? first);
  if (suffix === undefined || server === undefined || more.length > 0) return undefined;
  return { suffix, server };
}

function parseServer(text: string): Endpoint | "system" | undefined {
  if (text === "system") return text;
  const address = IpAddress.parse(text);
  const server = address === undefined ? Endpoint.parse(text) : new Endpoint(address, DNS_PORT);
  return server === undefined || server.port === 0 || server.address.isUnspecified ? undefined : server;
}

/** UDP ports from the first to the last, both included. */
export interface PortRangeOption {
  /** 1 to 65535. */
  readonly first: number;
  /** More than `first`. */
  readonly last: number;
}

const PORT_RANGE = /^(\d{1,5})-(\d{1,5})$/;

/** @returns the range in `40000-40099`, or undefined when it is none of at least two ports */
export function parsePortRange(text: string): PortRangeOption | undefined {
  const [, first, last] = PORT_RANGE.exec(text.trim()) ?? [];
  const range = { first: Number(first), last: Number(last) };
  return isPortRange(range) ? range : undefined;
}

/** Whether it is at least two ports. */
export function isPortRange(value: unknown): boolean {
  const { first, last } = (value ?? {}) as Partial<PortRangeOption>;
  return Number.isInteger(first) && Number.isInteger(last) &&
    Number(first) >= 1 && Number(last) > Number(first) && Number(last) <= MAX_PORT;
}

/** A port of this node in the mesh, and what is behind it. */
export interface OfferOption {
  /** In the mesh, 1 to 65535. */
  readonly port: number;
  /** A name or an address; 127.0.0.1 unless it was said. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly targetPort: number;
  /** A selector of those who may come; every member when absent. */
  readonly allow?: string;
}

const DEFAULT_HOST = "127.0.0.1";
// An IPv6 address stands in brackets (RFC 3986 §3.2.2).
const OFFER = /^(\d{1,5})(?:=(?:(\[[0-9a-f:.]+\]|[a-z0-9_.-]{1,253}):)?(\d{1,5}))?$/;
const OFFER_FOR = /^(\S+)\s+for\s+(.*)$/;

/**
 * Reads `80`, `80=3000`, `80=192.0.2.9:3000` or `80=[::1]:3000`, each perhaps with `for` and a selector behind it.
 * @returns undefined when it is none of these
 */
export function parseOffer(text: string): OfferOption | undefined {
  const [, place = text, whom] = OFFER_FOR.exec(text.trim()) ?? [];
  const parts = OFFER.exec(place.trim().toLowerCase());
  const allow = whom === undefined ? undefined : selectorText.safeParse(whom);
  const port = readPort(parts?.[1]);
  const targetPort = parts?.[3] === undefined ? port : readPort(parts[3]);
  const hostname = readHost(parts?.[2] ?? DEFAULT_HOST);
  if (port === undefined || targetPort === undefined || hostname === undefined) return undefined;
  if (allow === undefined) return { port, hostname, targetPort };
  return allow.success ? { port, hostname, targetPort, allow: allow.data } : undefined;
}

function readHost(text: string): string | undefined {
  // A number alone is a port that stands at the wrong place.
  if (!text.startsWith("[")) return /^\d+$/.test(text) ? undefined : text;
  return IpAddress.parse(text.slice(1, -1))?.toString();
}

function readPort(text: string | undefined): number | undefined {
  const port = Number(text);
  return port >= 1 && port <= MAX_PORT ? port : undefined;
}
