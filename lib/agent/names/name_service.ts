/**
 * Names on a running node: the server, what is in its zone, and this host's resolver.
 * @module
 */

import { type Logger, WeftError } from "../../base/mod.ts";
import type { AgentOptions } from "../../config/mod.ts";
import { DomainName, reverseOrigins } from "../../dns/mod.ts";
import {
  HostJournal,
  ownResolver,
  parseResolverConf,
  type PointedResolver,
  pointResolver,
  putBackLeftResolver,
  readHostText,
  RESOLVER_CONF_PATH,
  resolverInUse,
  type ResolverKind,
  type ResolverPlace,
  searchedDomains,
  servedZones,
} from "../../host/mod.ts";
import { Endpoint, IpAddress } from "../../net/mod.ts";
import type { MessageGuard } from "../../policy/mod.ts";
import { type DnsHandle, DnsServer } from "../../nameserver/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { InvalidRequestError } from "../errors.ts";
import type { DnsReport } from "../../api/mod.ts";
import { MemberNameSync } from "./member_name_sync.ts";
import { ServiceNameSync, type ServiceNameSyncParts } from "./service_name_sync.ts";
import { CustomNameSync } from "./custom_name_sync.ts";
import { clashText, forwardsOf, NeighbourZones } from "./neighbour_zones.ts";

/** The only port that a resolv.conf and the configuration of a plain WireGuard device can mean. */
const STANDARD_PORT = 53;
const LOOPBACK = IpAddress.fromBytes(Uint8Array.of(127, 0, 0, 1));

/** Of the time that this host's programs wait for a server, four attempts here take four fifths at most. */
const MAX_ATTEMPT_MS = 1000;
const ATTEMPT_MS_PER_SECOND = 200;

/** Groups of records of one member, by its id; `network leader` is nobody's. */
const MEMBERS_GROUP = /^(?:network|member|service) (?!leader$)(\S+)/;

type Offered = ServiceNameSyncParts["offered"];

/** Why this host does not ask here. */
interface Problem {
  readonly problem: string;
  readonly hint?: string;
}

/** This host's resolver, as far as it may be pointed here. */
export interface FoundResolver {
  /** Undefined for none. */
  readonly place?: ResolverPlace | undefined;
  readonly problem?: Problem;
}

/** The names of one node, while it runs. */
export class NameService {
  readonly handle: DnsHandle;
  readonly members: MemberNameSync;
  readonly custom: CustomNameSync;
  readonly services: ServiceNameSync;
  readonly #mesh: AgentContext["mesh"];
  readonly #unsubscribe: () => void;
  #resolver: PointedResolver | undefined;
  #problem: Problem | undefined;
  #neighbours: NeighbourZones | undefined;

  private constructor(
    { mesh, timers, authority, options, endpoints: { overlay: cidrs } }: AgentContext,
    offered: Offered,
    handle: DnsHandle,
  ) {
    const { replica, roster } = mesh;
    const zone = DomainName.parse(handle.zone) ?? DomainName.root;
    const ttls = { memberSeconds: options.dnsTtlSeconds, serviceSeconds: options.dnsServiceTtlSeconds };
    const sync = { roster, zone, cidrs, sink: handle, ttls };
    this.handle = handle;
    this.#mesh = mesh;
    this.members = new MemberNameSync(sync);
    this.custom = new CustomNameSync({ mesh, handle, authority });
    const isWrittenByLeaders = (name: DomainName): boolean => this.custom.isWrittenByLeaders(name);
    this.services = new ServiceNameSync({ ...sync, timers, offered, authority, isWrittenByLeaders });
    this.members.start();
    this.custom.start();
    this.services.follow();
    this.#unsubscribe = replica.subscribe({
      handleEntryEvent: (event) => {
        this.custom.handleEntryEvent(event);
        this.services.handleEntryEvent(event);
      },
      handleRosterEvent: (event) => {
        this.members.handleRosterEvent(event);
        this.custom.handleRosterEvent(event);
        this.services.followSoon();
      },
    });
  }

  /** Looks for this host's resolver, and puts back what an agent has left there that is gone. The log has what fails. */
  static findResolver(context: AgentContext): FoundResolver {
    const { options: { rootless }, log } = context;
    if (!rootless) putBackLeft(log);
    if (isOff(context.options)) return {};
    try {
      const resolver = resolverOf(context.options);
      return { place: resolver && ownResolver(resolver) };
    } catch (error) {
      return { problem: leaveAlone(error, log) };
    }
  }

  /**
   * Serves the zone, and points the host's resolver at it. A resolver that can't be pointed is left alone, which the log says.
   * @param offered the services whose names are served
   * @param found what `findResolver` has found
   * @returns undefined when names are off, or when they are not asked for and can't be served, which the log says
   * @throws WeftError when they are asked for and can't be served
   */
  static async open(
    context: AgentContext,
    offered: Offered,
    found: FoundResolver = NameService.findResolver(context),
  ): Promise<NameService | undefined> {
    const { options, log } = context;
    if (isOff(options)) return undefined;
    try {
      return await NameService.#open(context, offered, found);
    } catch (error) {
      if (options.dns === "on" || !(error instanceof WeftError)) throw error;
      log.warn("names are not served", { reason: error.message, hint: error.hint });
      return undefined;
    }
  }

  static async #open(
    context: AgentContext,
    offered: Offered,
    { place, problem }: FoundResolver,
  ): Promise<NameService> {
    let handle: DnsHandle;
    try {
      handle = await startServer(context, place?.kind);
    } catch (error) {
      // Port 53 was only for the resolver's sake, and for plain devices.
      if (place?.kind !== "resolv.conf" && !isHub(context)) throw error;
      if (place?.kind === "resolv.conf") {
        problem = leaveAlone(error, context.log);
        place = undefined;
      } else context.log.warn("plain devices are not answered on port 53", { reason: String(error) });
      handle = await startServer(context, place?.kind, context.options.dnsPorts);
    }
    const service = new NameService(context, offered, handle);
    const unheeded = service.custom.unheeded();
    if (unheeded.length > 0) {
      context.log.warn("names that this node has added are not served: it was not granted them", {
        names: unheeded.join(" "),
        hint: "On a leader: weft grant add, or weft dns add; weft dns remove takes them back here.",
      });
    }
    const pointHere = async () => {
      service.#resolver ??= await point(context, place, handle);
    };
    // It is another agent's of this host, who asks here for the names of the zone.
    const isNeighbours = () => service.#neighbours?.resolvingInterface !== undefined;
    if (!context.options.rootless) service.#follow(context, { resolver: place?.kind, takeOver: pointHere });
    try {
      if (!isNeighbours()) await pointHere();
    } catch (error) {
      problem = leaveAlone(error, context.log);
    }
    service.#problem = problem;
    service.#neighbours?.start();
    return service;
  }

  #follow(
    context: AgentContext,
    how: { readonly resolver: ResolverKind | undefined; readonly takeOver: () => Promise<void> },
  ): void {
    this.#neighbours = new NeighbourZones({
      ...context,
      ...how,
      handle: this.handle,
      resolverConf: readHostText(RESOLVER_CONF_PATH),
      reverseZones: context.endpoints.overlay.flatMap(reverseOrigins).map(String),
      takeOver: async () => {
        try {
          await how.takeOver();
          this.#problem = undefined;
        } catch (error) {
          context.log.debug("cannot point this host's resolver here", { error });
        }
      },
    });
  }

  /**
   * Keeps the names of members, their addresses' pointers and their services from those who may reach nothing of them: this
   * host, plain devices whose hub it is, and members that ask here.
   */
  async hideBy(policy: Pick<MessageGuard, "hidesNames" | "maySee">): Promise<void> {
    const { roster, identity } = this.#mesh;
    const own = new Set(this.handle.endpoints.map(({ address }) => address.toString()));
    await this.handle.hideFrom(
      !policy.hidesNames ? undefined : (source) => {
        const isOwn = source.isLoopback || own.has(source.toString());
        const asker = isOwn ? identity.id : roster.holderOfAddress(source)?.nodeId ?? "";
        return (group) => {
          const [, nodeId = ""] = MEMBERS_GROUP.exec(group) ?? [];
          return nodeId !== "" && !policy.maySee(asker, nodeId);
        };
      },
    );
  }

  /** @returns what the status says of names */
  report(): DnsReport {
    const { zone, endpoints, sockets } = this.handle;
    const { clash, resolvingInterface: via } = this.#neighbours ?? {};
    const counters = Object.entries(this.handle.counters()).filter(([, count]) => count > 0);
    return {
      zone,
      endpoints: endpoints.map(String),
      sockets,
      resolver: this.#resolver?.kind ?? (via === undefined ? "off" : "resolv.conf"),
      ...clash === undefined ? this.#problem : {
        problem: clashText(clash, zone),
        hint: "Give one of them another with --dns-zone, for example --dns-zone lab.internal.",
      },
      upstreams: this.handle.upstreams().map(({ suffix, server, state }) => ({
        suffix: `${suffix}`,
        server: `${server}`,
        state,
      })),
      counters: Object.fromEntries(counters),
    };
  }

  /** Puts the resolver back, then stops the server. @throws HostError when the resolver can't be put back */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#neighbours?.[Symbol.dispose]();
    this.services.close();
    try {
      await this.#resolver?.revert();
    } finally {
      await this.handle.stop();
    }
  }
}

function isOff({ dns, rootless }: AgentOptions): boolean {
  return dns === "off" || (dns === "auto" && rootless);
}

/** @returns why, which the log says too */
function leaveAlone(error: unknown, log: Logger): Problem {
  const hint = error instanceof WeftError ? error.hint : undefined;
  const problem = error instanceof WeftError ? error.message : String(error);
  log.warn("this host's resolver is left alone", { reason: problem, hint });
  return { problem, ...hint !== undefined && { hint } };
}

/** @returns which resolver of this host is to be pointed; without an interface only the next start would take it back */
function resolverOf({ rootless, dnsResolver }: AgentOptions): ResolverKind | undefined {
  if (rootless || dnsResolver === "off") return undefined;
  return dnsResolver === "auto" ? resolverInUse() : dnsResolver;
}

/** What an agent has left that is gone, whichever it was: it points to nobody. */
function putBackLeft(log: Logger): void {
  try {
    if (putBackLeftResolver()) {
      log.info("this host's resolver is put back: an agent that is gone had left it");
    }
  } catch (error) {
    const hint = error instanceof WeftError ? error.hint : undefined;
    log.warn("this host's resolver can't be put back, which an agent has left that is gone", { error, hint });
  }
}

/** Whether plain devices have this node as their hub: they know one port of a name server. */
function isHub({ mesh, options: { rootless } }: AgentContext): boolean {
  return !rootless && mesh.roster.liveRecords().some(({ hub }) => hub === mesh.identity.id);
}

async function startServer(
  context: AgentContext,
  resolver: ResolverKind | undefined,
  given?: readonly number[],
): Promise<DnsHandle> {
  const { mesh, options, endpoints: { overlay: cidrs }, log } = context;
  const { rootless, dnsPorts } = options;
  const addresses = rootless ? [LOOPBACK] : mesh.record.addresses;
  const hasStandardPort = resolver === "resolv.conf" || isHub(context);
  const ports = new Set(given ?? (hasStandardPort ? [...dnsPorts, STANDARD_PORT] : dnsPorts));
  const resolverConf = readHostText(RESOLVER_CONF_PATH);
  const conf = parseResolverConf(resolverConf);
  const attemptTimeoutMs = Math.min(MAX_ATTEMPT_MS, ATTEMPT_MS_PER_SECOND * conf.timeoutSeconds);
  const server = new DnsServer({
    zone: options.dnsZone,
    cidrs,
    name: mesh.record.name,
    listen: [...ports].flatMap((port) => addresses.map((address) => new Endpoint(address, port))),
    // A packet for the overlay address that came another way has another source.
    clients: cidrs,
    forward: forwardsOf(options, {
      own: addresses,
      neighbours: rootless ? [] : servedZones(),
      resolver,
      resolverConf,
      zone: options.dnsZone,
    }),
    // Programs with a library node need not let it ask for the host's name.
    searched: searchedDomains(conf, rootless ? "" : Deno.hostname()),
    limits: { forward: { attemptTimeoutMs } },
    // Neither calls foreign functions.
    sockets: rootless || options.dataplane === "portable" ? "portable" : "auto",
  }, log);
  return await server.start();
}

async function point(
  { options, store, endpoints }: AgentContext,
  place: ResolverPlace | undefined,
  handle: DnsHandle,
): Promise<PointedResolver | undefined> {
  if (place === undefined) return undefined;
  const port = place.kind === "resolv.conf" ? STANDARD_PORT : options.dnsPorts[0];
  return await pointResolver(place, {
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
