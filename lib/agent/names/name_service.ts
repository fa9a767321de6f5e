/**
 * Names on a running node: the server, what is in its zone, and this host's resolver.
 * @module
 */

import { type StateStore, WeftError } from "../../base/mod.ts";
import type { AgentOptions } from "../../config/mod.ts";
import { absoluteName, DomainName, formatRecord, reverseOrigins } from "../../dns/mod.ts";
import {
  HostJournal,
  type PointedResolver,
  pointResolver,
  readHostText,
  RESOLVER_CONF_PATH,
  resolverInUse,
  type ResolverKind,
  upstreamServers,
} from "../../host/mod.ts";
import type { MeshState, NodeId } from "../../mesh/mod.ts";
import { Endpoint, IpAddress } from "../../net/mod.ts";
import { type DnsForward, type DnsHandle, DnsServer } from "../../nameserver/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { InvalidRequestError } from "../errors.ts";
import type { DnsReport } from "../report.ts";
import { MemberNameSync } from "./member_name_sync.ts";
import { ServiceNameSync, type ServiceNameSyncParts } from "./service_name_sync.ts";
import { SharedNames, type SharedNamesParts } from "./shared_names.ts";

/** The only port that a resolv.conf can mean. */
const STANDARD_PORT = 53;
const LOOPBACK = IpAddress.fromBytes(Uint8Array.of(127, 0, 0, 1));

/** What a node's names are made of. */
export interface NameServiceParts extends AgentContext {
  /** Remembers how the host's resolver was. */
  readonly store: StateStore;
  /** The services whose names are served. */
  readonly offered: ServiceNameSyncParts["offered"];
}

/** How the server and the resolver are to be; the plan of what `open` then does. */
interface NamePlan {
  readonly listen: readonly Endpoint[];
  readonly resolver: ResolverKind | undefined;
  readonly forward: readonly DnsForward[];
}

/** The names of one node, while it runs. */
export class NameService {
  readonly handle: DnsHandle;
  readonly shared: SharedNames;
  readonly services: ServiceNameSync;
  readonly #members: MemberNameSync;
  readonly #unsubscribe: () => void;
  #resolver: PointedResolver | undefined;
  #problem: string | undefined;

  private constructor(parts: NameServiceParts, handle: DnsHandle) {
    const { mesh, timers, offered, endpoints: { overlay: cidrs } } = parts;
    const { replica, roster, network: { id: networkId } } = mesh;
    const zone = DomainName.parse(handle.zone) ?? DomainName.root;
    this.handle = handle;
    this.#members = new MemberNameSync({ roster, zone, cidrs, sink: handle });
    this.shared = new SharedNames({ replica, handle, zone, networkId, author: () => authorOf(mesh) });
    this.services = new ServiceNameSync({ roster, zone, cidrs, timers, sink: handle, offered });
    this.#members.start();
    this.shared.start();
    this.services.follow();
    this.#unsubscribe = replica.subscribe({
      handleEntryEvent: (event) => this.shared.handleEntryEvent(event),
      handleRosterEvent: (event) => {
        this.#members.handleRosterEvent(event);
        this.shared.handleRosterEvent(event);
        this.services.followSoon();
      },
    });
  }

  /**
   * Serves the zone, and points the host's resolver at it. A resolver that can't be pointed is left alone, which the log says.
   * @returns undefined when names are off, or when they are not asked for and can't be served, which the log says
   * @throws WeftError when they are asked for and can't be served
   */
  static async open(parts: NameServiceParts): Promise<NameService | undefined> {
    const { options: { dns, rootless }, log } = parts;
    if (dns === "off" || (dns === "auto" && rootless)) return undefined;
    try {
      return await NameService.#open(parts);
    } catch (error) {
      if (dns === "on" || !(error instanceof WeftError)) throw error;
      log.warn("names are not served", { reason: error.message, hint: error.hint });
      return undefined;
    }
  }

  static async #open(parts: NameServiceParts): Promise<NameService> {
    let problem: string | undefined;
    const leaveAlone = (error: unknown): void => {
      problem = error instanceof WeftError ? error.message : String(error);
      parts.log.warn("this host's resolver is left alone", { reason: problem });
    };
    let plan = makePlan(parts, parts.options.dnsResolver);
    let handle: DnsHandle;
    try {
      handle = await startServer(parts, plan);
    } catch (error) {
      // Port 53 was only for the resolver's sake.
      if (plan.resolver !== "resolv.conf") throw error;
      leaveAlone(error);
      plan = makePlan(parts, "off");
      handle = await startServer(parts, plan);
    }
    const service = new NameService(parts, handle);
    try {
      service.#resolver = await point(parts, plan, handle);
    } catch (error) {
      leaveAlone(error);
    }
    service.#problem = problem;
    return service;
  }

  /** Follows who is the elected leader. */
  handleElection(elected: NodeId | undefined): void {
    this.#members.handleElection(elected);
  }

  /** Removes what this node has added: of a name everything, or with a type or data less. @returns how many records */
  remove(name: string, type?: string, data?: string): number {
    const zone = DomainName.parse(this.handle.zone) ?? DomainName.root;
    const owner = absoluteName(zone, name);
    if (owner === undefined) return 0;
    const written = type === undefined || data === undefined
      ? data
      : formatRecord(this.handle.parse({ name, type, data })).data;
    return this.shared.remove(owner, (record) =>
      (type === undefined || record.type === type.toUpperCase()) &&
      (written === undefined || record.data === written));
  }

  /** @returns what the status says of names */
  report(): DnsReport {
    const { zone, endpoints, sockets } = this.handle;
    const counters = Object.entries(this.handle.counters()).filter(([, count]) => count > 0);
    return {
      zone,
      endpoints: endpoints.map(String),
      sockets,
      resolver: this.#resolver?.kind ?? "off",
      ...this.#problem === undefined ? {} : { problem: this.#problem },
      counters: Object.fromEntries(counters),
    };
  }

  /** Puts the resolver back, then stops the server. @throws HostError when the resolver can't be put back */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.services.close();
    try {
      await this.#resolver?.revert();
    } finally {
      await this.handle.stop();
    }
  }
}

/** A member may have become a leader since it was asked last. */
function authorOf({ network, identity }: MeshState): ReturnType<SharedNamesParts["author"]> {
  return network.signingKey === undefined
    ? { origin: identity.id, signingKey: identity.signingKey }
    : { origin: network.id, signingKey: network.signingKey };
}

function makePlan({ mesh, options }: NameServiceParts, wanted: AgentOptions["dnsResolver"]): NamePlan {
  const { rootless, dnsPorts } = options;
  const addresses = rootless ? [LOOPBACK] : mesh.record.addresses;
  // Without an interface nobody would take the resolver back after a crash but the next start.
  const resolver = rootless || wanted === "off" ? undefined : wanted === "auto" ? resolverInUse() : wanted;
  const ports = new Set(resolver === "resolv.conf" ? [...dnsPorts, STANDARD_PORT] : dnsPorts);
  const listen = [...ports].flatMap((port) => addresses.map((address) => new Endpoint(address, port)));
  return { listen, resolver, forward: forwardsOf(options, addresses, resolver) };
}

/** A host whose resolver asks here first needs the rest of the names as well. */
function forwardsOf(
  { dnsForward }: AgentOptions,
  own: readonly IpAddress[],
  resolver: ResolverKind | undefined,
): readonly DnsForward[] {
  const hasRoot = dnsForward.some(({ suffix }) => suffix === ".");
  const rest = { suffix: ".", server: "system" } as const;
  const rules = resolver === "resolv.conf" && !hasRoot ? [...dnsForward, rest] : dnsForward;
  const system = upstreamServers(readHostText(RESOLVER_CONF_PATH), own);
  const servers = new Map<string, Endpoint[]>();
  for (const { suffix, server } of rules) {
    servers.set(suffix, [...servers.get(suffix) ?? [], ...server === "system" ? system : [server]]);
  }
  return [...servers].map(([suffix, servers]) => ({ suffix, servers }));
}

async function startServer(
  { mesh, options, endpoints: { overlay: cidrs }, log }: NameServiceParts,
  plan: NamePlan,
): Promise<DnsHandle> {
  const server = new DnsServer({
    zone: options.dnsZone,
    cidrs,
    name: mesh.record.name,
    listen: plan.listen,
    // A packet for the overlay address that came another way has another source.
    clients: cidrs,
    forward: plan.forward,
    // Neither calls foreign functions.
    sockets: options.rootless || options.dataplane === "portable" ? "portable" : "auto",
  }, log);
  return await server.start();
}

async function point(
  { options, store, endpoints }: NameServiceParts,
  { resolver }: NamePlan,
  handle: DnsHandle,
): Promise<PointedResolver | undefined> {
  if (resolver === undefined) return undefined;
  const port = resolver === "resolv.conf" ? STANDARD_PORT : options.dnsPorts[0];
  return await pointResolver(resolver, {
    zone: options.dnsZone,
    otherZones: endpoints.overlay.flatMap(reverseOrigins).map(String),
    servers: handle.endpoints.filter((endpoint) => endpoint.port === port),
    interfaceName: options.interfaceName,
  }, new HostJournal(store));
}

/** @throws InvalidRequestError when names are off */
export function namesOf(service: NameService | undefined): NameService {
  if (service !== undefined) return service;
  throw new InvalidRequestError("Cannot do that: this node serves no names", {
    hint: "Start it with --dns on; its log says why they are off.",
  });
}
