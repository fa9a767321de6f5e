/**
 * The names of services in the zone, which follow what healthy nodes offer.
 * @module
 */

import type { Timers } from "../../base/mod.ts";
import { type DomainName, nodeLabel, RECORD_RANK, serviceLabel, serviceRecords } from "../../dns/mod.ts";
import { type EntryEvent, GRANT_ENTRY_KIND, isReservedName, type NodeId } from "../../mesh/mod.ts";
import { type AdvertisedService, DEFAULT_TOPIC_NETWORK, TopicPath } from "../../service/mod.ts";
import type { Authority } from "../authority/mod.ts";
import { NAME_ENTRY_KIND } from "../name_entry.ts";
import type { NameSyncParts } from "./member_name_sync.ts";

/** Several changes that come together are followed once. */
const PAUSE_MS = 20;
/** RFC 6335 §5.1: at most 15 letters, digits and inner hyphens. */
const PROTOCOL_NAME = /^[A-Za-z0-9]([A-Za-z0-9-]{0,13}[A-Za-z0-9])?$/;

/** A service that a node offers. */
export interface OfferedService {
  readonly nodeId: NodeId;
  readonly service: AdvertisedService;
  /** Whether the node answers, as far as is known. */
  readonly isHealthy: boolean;
}

/** Whose services, in which zone. */
export interface ServiceNameSyncParts extends NameSyncParts {
  readonly timers: Timers;
  readonly authority: Pick<Authority, "mayOffer" | "isGranted">;
  /** Everything that is offered, by this node too. */
  offered(): readonly OfferedService[];
  /** Whether leaders have added a name to the zone. */
  isWrittenByLeaders(name: DomainName): boolean;
}

/** A service that may have names, and the label of its path. */
interface LabelledService {
  readonly nodeId: NodeId;
  readonly service: AdvertisedService;
  readonly path: TopicPath;
  readonly label: string;
  readonly isGranted: boolean;
}

/**
 * Keeps a group of records for each service of a node that runs, has a port, is healthy and may be offered: none for a
 * label that is reserved or another member's name, or that leaders have added a record of. `web` alone leads to those only
 * that a leader or a token let offer `web`: whoever is the first to ask for a path has `_http._tcp.web` and no more.
 */
export class ServiceNameSync {
  readonly #parts: ServiceNameSyncParts;
  /** What each group was last made of. */
  readonly #groups = new Map<string, string>();
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: ServiceNameSyncParts) {
    this.#parts = parts;
  }

  /** Something may have changed: an advert, a verdict, a name. */
  followSoon(): void {
    if (this.#cancel !== undefined || this.#isClosed) return;
    this.#cancel = this.#parts.timers.setTimer(PAUSE_MS, () => {
      this.#cancel = undefined;
      this.follow();
    });
  }

  /** What leaders have added, or what all may do, has changed perhaps. */
  handleEntryEvent({ kind }: EntryEvent): void {
    if (kind === NAME_ENTRY_KIND || kind === GRANT_ENTRY_KIND) this.followSoon();
  }

  /** Brings the records in line with what is offered. */
  follow(): void {
    const { zone, sink, ttls, offered } = this.#parts;
    const seen = new Set<string>();
    for (const labelled of onePathEach(offered().flatMap((each) => this.#labelled(each)))) {
      const group = `service ${labelled.nodeId} ${labelled.path}`;
      const instance = this.#instance(labelled);
      if (instance === undefined || seen.has(group)) continue;
      seen.add(group);
      const { node, addresses, port, protocol, transport, hasBareName, text } = instance;
      const madeOf = JSON.stringify([
        node,
        addresses.map(String),
        port,
        protocol,
        transport,
        hasBareName,
        text,
      ]);
      if (this.#groups.get(group) === madeOf) continue;
      this.#groups.set(group, madeOf);
      sink.setRecords(group, RECORD_RANK.service, serviceRecords(zone, instance, ttls?.serviceSeconds));
    }
    for (const group of this.#groups.keys()) {
      if (seen.has(group)) continue;
      this.#groups.delete(group);
      sink.setRecords(group, RECORD_RANK.service, []);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  /** @returns none when it is not there, or its path gives no name that a member could have */
  #labelled({ nodeId, service, isHealthy }: OfferedService): LabelledService[] {
    const { authority, roster, zone, isWrittenByLeaders } = this.#parts;
    const { state, port } = service;
    const isThere = isHealthy && state === "running" && Number.isInteger(port) && port > 0 && port < 65_536;
    const path = isThere ? TopicPath.tryParse(service.path) : undefined;
    // Those of another network of topics are not this zone's.
    if (path === undefined || path.network !== DEFAULT_TOPIC_NETWORK) return [];
    const label = serviceLabel(path.segments);
    const name = zone.child(label ?? "");
    if (label === undefined || name === undefined || !authority.mayOffer(nodeId, path)) return [];
    const isGranted = authority.isGranted(nodeId, path);
    const holder = roster.byName(label)?.record.nodeId;
    const isAnothers = !isGranted && holder !== undefined && holder !== nodeId;
    const isTaken = isReservedName(label) || isAnothers || isWrittenByLeaders(name);
    return isTaken ? [] : [{ nodeId, service, path, label, isGranted }];
  }

  #instance({ nodeId, service: { port, protocol, version }, path, label, isGranted }: LabelledService) {
    const { roster, cidrs } = this.#parts;
    const record = roster.get(nodeId)?.record;
    const [address] = record?.addresses ?? [];
    const read = readProtocol(protocol, label);
    if (record === undefined || address === undefined || read === undefined) return undefined;
    const block = cidrs.find((cidr) => cidr.contains(address));
    const hasName = roster.byName(record.name)?.record.nodeId === nodeId;
    const node = hasName || block === undefined ? record.name : nodeLabel(address, block);
    return {
      service: label,
      ...read,
      node,
      addresses: record.addresses,
      port,
      hasBareName: isGranted,
      text: [`version=${version}`, `path=${path.segments.join("/")}`],
    };
  }
}

/**
 * Several paths may have one label: `Math` and `math`, `a/b` and `a-b`. A granted one comes before one that was only claimed,
 * then the first in their order has it, so that none adds an address to another's name.
 */
function onePathEach(services: readonly LabelledService[]): readonly LabelledService[] {
  const rankOf = ({ isGranted, path }: LabelledService): string => `${isGranted ? 0 : 1} ${path}`;
  const best = new Map<string, LabelledService>();
  for (const each of services) {
    const known = best.get(each.label);
    if (known === undefined || rankOf(each) < rankOf(known)) best.set(each.label, each);
  }
  return services.filter(({ label, path }) => best.get(label)?.path.toString() === path.toString());
}

/**
 * Reads `http`, `dns/udp`, or a transport alone, which leaves the service's own name (RFC 6335 §5.1).
 * @returns undefined when it is none
 */
function readProtocol(
  text: string,
  service: string,
): { readonly protocol: string; readonly transport: "tcp" | "udp" } | undefined {
  const [first = "", second = "tcp", ...more] = text.split("/");
  const isTransport = first === "tcp" || first === "udp" || first === "";
  const transport = isTransport && first !== "" ? first : second;
  const protocol = isTransport ? service : first;
  if ((transport !== "tcp" && transport !== "udp") || more.length > 0) return undefined;
  return isTransport || PROTOCOL_NAME.test(protocol) ? { protocol, transport } : undefined;
}
