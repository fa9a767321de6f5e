/**
 * The text of /etc/resolv.conf (resolv.conf(5)).
 * @module
 */

import { Endpoint, IpAddress } from "../../net/mod.ts";

/** The C library looks at the first three name servers (resolv.h, MAXNS). */
const MAX_SERVERS = 3;
const DNS_PORT = 53;
/** By this line weft knows its own file again, whoever's agent has written it. */
const MARK = "# Written by weft";

/** Which names the host asks a node for, and where. */
export interface ResolverSettings {
  /** The zone, with or without its final dot. */
  readonly zone: string;
  /** Further zones that the servers know, such as those of addresses. */
  readonly otherZones: readonly string[];
  /** Where the zone is answered. */
  readonly servers: readonly Endpoint[];
  /** The interface by whose coming and going the settings come and go. */
  readonly interfaceName: string;
}

/** The settings of a resolv.conf that weft reads (resolv.conf(5)). */
export interface ResolverConf {
  readonly servers: readonly IpAddress[];
  readonly search: readonly string[];
  /** All other lines, as they stand. */
  readonly rest: readonly string[];
  /** Whether weft has written it. */
  readonly isOwn: boolean;
}

/** Reads a resolv.conf; what makes no sense is passed over, as the C library does. */
export function parseResolverConf(text: string): ResolverConf {
  const servers: IpAddress[] = [];
  let search: readonly string[] = [];
  const rest: string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line.split(/[ \t]+/);
    if (keyword === "nameserver") {
      // A zone (fe80::1%eth0) makes an address of one link only.
      const address = IpAddress.parse(words[0] ?? "");
      if (address !== undefined) servers.push(address);
    } else if (keyword === "search" || keyword === "domain") {
      // resolv.conf(5): the last of them holds.
      search = keyword === "domain" ? words.slice(0, 1) : words.filter((word) => word !== "");
    } else if (line !== "" && !line.startsWith("#") && !line.startsWith(";")) rest.push(line);
  }
  return { servers, search, rest, isOwn: text.startsWith(MARK) };
}

/**
 * @param original what stands there now
 * @param settings whose servers all listen on port 53, because the file has no ports
 * @param hostname whose domain is searched when the file names none (resolv.conf(5), `search`)
 * @returns the file that asks weft first; the former servers follow for when weft is gone
 */
export function resolverConfText(original: string, settings: ResolverSettings, hostname: string): string {
  const { servers, search, rest } = parseResolverConf(original);
  const zone = settings.zone.replace(/\.$/, "");
  const domain = hostname.slice(hostname.indexOf(".") + 1);
  const searched = search.length > 0 ? search : hostname.includes(".") ? [domain] : [];
  const own = settings.servers.map(({ address }) => address).slice(0, 1);
  const others = servers.filter((server) => !own.some((each) => each.equals(server)));
  return [
    `${MARK} for ${settings.interfaceName}: it answers the names of ${zone} and asks the other servers for the rest.`,
    "# What stood here before comes back when weft stops, when it starts again after a crash, or by `weft cleanup`.",
    ...[...own, ...others].slice(0, MAX_SERVERS).map((server) => `nameserver ${server}`),
    `search ${[...searched.filter((each) => each !== zone), zone].join(" ")}`,
    ...rest,
    "",
  ].join("\n");
}

/** @returns the servers of a resolv.conf as endpoints, those of weft itself left out */
export function upstreamServers(text: string, own: readonly IpAddress[]): readonly Endpoint[] {
  return parseResolverConf(text).servers
    .filter((server) => !own.some((each) => each.equals(server)))
    .map((server) => new Endpoint(server, DNS_PORT));
}
