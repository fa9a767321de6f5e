/**
 * The names of members in the zone, where they follow the roster.
 * @module
 */

import { type DomainName, leaderRecords, memberRecords, RECORD_RANK } from "../../dns/mod.ts";
import { isAboutStatement, type Member, type NodeId, type Roster, type RosterEvent } from "../../mesh/mod.ts";
import type { Cidr, IpAddress } from "../../net/mod.ts";
import type { DnsHandle } from "../../nameserver/mod.ts";

/** Who is named, and where the names go. */
export interface NameSyncParts {
  readonly roster: Roster;
  readonly zone: DomainName;
  readonly cidrs: readonly Cidr[];
  readonly sink: Pick<DnsHandle, "setRecords">;
  /** How long the names of members hold, and those of services and `leader`. */
  readonly ttls?: { readonly memberSeconds: number; readonly serviceSeconds: number };
}

/**
 * Keeps a group of records for each member. Of members with the same name the roster says which has it; the others are
 * found by `node-…` alone.
 */
export class MemberNameSync {
  readonly #parts: NameSyncParts;
  /** The name of each member as it was last seen. */
  readonly #names = new Map<NodeId, string>();
  readonly #holders = new Map<string, NodeId>();
  /** The addresses of each leader. */
  readonly #leaders = new Map<NodeId, readonly IpAddress[]>();
  #elected: NodeId | undefined;

  constructor(parts: NameSyncParts) {
    this.#parts = parts;
  }

  /** Writes the records of everybody whom the roster knows. */
  start(): void {
    for (const { record } of this.#parts.roster.members()) this.#follow(record.nodeId);
  }

  handleRosterEvent({ kind, nodeId }: RosterEvent): void {
    if (!isAboutStatement({ kind })) this.#follow(nodeId);
  }

  /** Makes `leader` mean the elected one; all leaders when none lives. */
  handleElection(elected: NodeId | undefined): void {
    this.#elected = elected;
    this.#writeLeader();
  }

  #follow(nodeId: NodeId): void {
    const { roster } = this.#parts;
    const member = roster.get(nodeId);
    const touched = new Set([nodeId]);
    // A name that is given up may now be another's, and one that is taken was perhaps another's.
    for (const name of [this.#names.get(nodeId), member?.record.name]) {
      if (name === undefined) continue;
      const before = this.#holders.get(name);
      const holder = roster.byName(name)?.record.nodeId;
      if (holder === undefined) this.#holders.delete(name);
      else this.#holders.set(name, holder);
      for (const each of [before, holder]) if (each !== undefined) touched.add(each);
    }
    if (member === undefined) this.#names.delete(nodeId);
    else this.#names.set(nodeId, member.record.name);
    for (const each of touched) this.#write(each, roster.get(each));
    this.#followLeader(nodeId, member);
  }

  #followLeader(nodeId: NodeId, member: Member | undefined): void {
    const leads = member?.record.roles.includes("leader") ?? false;
    if (!leads && !this.#leaders.has(nodeId)) return;
    if (member !== undefined && leads) this.#leaders.set(nodeId, member.record.addresses);
    else this.#leaders.delete(nodeId);
    this.#writeLeader();
  }

  #writeLeader(): void {
    const { zone, sink, ttls } = this.#parts;
    const elected = this.#elected && this.#leaders.get(this.#elected);
    const addresses = elected ?? [...this.#leaders.values()].flat();
    sink.setRecords(
      "network leader",
      RECORD_RANK.network,
      leaderRecords(zone, addresses, ttls?.serviceSeconds),
    );
  }

  #write(nodeId: NodeId, member: Member | undefined): void {
    const { zone, cidrs, sink, ttls } = this.#parts;
    const { name = "", addresses = [] } = member?.record ?? {};
    const named = { name: this.#holders.get(name) === nodeId ? name : undefined, addresses };
    const records = memberRecords(zone, named, cidrs, ttls?.memberSeconds);
    sink.setRecords(`network ${nodeId}`, RECORD_RANK.network, records.network);
    sink.setRecords(`member ${nodeId}`, RECORD_RANK.member, records.named);
  }
}
