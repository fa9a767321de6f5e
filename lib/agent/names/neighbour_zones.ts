/**
 * The zones of other agents of this host: two networks side by side, each with names of its own. Whoever's server the
 * host's resolver asks, asks the others for theirs, and when it is gone, the next one takes its place.
 * @module
 */

import { type Environment, repeat } from "../../base/mod.ts";
import type { AgentOptions } from "../../config/mod.ts";
import {
  parseResolverConf,
  publishServedZone,
  readHostText,
  RESOLVER_CONF_PATH,
  type ResolverKind,
  type ServedZone,
  servedZones,
  upstreamServers,
} from "../../host/mod.ts";
import type { IpAddress } from "../../net/mod.ts";
import type { DnsForward, DnsHandle } from "../../nameserver/mod.ts";

/** How often the others are looked at, in milliseconds. */
const LOOK_MS = 2_000;

/** What a server of names needs of its node for that. */
export interface NeighbourZonesParts extends Pick<Environment, "timers" | "log"> {
  readonly handle: Pick<DnsHandle, "followForwards" | "endpoints" | "zone">;
  readonly options: Pick<AgentOptions, "dnsForward" | "dnsPorts" | "interfaceName">;
  /** How this host's resolver is pointed, or would be. */
  readonly resolver: ResolverKind | undefined;
  /** What it said before. */
  readonly resolverConf: string;
  /** Zones of addresses. */
  readonly reverseZones: readonly string[];
  /** Points the resolver here, which another agent has let go. */
  takeOver(): Promise<void>;
}

/** Follows the other agents, and lets them follow this one. */
export class NeighbourZones implements Disposable {
  readonly #parts: NeighbourZonesParts;
  #endLooking: () => void = () => {};
  #unpublish: () => void = () => {};
  #seen = "[]";
  #neighbours: readonly ServedZone[] = [];
  #isTakingOver = false;

  constructor(parts: NeighbourZonesParts) {
    this.#parts = parts;
    const { handle, options, reverseZones, log } = parts;
    // Others ask where it is answered by the host's resolver, too.
    const servers = handle.endpoints.filter(({ port }) => port === options.dnsPorts[0]);
    try {
      this.#unpublish = publishServedZone({
        zones: [handle.zone, ...reverseZones],
        servers,
        interfaceName: options.interfaceName,
      });
    } catch (error) {
      log.debug("other agents of this host are not told of the zone", { error });
    }
    this.#follow();
  }

  /** Looks at the others from now on, and takes the resolver over when nobody has it. */
  start(): void {
    this.#endLooking = repeat(
      this.#parts,
      { intervalMs: LOOK_MS, problem: "cannot follow other zones" },
      () => this.look(),
    );
  }

  /** The one by whose server the host's resolver asks here, where that is another agent's. */
  get resolvingInterface(): string | undefined {
    if (this.#parts.resolver !== "resolv.conf" || this.clash !== undefined) return undefined;
    const { servers: [first], isOwn } = parseResolverConf(readHostText(RESOLVER_CONF_PATH));
    if (!isOwn || first === undefined) return undefined;
    return this.#neighbours.find(({ servers }) => servers.some(({ address }) => address.equals(first)))
      ?.interfaceName;
  }

  /** Another agent that serves the zone of this name: only one of them can be asked. */
  get clash(): ServedZone | undefined {
    return this.#neighbours.find(({ zones: [zone] }) => zone === this.#parts.handle.zone);
  }

  /** Looks at the others once. */
  look(): void {
    this.#follow();
    void this.#takeOver();
  }

  #follow(): void {
    const neighbours = servedZones();
    const seen = JSON.stringify(neighbours.map(({ zones, servers }) => [zones, servers.map(String)]));
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#neighbours = neighbours;
      const { options, handle, resolver, resolverConf } = this.#parts;
      const own = handle.endpoints.map(({ address }) => address);
      handle.followForwards(
        forwardsOf(options, { own, neighbours, resolver, resolverConf, zone: handle.zone }),
      );
      if (this.clash !== undefined) this.#parts.log.warn(clashText(this.clash, handle.zone));
    }
  }

  [Symbol.dispose](): void {
    this.#endLooking();
    this.#unpublish();
  }

  async #takeOver(): Promise<void> {
    if (this.#isTakingOver || this.#parts.resolver !== "resolv.conf") return;
    if (parseResolverConf(readHostText(RESOLVER_CONF_PATH)).isOwn) return;
    this.#isTakingOver = true;
    try {
      await this.#parts.takeOver();
    } finally {
      this.#isTakingOver = false;
    }
  }
}

/** @returns what is wrong when two agents of a host serve one zone */
export function clashText({ interfaceName }: ServedZone, zone: string): string {
  return `the network on ${interfaceName} has the zone ${zone} too: its names hide this one's, or these hide those`;
}

/** A host whose resolver asks here first needs the rest of the names as well. */
export function forwardsOf(
  { dnsForward }: Pick<AgentOptions, "dnsForward">,
  { own, neighbours, resolver, resolverConf, zone }: {
    readonly own: readonly IpAddress[];
    readonly neighbours: readonly ServedZone[];
    readonly resolver: ResolverKind | undefined;
    readonly resolverConf: string;
    readonly zone: string;
  },
): readonly DnsForward[] {
  const hasRoot = dnsForward.some(({ suffix }) => suffix === ".");
  const rest = { suffix: ".", server: "system" } as const;
  const rules = resolver === "resolv.conf" && !hasRoot ? [...dnsForward, rest] : dnsForward;
  // Two agents that ask each other for the rest would go on for ever.
  const others = neighbours.flatMap(({ servers }) => servers.map(({ address }) => address));
  const system = upstreamServers(resolverConf, [...own, ...others]);
  const said = [...Map.groupBy(rules, ({ suffix }) => suffix)].map(([suffix, group]) => ({
    suffix,
    servers: group.flatMap(({ server }) => server === "system" ? system : [server]),
  }));
  const suffixes = new Set(said.map(({ suffix }) => suffix));
  const theirs = neighbours.flatMap(({ zones, servers }) => zones.map((suffix) => ({ suffix, servers })))
    .filter(({ suffix }) => suffix !== zone && !suffixes.has(suffix));
  // Of two that have one zone of addresses, the first is asked.
  return [...said, ...new Map(theirs.toReversed().map((each) => [each.suffix, each])).values()];
}
