/**
 * The members and endpoints that there are, as a policy looks at them. Names, labels, roles and addresses are the network
 * key's word, endpoints too; services count as far as their member may offer them.
 * @module
 */

import type { MemberRecord, MeshState, NodeId } from "../../mesh/mod.ts";
import type { Cidr } from "../../net/mod.ts";
import type { PolicyRoster, RosterEndpoint, RosterMember, RosterNetwork } from "../../policy/mod.ts";
import { decodeAdvert, TopicPath } from "../../service/mod.ts";
import type { Authority } from "../authority/mod.ts";
import type { KnownNetwork } from "../networks/mod.ts";

/** The kind of entries by which members say what they offer. */
export const ADVERT_KIND = "service";

/** What it looks at. */
export interface RosterViewParts {
  readonly mesh: Pick<MeshState, "replica">;
  readonly authority: Pick<Authority, "mayOffer">;
  readonly networks: () => ReadonlyMap<string, KnownNetwork>;
  /** The networks that members lead to by the word of the network's key; none unless given. */
  readonly routed?: () => ReadonlyMap<NodeId, readonly Cidr[]>;
}

const NONE: readonly string[] = [];
const NO_BLOCKS: ReadonlyMap<NodeId, readonly Cidr[]> = new Map();

/** Makes rosters; what has not changed since the last one is the same object again. */
export class RosterView {
  readonly #parts: RosterViewParts;
  /** Of records, which never change themselves; each by the name and services that it had. */
  readonly #members = new WeakMap<MemberRecord, RosterMember>();
  /** Of adverts' bodies, which never change either. */
  readonly #paths = new WeakMap<Uint8Array, readonly string[]>();

  constructor(parts: RosterViewParts) {
    this.#parts = parts;
  }

  /** @param withServices whether selectors ask for services, which are read from every member's adverts then */
  roster(withServices: boolean): PolicyRoster {
    const { mesh: { replica: { roster } }, networks } = this.#parts;
    const services = withServices ? this.#services() : new Map<string, readonly string[]>();
    const routed = this.#parts.routed?.() ?? NO_BLOCKS;
    const members = Array.from(roster.liveRecords(), (record) => this.#member(record, services, routed));
    const known = new Map(members.map((member) => [member.id, member]));
    return { members, networks: Array.from(networks().values(), (network) => networkOf(network, known)) };
  }

  #member(
    record: MemberRecord,
    services: ReadonlyMap<string, readonly string[]>,
    routed: ReadonlyMap<NodeId, readonly Cidr[]>,
  ): RosterMember {
    const { mesh: { replica: { roster } } } = this.#parts;
    const offered = services.get(record.nodeId) ?? NONE;
    // Of two who were given the same name at once the roster says whose it is.
    const name = roster.holderOfName(record.name)?.nodeId === record.nodeId ? record.name : "";
    const made = this.#members.get(record);
    const led = routed.get(record.nodeId);
    const { nodeId, labels, addresses, roles, allowedIps } = record;
    const blocks = led === undefined ? allowedIps : [...allowedIps, ...led];
    const isSame = made?.name === name && made.services.join() === offered.join() &&
      (made.blocks === blocks || made.blocks.join() === blocks.join());
    if (isSame) return made;
    const member = { id: nodeId, name, labels, addresses, services: offered, roles, blocks };
    this.#members.set(record, member);
    return member;
  }

  #services(): ReadonlyMap<string, readonly string[]> {
    const { mesh: { replica: { entries } }, authority } = this.#parts;
    const services = new Map<string, string[]>();
    for (const { origin, body } of entries.list(ADVERT_KIND)) {
      for (const path of this.#pathsOf(body)) {
        const topic = TopicPath.tryParse(path);
        if (topic === undefined || !authority.mayOffer(origin as NodeId, topic)) continue;
        const known = services.get(origin);
        if (known === undefined) services.set(origin, [path]);
        else if (!known.includes(path)) known.push(path);
      }
    }
    return services;
  }

  #pathsOf(body: Uint8Array): readonly string[] {
    let paths = this.#paths.get(body);
    if (paths === undefined) {
      paths = decodeAdvert(body)?.services.map(({ path }) => String(path)) ?? NONE;
      this.#paths.set(body, paths);
    }
    return paths;
  }
}

function networkOf(
  { definition, endpoints }: KnownNetwork,
  members: ReadonlyMap<string, RosterMember>,
): RosterNetwork {
  const all: RosterEndpoint[] = [];
  for (const { definition: endpoint, owner, conflict } of endpoints.values()) {
    const member = owner && members.get(owner.nodeId);
    if (member === undefined || conflict !== undefined) continue;
    const { labels, services, roles } = member;
    all.push({
      name: endpoint.name,
      labels,
      services,
      roles,
      addresses: endpoint.addresses,
      member: member.id,
    });
  }
  return { name: definition.name, endpoints: all };
}
