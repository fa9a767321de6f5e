/**
 * Names and servers of the DNS, as they are configured.
 * @module
 */

import { Endpoint, IpAddress } from "../net/mod.ts";

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
