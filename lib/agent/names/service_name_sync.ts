/**
 * The names of services in the zone, which follow what healthy nodes offer.
 * @module
 */

import type { Timers } from "../../base/mod.ts";
import { type DomainName, nodeLabel, RECORD_RANK, serviceRecords } from "../../dns/mod.ts";
import type { NodeId, Roster } from "../../mesh/mod.ts";
import type { Cidr } from "../../net/mod.ts";
import type { AdvertisedService } from "../../service/mod.ts";
import type { RecordSink } from "./member_name_sync.ts";

/** Several changes that come together are followed once. */
const PAUSE_MS = 20;

/** A service that a node offers. */
export interface OfferedService {
  readonly nodeId: NodeId;
  readonly service: AdvertisedService;
  /** Whether the node answers, as far as is known. */
  readonly isHealthy: boolean;
}

/** Whose services, in which zone. */
export interface ServiceNameSyncParts {
  readonly roster: Roster;
  readonly zone: DomainName;
  readonly cidrs: readonly Cidr[];
  readonly timers: Timers;
  readonly sink: RecordSink;
  /** Everything that is offered, by this node too. */
  offered(): readonly OfferedService[];
}

/** Keeps a group of records for each service of a node that runs, has a port, and is healthy. */
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

  /** Brings the records in line with what is offered. */
  follow(): void {
    const { sink, offered } = this.#parts;
    const seen = new Set<string>();
    for (const { nodeId, service, isHealthy } of offered()) {
      if (!isHealthy || service.state !== "running" || service.port === 0) continue;
      const group = `service ${nodeId} ${service.path}`;
      const instance = this.#instance(nodeId, service);
      if (instance === undefined || seen.has(group)) continue;
      seen.add(group);
      const { node, addresses, port, protocol, transport, text } = instance;
      const madeOf = JSON.stringify([node, addresses.map(String), port, protocol, transport, text]);
      if (this.#groups.get(group) === madeOf) continue;
      this.#groups.set(group, madeOf);
      sink.setRecords(group, RECORD_RANK.service, serviceRecords(this.#parts.zone, instance));
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

  #instance(nodeId: NodeId, { path, port, protocol, version }: AdvertisedService) {
    const { roster, cidrs } = this.#parts;
    const record = roster.get(nodeId)?.record;
    const [address] = record?.addresses ?? [];
    // Those of another network of topics are not this zone's.
    if (record === undefined || address === undefined || path.includes(":")) return undefined;
    const block = cidrs.find((cidr) => cidr.contains(address));
    const hasName = roster.byName(record.name)?.record.nodeId === nodeId;
    const node = hasName || block === undefined ? record.name : nodeLabel(address, block);
    const service = path.replaceAll("/", "-");
    return {
      service,
      ...readProtocol(protocol, service),
      node,
      addresses: record.addresses,
      port,
      text: [`version=${version}`, `path=${path}`],
    };
  }
}

/** Reads `http`, `dns/udp`, or a transport alone, which leaves the service's own name (RFC 6335 §5.1). */
function readProtocol(
  text: string,
  service: string,
): { readonly protocol: string; readonly transport: "tcp" | "udp" } {
  const [first = "", second = "tcp"] = text.split("/");
  if (first === "tcp" || first === "udp" || first === "") {
    return { protocol: service, transport: first === "udp" ? "udp" : "tcp" };
  }
  return { protocol: first, transport: second === "udp" ? "udp" : "tcp" };
}
