/**
 * Names that somebody has added, on every node alike: entries of the replicated state.
 * @module
 */

import { equalBytes } from "../../base/mod.ts";
import type { SigningKey } from "../../crypto/mod.ts";
import {
  absoluteName,
  DomainName,
  formatRecord,
  RECORD_RANK,
  RECORD_TYPE,
  type RecordText,
  type ResourceRecord,
} from "../../dns/mod.ts";
import {
  type EntryEvent,
  GRANT_ENTRY_KIND,
  isAboutStatement,
  isReservedName,
  type MeshState,
  NO_UPDATE,
  type NodeId,
  type Origin,
  type Replica,
  type RosterEvent,
  type Signed,
  type StateEntry,
} from "../../mesh/mod.ts";
import type { DnsHandle } from "../../nameserver/mod.ts";
import type { Authority } from "../authority/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import {
  encodeNameRecords,
  MAX_NAME_RECORDS,
  NAME_ENTRY_KIND,
  nameKey,
  readNameRecords,
  relativeName,
  topLabel,
} from "../name_entry.ts";

/** What the names of one node follow. */
export interface CustomNameParts {
  readonly mesh: Pick<MeshState, "replica" | "network" | "identity">;
  /** The server whose zone it is. */
  readonly handle: DnsHandle;
  readonly authority: Pick<Authority, "mayName">;
}

/**
 * Keeps a group of records for each name. What the network's key has written of a name counts alone, before the names of
 * members; else what the lowest id of those has written who may, behind members and services, on every node alike.
 */
export class CustomNameSync {
  readonly #mesh: CustomNameParts["mesh"];
  readonly #handle: DnsHandle;
  readonly #authority: CustomNameParts["authority"];
  readonly #zone: DomainName;
  readonly #networkId: Origin;
  /** Who has written each name, whether they may or not. */
  readonly #writers = new Map<string, Set<Origin>>();
  /** The names by their labels right below the zone: whose they are changes with the members of that name. */
  readonly #keysByLabel = new Map<string, Set<string>>();
  /** Whose word each name has now, so that nothing is read again when it stays. */
  readonly #served = new Map<string, StateEntry>();
  /** The name of each member as it was last seen. */
  readonly #memberNames = new Map<Origin, string>();

  constructor({ mesh, handle, authority }: CustomNameParts) {
    this.#mesh = mesh;
    this.#handle = handle;
    this.#authority = authority;
    this.#zone = DomainName.parse(handle.zone) ?? DomainName.root;
    this.#networkId = mesh.network.id;
  }

  /** Follows every name that is known. */
  start(): void {
    for (const { nodeId, name } of this.#mesh.replica.roster.liveRecords()) {
      this.#memberNames.set(nodeId, name);
    }
    for (const { origin, key } of this.#entries.list(NAME_ENTRY_KIND)) this.#follow(origin, key);
  }

  /** Follows one change of the entries. */
  handleEntryEvent({ kind, origin, key }: EntryEvent): void {
    if (kind === NAME_ENTRY_KIND) this.#follow(origin, key);
    // All may now name more or less.
    if (kind === GRANT_ENTRY_KIND) { for (const each of [...this.#writers.keys()]) this.#serve(each); }
  }

  /** What a node has written counts as long as it is a member and may; whose a name is, members have a say in. */
  handleRosterEvent({ kind, nodeId }: RosterEvent): void {
    if (isAboutStatement({ kind })) return;
    const before = this.#memberNames.get(nodeId);
    const now = this.#mesh.replica.roster.get(nodeId)?.record.name;
    if (now === undefined) this.#memberNames.delete(nodeId);
    else this.#memberNames.set(nodeId, now);
    if (kind === "member-removed") {
      for (const [key, origins] of [...this.#writers]) if (origins.has(nodeId)) this.#follow(nodeId, key);
    } else {
      for (const entry of this.#entries.of(nodeId)) {
        if (entry.kind === NAME_ENTRY_KIND) this.#follow(nodeId, entry.key);
      }
    }
    for (const label of new Set([before, now])) {
      for (const key of this.#keysByLabel.get(label ?? "") ?? []) this.#serve(key);
    }
  }

  /** @returns the names that this node has written and that count nowhere, since it was not granted them */
  unheeded(): readonly string[] {
    const { id } = this.#mesh.identity;
    return this.#entries.of(id).filter(({ kind, key }) => {
      const name = this.#nameOf(key);
      return kind === NAME_ENTRY_KIND && !(name !== undefined && this.#isAllowed(id, name));
    }).map(({ key }) => key);
  }

  /** Whether leaders have written a name. */
  isWrittenByLeaders(name: DomainName): boolean {
    return this.#entries.get(NAME_ENTRY_KIND, this.#networkId, nameKey(name)) !== undefined;
  }

  /** Writes those of this node again that are to expire; early and repeated calls are harmless. */
  refresh(): void {
    const { origin, signingKey } = this.#author;
    const fresh = this.#entries.of(origin).filter(({ kind }) => kind === NAME_ENTRY_KIND)
      .map(({ key, body }) => this.#entries.write(origin, signingKey, { kind: NAME_ENTRY_KIND, key, body }))
      .filter((signed) => signed !== undefined);
    if (fresh.length > 0) this.#mesh.replica.publish({ ...NO_UPDATE, entries: fresh });
  }

  /**
   * Adds a record to those that this node has written of its name.
   * @throws InvalidRecordError when it is none or would not be seen, InvalidRequestError when there are too many
   */
  add(text: RecordText): Required<RecordText> {
    const record = this.#handle.parse(text);
    const key = nameKey(record.name);
    const isOther = ({ type, data }: ResourceRecord): boolean =>
      type !== record.type || !equalBytes(data, record.data);
    const records = [...this.#own(key).filter(isOther), record];
    this.#checkAllowed(record);
    if (records.length > 1 && records.some(({ type }) => type === RECORD_TYPE.CNAME)) {
      throw new InvalidRequestError(`Cannot add ${record.name}: an alias stands alone`, {
        hint: "Remove the other records of the name first.",
      });
    }
    this.#write(key, records);
    return formatRecord(record);
  }

  /**
   * Removes records that this node has written: of a name everything, or with a type or data less.
   * @returns how many are gone
   */
  remove(name: string, type?: string, data?: string): number {
    const owner = absoluteName(this.#zone, name);
    if (owner === undefined) return 0;
    const written = type === undefined || data === undefined
      ? data
      : formatRecord(this.#handle.parse({ name, type, data })).data;
    const key = nameKey(owner);
    const records = this.#own(key);
    const left = records.filter((record) => {
      const text = formatRecord(record);
      return (type !== undefined && text.type !== type.toUpperCase()) ||
        (written !== undefined && text.data !== written);
    });
    if (left.length < records.length) this.#write(key, left);
    return records.length - left.length;
  }

  /** @throws InvalidRequestError, InvalidRecordError when the record would count nowhere */
  #checkAllowed(record: ResourceRecord): void {
    const { origin } = this.#author;
    const holder = this.#holderOf(record.name);
    if (!this.#isAllowed(origin, record.name)) {
      const { id } = this.#mesh.identity;
      const { name = id } = this.#mesh.replica.roster.get(id)?.record ?? {};
      const below = relativeName(record.name, this.#zone);
      const isGrantable = below !== undefined && below !== "*" && !isReservedName(topLabel(below)) &&
        (holder === undefined || holder === id);
      const grant = isGrantable ? `weft grant add ${name} --names ${below}, or ` : "";
      throw new InvalidRequestError(`Cannot add ${record.name}: this node was not granted that name`, {
        hint: `On a leader: ${grant}weft dns add. Names below ${name} are this node's own.`,
      });
    }
    if (origin !== this.#networkId) return this.#handle.checkVisible(record);
    // A leader's word would hide a member's name, which is nobody's wish.
    const isAtMember = holder !== undefined && record.name.labelCount === this.#zone.labelCount + 1;
    this.#handle.checkVisible(record, isAtMember ? RECORD_RANK.custom : RECORD_RANK.leader);
  }

  #own(key: string): readonly ResourceRecord[] {
    const entry = this.#entries.get(NAME_ENTRY_KIND, this.#author.origin, key);
    return entry === undefined ? [] : readNameRecords(this.#zone, entry);
  }

  #write(key: string, records: readonly ResourceRecord[]): void {
    const { origin, signingKey } = this.#author;
    const body = records.length === 0 ? undefined : encodeNameRecords(records);
    const refuse = (cause?: unknown): never => {
      throw new InvalidRequestError(`Cannot keep the records of ${key}: there is no room for more`, {
        hint: "Remove others first; leaders have room for more than members.",
        cause,
      });
    };
    if (records.length > MAX_NAME_RECORDS) refuse();
    let signed: Signed | undefined;
    try {
      signed = this.#entries.write(origin, signingKey, { kind: NAME_ENTRY_KIND, key, body });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      refuse(error);
    }
    this.#follow(origin, key);
    if (signed !== undefined) this.#mesh.replica.publish({ ...NO_UPDATE, entries: [signed] });
  }

  get #entries(): Replica["entries"] {
    return this.#mesh.replica.entries;
  }

  /** As whom this node writes now: leaders for the network, members for themselves. */
  get #author(): { readonly origin: Origin; readonly signingKey: SigningKey } {
    const { network, identity } = this.#mesh;
    return network.signingKey === undefined
      ? { origin: identity.id, signingKey: identity.signingKey }
      : { origin: network.id, signingKey: network.signingKey };
  }

  #follow(origin: Origin, key: string): void {
    const origins = this.#writers.get(key) ?? new Set();
    if (this.#entries.get(NAME_ENTRY_KIND, origin, key) === undefined) origins.delete(origin);
    else origins.add(origin);
    const name = this.#nameOf(key);
    const label = name && topLabel(relativeName(name, this.#zone) ?? "");
    const keys = this.#keysByLabel.get(label ?? "") ?? new Set();
    if (origins.size === 0) {
      this.#writers.delete(key);
      keys.delete(key);
    } else {
      this.#writers.set(key, origins);
      keys.add(key);
    }
    if (keys.size === 0) this.#keysByLabel.delete(label ?? "");
    else this.#keysByLabel.set(label ?? "", keys);
    this.#serve(key);
  }

  #serve(key: string): void {
    const networkId = this.#networkId;
    const name = this.#nameOf(key);
    const writers = [...this.#writers.get(key) ?? []];
    const [first] = writers.filter((origin) => name !== undefined && this.#isAllowed(origin, name))
      .sort((a, b) => a === networkId ? -1 : b === networkId ? 1 : a < b ? -1 : 1);
    const entry = first === undefined ? undefined : this.#entries.get(NAME_ENTRY_KIND, first, key);
    if (this.#served.get(key) === entry) return;
    if (entry === undefined) this.#served.delete(key);
    else this.#served.set(key, entry);
    this.#handle.setRecords(
      `shared ${key}`,
      first === networkId ? RECORD_RANK.leader : RECORD_RANK.custom,
      entry === undefined ? [] : readNameRecords(this.#zone, entry),
    );
  }

  /** @returns the name that a key is; none when there is another way to write it, under which somebody else could be heard */
  #nameOf(key: string): DomainName | undefined {
    const name = absoluteName(this.#zone, key);
    return name !== undefined && nameKey(name) === key ? name : undefined;
  }

  /**
   * A member defines what it was granted, and what is below its own name: nothing for the zone as a whole, nothing that is
   * reserved, nothing of another member.
   */
  #isAllowed(origin: Origin, name: DomainName): boolean {
    if (origin === this.#networkId) return true;
    const below = relativeName(name, this.#zone);
    if (below === undefined || below === "*" || isReservedName(topLabel(below))) return false;
    const holder = this.#holderOf(name);
    return (holder === undefined || holder === origin) && this.#authority.mayName(origin as NodeId, below);
  }

  /** @returns the member at whose name, or below it, another name stands */
  #holderOf(name: DomainName): NodeId | undefined {
    const below = relativeName(name, this.#zone);
    return below === undefined ? undefined : this.#mesh.replica.roster.byName(topLabel(below))?.record.nodeId;
  }
}
