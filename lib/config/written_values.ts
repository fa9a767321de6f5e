/**
 * Options that have a form of their own, as people write them: nodes of the DHT, servers of the DNS, offers.
 * @module
 */

import { Endpoint, IpAddress } from "../net/mod.ts";

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
  return hostname !== undefined && port >= 1 && port <= 65_535 ? { hostname, port } : undefined;
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

/** A port of this node in the mesh, and what is behind it. */
export interface OfferOption {
  /** In the mesh, 1 to 65535. */
  readonly port: number;
  /** A name or an address; 127.0.0.1 unless it was said. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly targetPort: number;
}

const DEFAULT_HOST = "127.0.0.1";
// An IPv6 address stands in brackets (RFC 3986 §3.2.2).
const OFFER = /^(\d{1,5})(?:=(?:(\[[0-9a-f:.]+\]|[a-z0-9_.-]{1,253}):)?(\d{1,5}))?$/;

/**
 * Reads `80`, `80=3000`, `80=192.0.2.9:3000` or `80=[::1]:3000`.
 * @returns undefined when it is none of these
 */
export function parseOffer(text: string): OfferOption | undefined {
  const parts = OFFER.exec(text.trim().toLowerCase());
  const port = readPort(parts?.[1]);
  const targetPort = parts?.[3] === undefined ? port : readPort(parts[3]);
  const hostname = readHost(parts?.[2] ?? DEFAULT_HOST);
  if (port === undefined || targetPort === undefined || hostname === undefined) return undefined;
  return { port, hostname, targetPort };
}

function readHost(text: string): string | undefined {
  if (!text.startsWith("[")) return text;
  return IpAddress.parse(text.slice(1, -1))?.toString();
}

function readPort(text: string | undefined): number | undefined {
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : undefined;
}
