/**
 * How options are read: their own types, or the text that stands for them.
 * @module
 */

import * as z from "zod";
import { parseDurationMs } from "../base/mod.ts";
import { LABEL_KEY, LABEL_VALUE, MAX_EPHEMERAL_MS, MIN_EPHEMERAL_MS, NODE_NAME } from "../mesh/bounds.ts";
import { Cidr, Endpoint, hostlessBlock, IpAddress, WebAddress } from "../net/mod.ts";
import {
  type DhtBootstrapOption,
  type DnsForwardOption,
  MAX_PORT,
  type NamedEndpointOption,
  type OfferOption,
  parseDhtBootstrap,
  parseDnsForward,
  parseDomain,
  parseNamedEndpoint,
  parseOffer,
} from "./compound_options.ts";
import { written } from "./json_form.ts";
import { DEFAULT_DISCOVERY_PORT, DEFAULT_EPHEMERAL_MS } from "./defaults.ts";

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
export function overlayBlock(): z.ZodType<Cidr> {
  return parsed(Cidr.parse, (value) => value instanceof Cidr).refine(
    (block) =>
      block.prefixBits < (block.address.family === 4 ? 32 : 128) &&
      hostlessBlock(block) === undefined,
  );
}

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
export function endpoint(): z.ZodType<Endpoint | NamedEndpointOption | WebAddress> {
  return parsed(
    (text) => {
      if (/^wss?:/.test(text)) return WebAddress.parse(text);
      const read = Endpoint.parse(text);
      if (read === undefined) return parseNamedEndpoint(text);
      return read.port > 0 && !read.address.isUnspecified ? read : undefined;
    },
    (value) =>
      value instanceof Endpoint || value instanceof WebAddress || isObjectWith(value, "hostname", "port"),
  );
}

/** Discovery speaks IPv4 only. */
export function discoveryPeer(): z.ZodType<Endpoint> {
  return parsed(
    (text) => {
      const read = Endpoint.parse(text.includes(":") ? text : `${text}:${DEFAULT_DISCOVERY_PORT}`);
      return read !== undefined && isIpv4Target(read) ? read : undefined;
    },
    (value) => value instanceof Endpoint && isIpv4Target(value),
  );
}

function isIpv4Target({ address, port }: Endpoint): boolean {
  return address.family === 4 && port > 0 && !address.isUnspecified;
}

/** Where the status page listens: an address, or the addresses that a word stands for. */
export type StatusAddress = IpAddress | "loopback" | "overlay" | "any";

/** The loopback, the node's overlay addresses, and every address of the host. */
export const STATUS_PLACES: readonly ["loopback", "overlay", "any"] = ["loopback", "overlay", "any"];

const MAX_STATUS_PLACES = 8;

function statusPlace(): z.ZodType<StatusAddress> {
  return z.union([
    z.enum(STATUS_PLACES),
    parsed(IpAddress.parse, (value) => value instanceof IpAddress),
  ]);
}

/** One of those places, or several. */
export function statusAddresses(): z.ZodType<StatusAddress[]> {
  return written(
    z.union([
      z.custom<IpAddress>((value) => value instanceof IpAddress).transform((address) => [address]),
      z.unknown(),
    ]).pipe(list(statusPlace()).refine(({ length }) => length >= 1 && length <= MAX_STATUS_PLACES)),
    () => ({
      anyOf: [
        { type: "string" },
        { type: "array", items: { type: "string" }, minItems: 1, maxItems: MAX_STATUS_PLACES },
      ],
    }),
  );
}

/** A name or an address that stands in `Host`, as it is compared: without a final dot. */
export function hostText(): z.ZodType<string> {
  return parsed(
    (text) => IpAddress.parse(text)?.toString() ?? parseDomain(text)?.slice(0, -1),
    () => false,
  );
}

// deno-lint-ignore no-control-regex -- no path has these on purpose
const PATH = /^[^\x00-\x1f\x7f]+$/;

/** For how long a member may be away before it is removed: milliseconds, `90s`, or not at all. */
export function ephemeralTerm(): z.ZodType<number | "off"> {
  return z.union([
    z.literal("off"),
    z.literal(false).transform(() => "off" as const),
    z.literal(true).transform(() => DEFAULT_EPHEMERAL_MS),
    z.union([z.number(), z.string().transform((text) => parseDurationMs(text) ?? Number(text || NaN))])
      .pipe(z.number().int().min(MIN_EPHEMERAL_MS).max(MAX_EPHEMERAL_MS)),
  ]);
}

/** Where a file or a directory is. */
export function pathText(): z.ZodType<string> {
  return z.string().min(1).max(4000).regex(PATH);
}

/** What a file with the token of the page may be. */
export const TOKEN_FILE: FileRule = {
  schema: pathText,
  rule: "the token is in a file",
  hint:
    "Name a file of one line that only its owner can read, for example --status-token-file /etc/weft/token.",
};
/** The half of a recovery key that seals. The other one must not be in a configuration, nor in a message. */
export const RECOVERY_KEY: FileRule = {
  // Its digest is read where it is used: this folder needs no cryptography.
  schema: () => z.string().regex(/^weft-recovery-key1-[A-Za-z0-9_-]{48}$/),
  rule: "a recovery key that seals is weft-recovery-key1- and 48 letters",
  hint: "`weft recovery-key FILE` makes one and prints it; the secret in that file belongs on no node.",
};
/** What a file with a policy may be. */
export const POLICY_FILE: FileRule = {
  schema: pathText,
  rule: "the policy is in a file",
  hint: "`weft policy init` writes one, for example /etc/weft/policy.yaml.",
};

/** What the table says of a file. */
interface FileRule {
  readonly schema: () => z.ZodType<string>;
  readonly rule: string;
  readonly hint: string;
}

/** On or off, as YAML or a variable says it. */
export function truth(): z.ZodType<boolean> {
  return z.union([
    z.boolean(),
    z.enum(["true", "yes", "1"]).transform(() => true),
    z.enum(["false", "no", "0"]).transform(() => false),
  ]);
}

/** A DNS label (RFC 1123 §2.1), in lower case. */
export function dnsLabel(): z.ZodType<string> {
  return z.string().toLowerCase().regex(NODE_NAME);
}

/** Linux takes 15 bytes without `/` and white space; `:` would make an alias of it, `%` a pattern. */
export function interfaceName(): z.ZodType<string> {
  return z.string().regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,15}$/);
}

/** A label's value: what a selector can name without quotes. */
export function labelValue(): z.ZodType<string> {
  return z.union([
    z.string(),
    z.number().transform(String),
    z.boolean().transform(String),
  ])
    .pipe(z.string().regex(LABEL_VALUE));
}

/** Another server for the names under a suffix. */
export function dnsForward(): z.ZodType<DnsForwardOption> {
  return parsed(
    parseDnsForward,
    (value) => isObjectWith(value, "suffix", "server"),
  );
}

/** How this host's resolver may be pointed at the zone. */
export const RESOLVERS: {
  readonly schema: () => z.ZodType<"auto" | "resolved" | "resolv.conf" | "off">;
  readonly choices: readonly string[];
} = {
  schema: () =>
    z.union([
      z.enum(["auto", "resolved", "resolv.conf", "off"]),
      z.literal(false).transform(() => "off" as const),
    ]),
  choices: ["auto", "resolved", "resolv.conf", "off"],
};

/** A node of the DHT. */
export function dhtBootstrap(): z.ZodType<DhtBootstrapOption> {
  return parsed(
    parseDhtBootstrap,
    (value) => isObjectWith(value, "hostname", "port"),
  );
}

const offer = () =>
  z.union([z.int().transform(String), z.unknown()])
    .pipe(parsed(parseOffer, (value) => isObjectWith(value, "port", "targetPort")));

function isObjectWith(value: unknown, ...names: readonly string[]): boolean {
  return typeof value === "object" && value !== null && names.every((name) => name in value);
}

/** Offers of different ports; a number alone is one. */
export function offerList(): z.ZodType<OfferOption[]> {
  return written(
    z.union([z.number().transform((port) => [String(port)]), z.unknown()])
      .pipe(list(offer()).refine((offers) => new Set(offers.map(({ port }) => port)).size === offers.length)),
    () => {
      const one = [{ type: "integer", minimum: 1, maximum: MAX_PORT }, { type: "string", minLength: 1 }];
      return { anyOf: [...one, { type: "array", items: { anyOf: one }, maxItems: MAX_ITEMS }] };
    },
  );
}

/** A domain name with its final dot. */
export function domainName(): z.ZodType<string> {
  return parsed(parseDomain, () => false);
}

/** One of some words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(
  ...words: Words
): { readonly schema: () => z.ZodType<Words[number]>; readonly choices: readonly string[] } {
  return { schema: () => z.enum(words), choices: words };
}
