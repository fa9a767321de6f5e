/**
 * How options are read: their own types, or the text that stands for them.
 * @module
 */

import { z } from "zod";
import { LABEL_KEY, LABEL_VALUE, NODE_NAME } from "../mesh/bounds.ts";
import { Endpoint } from "../net/mod.ts";
import { DEFAULT_DISCOVERY_PORT } from "./defaults.ts";
import {
  type DhtBootstrapOption,
  type DnsForwardOption,
  type OfferOption,
  parseDhtBootstrap,
  parseDnsForward,
  parseDomain,
  parseOffer,
} from "./written_values.ts";

/** The greatest port of UDP and TCP. */
export const MAX_PORT = 65_535;

/** @returns a schema of values that `parse` makes of text, or that are such values already */
export function parsed<T>(
  parse: (text: string) => T | undefined,
  isOne: (value: unknown) => boolean,
): z.ZodType<T> {
  return z.unknown().transform((value, context): T => {
    const result = isOne(value) ? value as T : typeof value === "string" ? parse(value) : undefined;
    if (result !== undefined) return result;
    context.addIssue({ code: "custom", message: "unreadable" });
    return z.NEVER;
  });
}

/** A whole number, or its digits. */
export function integer(least: number, greatest: number): z.ZodType<number> {
  const text = z.string().regex(/^\d{1,10}$/).transform(Number);
  return z.union([z.number(), text]).pipe(z.number().int().min(least).max(greatest));
}

/** A list, or text with commas. */
export function list<T>(item: z.ZodType<T>): z.ZodType<T[]> {
  const split = z.string().transform((text) => text.split(",").map((part) => part.trim()).filter(Boolean));
  return z.union([split, z.array(z.unknown())]).pipe(z.array(item).max(64));
}

/** `key=value` pairs: a record, or a list of them. @param most how many at most */
export function pairs<T>(value: z.ZodType<T>, most: number): z.ZodType<Record<string, T>> {
  const key = z.string().regex(LABEL_KEY);
  const pair = z.string().regex(/^[^=]+=/).transform((text) => {
    const at = text.indexOf("=");
    return [text.slice(0, at).trim(), text.slice(at + 1).trim()] as const;
  });
  const fromList = list(pair).transform((entries): Record<string, unknown> => Object.fromEntries(entries));
  return z.union([fromList, z.record(z.string(), z.unknown())]).pipe(
    z.record(key, value).refine((record) => Object.keys(record).length <= most),
  );
}

/** Where others can be asked to send. */
export const endpoint: z.ZodType<Endpoint> = parsed(
  (text) => {
    const read = Endpoint.parse(text);
    return read !== undefined && read.port > 0 && !read.address.isUnspecified ? read : undefined;
  },
  (value) => value instanceof Endpoint,
);

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

/** Another server for the names under a suffix. */
export const dnsForward: z.ZodType<DnsForwardOption> = parsed(
  parseDnsForward,
  (value) => isObjectWith(value, "suffix", "server"),
);

/** A node of the DHT. */
export const dhtBootstrap: z.ZodType<DhtBootstrapOption> = parsed(
  parseDhtBootstrap,
  (value) => isObjectWith(value, "hostname", "port"),
);

const offer = parsed(parseOffer, (value) => isObjectWith(value, "port", "targetPort"));

function isObjectWith(value: unknown, ...names: readonly string[]): boolean {
  return typeof value === "object" && value !== null && names.every((name) => name in value);
}

/** Offers of different ports; a number alone is one. */
export const offerList: z.ZodType<OfferOption[]> = z.union([
  z.number().transform((port) => [String(port)]),
  z.unknown(),
]).pipe(list(offer).refine((offers) => new Set(offers.map(({ port }) => port)).size === offers.length));

/** A domain name with its final dot. */
export const domainName: z.ZodType<string> = parsed(parseDomain, () => false);

/** One of some words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(
  ...words: Words
): { readonly schema: z.ZodType<Words[number]>; readonly choices: readonly string[] } {
  return { schema: z.enum(words), choices: words };
}
