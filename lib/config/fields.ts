/**
 * The table of an agent's options: how each is spelled and read.
 * @module
 */

import { z } from "zod";
import { Cidr, Endpoint, IpAddress } from "../net/mod.ts";
import { type DhtBootstrapOption, parseDhtBootstrap } from "./dht_bootstrap.ts";
import { parseDnsForward, parseDomain } from "./dns_forward.ts";
import { DEFAULT_DISCOVERY_PORT } from "./defaults.ts";
import { type OfferOption, parseOffer } from "./offer.ts";

/** One option. */
export interface Field {
  /** In flags and files; `WEFT_` and the same in capitals is the variable. */
  readonly flag: string;
  /** Reads the option's own type or text. */
  readonly schema: z.ZodType;
  /** What the value must be, after a colon. */
  readonly rule: string;
  readonly hint: string;
  /** For a name of earlier versions, which is still read: the option that it sets. */
  readonly replacedBy?: string;
}

/** @returns a schema of values that `parse` makes of text, or that are such values already */
function parsed<T>(parse: (text: string) => T | undefined, isOne: (value: unknown) => boolean): z.ZodType<T> {
  return z.unknown().transform((value, context): T => {
    const result = isOne(value) ? value as T : typeof value === "string" ? parse(value) : undefined;
    if (result !== undefined) return result;
    context.addIssue({ code: "custom", message: "unreadable" });
    return z.NEVER;
  });
}

function integer(least: number, greatest: number): z.ZodType<number> {
  const text = z.string().regex(/^\d{1,10}$/).transform(Number);
  return z.union([z.number(), text]).pipe(z.number().int().min(least).max(greatest));
}

/** A list, or text with commas. */
function list<T>(item: z.ZodType<T>): z.ZodType<T[]> {
  const split = z.string().transform((text) => text.split(",").map((part) => part.trim()).filter(Boolean));
  return z.union([split, z.array(z.unknown())]).pipe(z.array(item).max(64));
}

/** `key=value` pairs: a record, or a list of them. */
function pairs<T>(value: z.ZodType<T>): z.ZodType<Record<string, T>> {
  const key = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/);
  const pair = z.string().regex(/^[^=]+=/).transform((text) => {
    const at = text.indexOf("=");
    return [text.slice(0, at).trim(), text.slice(at + 1).trim()] as const;
  });
  const fromList = list(pair).transform((entries): Record<string, unknown> => Object.fromEntries(entries));
  return z.union([fromList, z.record(z.string(), z.unknown())]).pipe(
    z.record(key, value).refine((record) => Object.keys(record).length <= 64),
  );
}

const endpoint = parsed(
  (text) => {
    const read = Endpoint.parse(text);
    return read !== undefined && read.port > 0 && !read.address.isUnspecified ? read : undefined;
  },
  (value) => value instanceof Endpoint,
);

/** Discovery speaks IPv4 only. */
const discoveryPeer = parsed(
  (text) => {
    const read = Endpoint.parse(text.includes(":") ? text : `${text}:${DEFAULT_DISCOVERY_PORT}`);
    return read !== undefined && isIpv4Target(read) ? read : undefined;
  },
  (value) => value instanceof Endpoint && isIpv4Target(value),
);

function isIpv4Target({ address, port }: Endpoint): boolean {
  return address.family === 4 && port > 0 && !address.isUnspecified;
}

const truth = z.union([
  z.boolean(),
  z.enum(["true", "yes", "1"]).transform(() => true),
  z.enum(["false", "no", "0"]).transform(() => false),
]);

/** A DNS label (RFC 1123 §2.1), in lower case. */
const dnsLabel = z.string().toLowerCase().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);

/** Linux takes 15 bytes without `/` and white space; `:` would make an alias of it, `%` a pattern. */
const interfaceName = z.string().regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,15}$/);

/** A label's value: what a selector can name without quotes. */
const labelValue = z.union([z.string(), z.number().transform(String), z.boolean().transform(String)])
  .pipe(z.string().regex(/^[A-Za-z0-9._/-]{0,63}$/));

const dnsForward = parsed(parseDnsForward, (value) => {
  return typeof value === "object" && value !== null && "suffix" in value && "server" in value;
});

const dhtBootstrap = parsed(
  parseDhtBootstrap,
  (value) => typeof value === "object" && value !== null && "hostname" in value && "port" in value,
);

const offer = parsed(
  parseOffer,
  (value) => typeof value === "object" && value !== null && "port" in value && "targetPort" in value,
);

function areDistinct(offers: readonly OfferOption[]): boolean {
  return new Set(offers.map(({ port }) => port)).size === offers.length;
}

/** A domain name with its final dot. */
const domainName = parsed(parseDomain, () => false);

const cipher = {
  schema: z.enum(["auto", "baseline"]),
  rule: "the cipher is auto or baseline",
  hint: "The default is auto; baseline uses no experimental feature of the runtime.",
};

/** Every option by its name in `AgentOptions`. */
export const FIELDS: ReadonlyMap<string, Field> = new Map([
  ["stateDir", {
    flag: "state",
    // deno-lint-ignore no-control-regex -- no path has these on purpose
    schema: z.string().min(1).max(4000).regex(/^[^\x00-\x1f\x7f]+$/),
    rule: "the state is kept in a directory",
    hint: "Name a directory, for example --state /var/lib/weft.",
  }],
  ["name", {
    flag: "name",
    schema: dnsLabel,
    rule: "a name has letters, digits and hyphens, at most 63 of them",
    hint: "Choose a name such as web-1.",
  }],
  ["cidr", {
    flag: "cidr",
    schema: parsed(Cidr.parse, (value) => value instanceof Cidr),
    rule: "that is no network in CIDR notation",
    hint: "Write a private network, for example --cidr 10.200.0.0/16 or fd00:200::/64.",
  }],
  ["port", {
    flag: "port",
    schema: integer(1, 65535),
    rule: "a port is a number from 1 to 65535",
    hint: "The default is 51820; it must be open for UDP and TCP.",
  }],
  ["interfaceName", {
    flag: "interface",
    schema: interfaceName,
    rule: "an interface name has 1 to 15 letters, digits, dots, hyphens and underscores",
    hint: "The default is weft0.",
  }],
  ["mtuBytes", {
    flag: "mtu",
    schema: integer(576, 65455),
    rule: "the MTU is a number of bytes from 576 to 65455",
    hint: "The default is 1420; 1280 fits through almost every path.",
  }],
  ["dataplane", {
    flag: "dataplane",
    schema: z.enum(["auto", "fast", "portable"]),
    rule: "the data plane is auto, fast or portable",
    hint: "The default is auto: the fastest that runs on this machine.",
  }],
  ["cipher", { flag: "cipher", ...cipher }],
  ["kernel", { flag: "kernel", ...cipher, replacedBy: "cipher" }],
  ["rootless", {
    flag: "rootless",
    schema: truth,
    rule: "it is either true or false",
    hint: "Rootless nodes have the message plane only and need no privileges.",
  }],
  ["discovery", {
    flag: "discovery",
    schema: truth,
    rule: "it is either true or false",
    hint: "Without discovery a node sends nothing to its neighbours; --no-discovery is the flag.",
  }],
  ["discoveryPeers", {
    flag: "discovery-peer",
    schema: list(discoveryPeer),
    rule: "a peer is an IPv4 address, with a port or without",
    hint: "Write 192.0.2.1, or 192.0.2.1:45678.",
  }],
  ["discoveryDht", {
    flag: "discovery-dht",
    schema: truth,
    rule: "it is either true or false",
    hint: "With it this node's address and port are in the public BitTorrent DHT, under a number of the day.",
  }],
  ["discoveryDhtBootstrap", {
    flag: "discovery-dht-bootstrap",
    schema: list(dhtBootstrap).pipe(z.array(z.custom<DhtBootstrapOption>()).min(1).max(16)),
    rule: "the DHT is entered by 1 to 16 nodes, each a name or an IPv4 address and a port",
    hint: "Write dht.example.com:6881, or 192.0.2.1:6881; without it the public ones are asked.",
  }],
  ["endpoints", {
    flag: "endpoint",
    schema: list(endpoint),
    rule: "an endpoint is an address and a port",
    hint: "Write 192.0.2.1:51820 or [2001:db8::1]:51820.",
  }],
  ["statusAddress", {
    flag: "status-address",
    schema: parsed(IpAddress.parse, (value) => value instanceof IpAddress),
    rule: "that is no IP address",
    hint: "The default is 127.0.0.1, which only this machine reaches.",
  }],
  ["statusPort", {
    flag: "status-port",
    schema: z.union([z.literal("off"), z.literal(false).transform(() => "off"), integer(0, 65535)]),
    rule: "the status page has a port from 1 to 65535, 0 for any free one, or is off",
    hint: "The default is 9180.",
  }],
  ["labels", {
    flag: "label",
    schema: pairs(labelValue),
    rule: "labels are written KEY=VALUE, of letters, digits, dots, hyphens, slashes and underscores",
    hint: "For example --label role=web.",
  }],
  ["dns", {
    flag: "dns",
    schema: z.union([
      z.enum(["auto", "on", "off"]),
      z.boolean().transform((isOn) => isOn ? "on" : "off"),
    ]),
    rule: "the name server is auto, on or off",
    hint: "The default is auto: on, but off in rootless nodes.",
  }],
  ["dnsPorts", {
    flag: "dns-port",
    schema: z.union([integer(1, 65535).transform((port) => [port]), list(integer(1, 65535))])
      .pipe(z.array(z.number()).min(1).max(4)),
    rule: "the name server has one to four ports from 1 to 65535",
    hint: "The default is 15353; with --dns-port 15353,53 it has the usual one too.",
  }],
  ["dnsZone", {
    flag: "dns-zone",
    schema: domainName,
    rule: "that is no domain name",
    hint: "The default is weft.internal.; overlay.local. is another.",
  }],
  ["dnsForward", {
    flag: "dns-forward",
    schema: list(dnsForward),
    rule: "a server is an address, or a suffix, = and an address",
    hint: "Write 9.9.9.9, corp.example=10.0.0.53:5353, or system for the servers that this host asks.",
  }],
  ["dnsResolver", {
    flag: "dns-resolver",
    schema: z.union([
      z.enum(["auto", "resolved", "resolv.conf", "off"]),
      z.literal(false).transform(() => "off"),
    ]),
    rule: "the host's resolver is auto, resolved, resolv.conf or off",
    hint:
      "The default is auto: systemd-resolved where it is in use, else /etc/resolv.conf; off leaves it alone.",
  }],
  ["offers", {
    flag: "offer",
    schema: z.union([z.number().transform((port) => [String(port)]), z.unknown()])
      .pipe(list(offer).refine(areDistinct)),
    rule: "an offer is a port, or a port, = and where the service is; each port once",
    hint: "Write 80=127.0.0.1:3000, or 80=3000.",
  }],
  ["logLevel", {
    flag: "log-level",
    schema: z.enum(["debug", "info", "warn", "error"]),
    rule: "there is no such level",
    hint: "The levels are debug, info, warn and error.",
  }],
  ["testTimers", {
    flag: "test-timers",
    schema: pairs(integer(1, 86_400_000)),
    rule: "times are written NAME=MILLISECONDS",
    hint: "This is for tests only; unset it.",
  }],
]);
