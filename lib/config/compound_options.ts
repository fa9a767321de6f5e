/**
 * Options that one text tells in several parts: hosts by name, nodes of the DHT, servers for names, ranges of ports, and
 * offers.
 * @module
 */

import * as z from "zod";
import { isPrintable } from "../base/mod.ts";
import { Endpoint, IpAddress } from "../net/mod.ts";

/** The greatest port of UDP and TCP. */
export const MAX_PORT = 65_535;

/** A selector of members, one line; it is read where members are known. */
export function selectorText(): z.ZodType<string> {
  return z.string().trim().min(1).max(1_024).refine(isPrintable);
}

/** Where a node is, by the name of a host. */
export interface NamedEndpointOption {
  /** As the host's resolver knows it. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly port: number;
}

/**
 * Reads `gw.example.com:51820`. Names of hosts have letters, digits and hyphens (RFC 1123 §2.1); what ends with a number is
 * an address, or none.
 * @returns undefined when it is none
 */
export function parseNamedEndpoint(text: string): NamedEndpointOption | undefined {
  const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
  const [, hostname, port] =
    new RegExp(`^((?:${label}\\.)*(?!\\d+\\.?:)${label}\\.?):([1-9]\\d{0,4})$`, "i").exec(text) ?? [];
  if (hostname === undefined || hostname.length > 253 || Number(port) > MAX_PORT) return undefined;
  return { hostname: hostname.toLowerCase(), port: Number(port) };
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
  const allow = whom === undefined ? undefined : selectorText().safeParse(whom);
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
