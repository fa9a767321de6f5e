/**
 * Whom people mean, in commands, requests, calls, proxies and dials alike, on nodes that serve no names too.
 * @module
 */

import { DomainName, nameInData, nodeLabel, RECORD_TYPE, type ResourceRecord } from "../dns/mod.ts";
import { PublicKey } from "../crypto/mod.ts";
import { type MemberRecord, type MeshState, type NodeId, parseNodeId } from "../mesh/mod.ts";
import { IpAddress } from "../net/mod.ts";
import { NAME_ENTRY_KIND, nameKey, readNameRecords } from "./name_entry.ts";

/** An alias may lead to another, but not for ever. */
const MAX_ALIASES = 8;

/** What it takes to say whom a name means. */
export type NamedMesh = Pick<MeshState, "roster" | "cidr" | "network"> & {
  readonly replica: Pick<MeshState["replica"], "entries">;
};

/**
 * Finds who is meant. An id, a key or an address is one and never a name, so that nobody is taken for another one, present
 * or gone, by calling itself like that one's id. Names mean what they mean in the zone: first the network's own, `leader`
 * and `node-1-100`, then what leaders have added, then what members are called.
 */
export class MemberFinder {
  readonly #mesh: NamedMesh;
  readonly #zone: DomainName | undefined;
  /** What follows a label in the zone: `.weft.internal`. */
  readonly #suffix: string;
  readonly #elected: () => NodeId | undefined;

  /**
   * @param zone with its final dot or without
   * @param elected says whom `leader` means now
   */
  constructor(mesh: NamedMesh, zone: string, elected: () => NodeId | undefined) {
    this.#mesh = mesh;
    const bare = zone.toLowerCase().replace(/\.$/, "");
    this.#zone = DomainName.parse(bare);
    this.#suffix = `.${bare}`;
    this.#elected = elected;
  }

  /**
   * @param text a node id, a public key in base64, an overlay address, or a name with the zone or without
   * @returns the id of a member; undefined when nobody is meant
   */
  find(text: string): NodeId | undefined {
    const record = this.findRecord(text);
    return record && this.#mesh.roster.liveRecord(record.nodeId)?.nodeId;
  }

  /**
   * Whether a host's name in the zone, or its address, means a member. A name of several labels is one of the zone's only
   * with the zone: as it stands anybody may have it elsewhere, and point it here.
   */
  isHost(host: string, nodeId: NodeId): boolean {
    const name = host.toLowerCase().replace(/\.$/, "");
    const address = IpAddress.parse(name);
    if (address !== undefined) return this.#mesh.roster.holderOfAddress(address)?.nodeId === nodeId;
    if (name.includes(".") && !name.endsWith(this.#suffix)) return false;
    return this.#findNamed(name, 0)[0]?.nodeId === nodeId;
  }

  /** @returns the record of who is meant, also when it has expired, but not when it was revoked */
  findRecord(text: string): MemberRecord | undefined {
    return this.findRecords(text)[0];
  }

  /**
   * @returns the records of all who may be meant, likewise: more than one where leaders that could not see each other gave
   * several members one name, the one first that is to keep it
   */
  findRecords(text: string): readonly MemberRecord[] {
    const { roster } = this.#mesh;
    const nodeId = parseNodeId(text.toLowerCase());
    if (nodeId !== undefined) return listOf(this.#unrevoked(roster.recordById(nodeId)));
    const publicKey = PublicKey.parse(text);
    if (publicKey !== undefined) return listOf(this.#unrevoked(roster.recordByKey(publicKey)));
    const address = IpAddress.parse(text);
    return address === undefined ? this.#findNamed(text, 0) : listOf(roster.holderOfAddress(address));
  }

  /** @param aliases how many were followed already */
  #findNamed(host: string, aliases: number): readonly MemberRecord[] {
    const { roster } = this.#mesh;
    const name = host.toLowerCase().replace(/\.$/, "");
    const label = name.endsWith(this.#suffix) ? name.slice(0, -this.#suffix.length) : name;
    if (label === "leader") {
      const elected = this.#elected();
      return listOf(elected && roster.recordById(elected));
    }
    const numbered = label.startsWith("node-") ? this.#findNumbered(label) : undefined;
    if (numbered !== undefined) return [numbered];
    for (const { type, data } of this.#written(label)) {
      if (type === RECORD_TYPE.A || type === RECORD_TYPE.AAAA) {
        return listOf(roster.holderOfAddress(IpAddress.fromBytes(data)));
      }
      if (type !== RECORD_TYPE.CNAME) continue;
      const target = nameInData(type, data);
      if (this.#zone === undefined || !target?.isWithin(this.#zone) || aliases === MAX_ALIASES) return [];
      return this.#findNamed(target.toString(), aliases + 1);
    }
    return roster.holdersOfName(label);
  }

  /** The address is in the label: `node-1-100`. */
  #findNumbered(label: string): MemberRecord | undefined {
    const { roster, cidr } = this.#mesh;
    return roster.liveRecords().find(({ addresses }) =>
      addresses.some((address) =>
        address.family === cidr.address.family && nodeLabel(address, cidr) === label
      )
    );
  }

  #unrevoked(record: MemberRecord | undefined): MemberRecord | undefined {
    return record === undefined || this.#mesh.roster.isRevoked(record.publicKey) ? undefined : record;
  }

  /** @returns what leaders have added to a name */
  #written(label: string): readonly ResourceRecord[] {
    const { replica, network } = this.#mesh;
    const name = this.#zone && DomainName.parse(label)?.join(this.#zone);
    const entry = name && replica.entries.get(NAME_ENTRY_KIND, network.id, nameKey(name));
    return this.#zone === undefined || entry === undefined ? [] : readNameRecords(this.#zone, entry);
  }
}

function listOf(record: MemberRecord | undefined): readonly MemberRecord[] {
  return record === undefined ? [] : [record];
}
