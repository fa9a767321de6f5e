/**
 * The text of /etc/resolv.conf (resolv.conf(5)).
 * @module
 */

import { Endpoint, IpAddress } from "../../net/mod.ts";

/** The C library looks at the first three name servers (resolv.h, MAXNS). */
const MAX_SERVERS = 3;
const DNS_PORT = 53;
/**
 * musl passes over lines that are longer, and glibc before 2.26 cuts them (resolv.conf(5), `search`). That glibc takes
 * six domains, too, of which the last go first, as they should.
 */
const MAX_LINE_BYTES = 255;
/** How long resolvers wait for a server (RES_TIMEOUT), and how long they may be told to (RES_MAXRETRANS). */
const DEFAULT_TIMEOUT_SECONDS = 5;
const MAX_TIMEOUT_SECONDS = 30;
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
  /** How long programs wait for one server. */
  readonly timeoutSeconds: number;
  /** All other lines, as they stand. */
  readonly rest: readonly string[];
  /** Whether weft has written it. */
  readonly isOwn: boolean;
}

/** Reads a resolv.conf; what makes no sense is passed over, as the C library does. */
export function parseResolverConf(text: string): ResolverConf {
  const servers: IpAddress[] = [];
  let search: readonly string[] = [];
  let timeoutSeconds = DEFAULT_TIMEOUT_SECONDS;
  const rest: string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line.split(/[ \t\r]+/);
    if (keyword === "nameserver") {
      // A zone (fe80::1%eth0) makes an address of one link only.
      const address = IpAddress.parse(words[0] ?? "");
      if (address !== undefined) servers.push(address);
    } else if (keyword === "search" || keyword === "domain") {
      const domains = words.filter((word) => word !== "");
      // resolv.conf(5): the last of them holds; one without a domain is none.
      if (domains.length > 0) search = keyword === "domain" ? domains.slice(0, 1) : domains;
    } else if (line !== "" && !line.startsWith("#") && !line.startsWith(";")) {
      rest.push(line);
      if (keyword === "options") timeoutSeconds = timeoutOf(words) ?? timeoutSeconds;
    }
  }
  return { servers, search, timeoutSeconds, rest, isOwn: text.startsWith(MARK) };
}

/** @returns the domains that are searched: those of the file, else that of the host's name (resolv.conf(5), `search`) */
export function searchedDomains({ search }: ResolverConf, hostname: string): readonly string[] {
  if (search.length > 0) return search;
  return hostname.includes(".") ? [hostname.slice(hostname.indexOf(".") + 1)] : [];
}

/**
 * The file that asks weft first; the former servers follow for when weft is gone. The zone is searched first: a short
 * name that it has is asked of nobody else.
 * @param original what stands there now
 * @param settings whose servers all listen on port 53, because the file has no ports
 * @param hostname whose domain is searched when the file names none
 * @param trailer comments at the end
 */
export function resolverConfText(
  original: string,
  settings: ResolverSettings,
  hostname: string,
  trailer: readonly string[] = [],
): string {
  const conf = parseResolverConf(original);
  const zone = settings.zone.replace(/\.$/, "");
  const own = settings.servers.map(({ address }) => address).slice(0, 1);
  const others = conf.servers.filter((server) => !own.some((each) => each.equals(server)));
  const { line, leftOut } = searchLine(zone, searchedDomains(conf, hostname));
  return [
    `${MARK} for ${settings.interfaceName}: it answers the names of ${zone} and asks the other servers for the rest.`,
    "# What stood here before comes back when weft stops, when any weft starts after a crash, or by `weft cleanup`.",
    ...leftOut.length === 0 ? [] : [`# Too long to be searched as well: ${leftOut.join(" ")}`],
    ...[...own, ...others].slice(0, MAX_SERVERS).map((server) => `nameserver ${server}`),
    line,
    ...conf.rest,
    ...trailer,
    "",
  ].join("\n");
}

/** A list that every C library could read stays one. */
function searchLine(
  zone: string,
  searched: readonly string[],
): { readonly line: string; readonly leftOut: readonly string[] } {
  const plain = (name: string): string => name.toLowerCase().replace(/(?<=.)\.$/, "");
  const others = searched.filter((each) => plain(each) !== plain(zone));
  const lineOf = (domains: readonly string[]): string => ["search", zone, ...domains].join(" ");
  let count = others.length;
  if (["search", ...searched].join(" ").length <= MAX_LINE_BYTES) {
    while (count > 0 && lineOf(others.slice(0, count)).length > MAX_LINE_BYTES) count--;
  }
  return { line: lineOf(others.slice(0, count)), leftOut: others.slice(count) };
}

/** @returns the servers of a resolv.conf as endpoints, those of weft itself left out */
export function upstreamServers(text: string, own: readonly IpAddress[]): readonly Endpoint[] {
  return parseResolverConf(text).servers
    .filter((server) => !own.some((each) => each.equals(server)))
    .map((server) => new Endpoint(server, DNS_PORT));
}

function timeoutOf(options: readonly string[]): number | undefined {
  const seconds = options.map((option) => /^timeout:(\d+)$/.exec(option)?.[1]).findLast((each) => each);
  return seconds === undefined ? undefined : Math.min(MAX_TIMEOUT_SECONDS, Math.max(1, Number(seconds)));
}
