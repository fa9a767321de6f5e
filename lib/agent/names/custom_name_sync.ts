/**
 * Names that somebody has added, on every node alike: entries of the replicated state.
 * @module
 */

import { equalBytes, utf8Bytes } from "../../base/mod.ts";
import type { SigningKey } from "../../crypto/mod.ts";
import {
  absoluteName,
  DomainName,
  formatRecord,
  parseRecord,
  RECORD_RANK,
  RECORD_TYPE,
  type RecordText,
  type ResourceRecord,
} from "../../dns/mod.ts";
import {
  type EntryEvent,
  type MeshState,
  NO_UPDATE,
  type Origin,
  type Replica,
  type RosterEvent,
  type Signed,
  type StateEntry,
} from "../../mesh/mod.ts";
import type { DnsHandle } from "../../nameserver/mod.ts";
import { InvalidRequestError } from "../errors.ts";

/** Entries of this kind have a name as their key, and its records as their body, one a line. */
const KIND = "name";
/** No more lines of one entry are read. */
const MAX_RECORDS = 64;

/**
 * Keeps a group of records for each name. When several have written the same name, the network's own word counts, else
 * that of the lowest id, on every node alike. Names of members and services come before all of them.
 */
export class CustomNameSync {
  readonly #mesh: Pick<MeshState, "replica" | "network" | "identity">;
  readonly #handle: DnsHandle;
  readonly #zone: DomainName;
  readonly #networkId: Origin;
  readonly #writers = new Map<string, Set<Origin>>();

  /** @param handle the server whose zone it is */
  constructor(mesh: Pick<MeshState, "replica" | "network" | "identity">, handle: DnsHandle) {
    this.#mesh = mesh;
    this.#handle = handle;
    this.#zone = DomainName.parse(handle.zone) ?? DomainName.root;
    this.#networkId = mesh.network.id;
  }

  /** Follows every name that is known. */
  start(): void {
    for (const { origin, key } of this.#entries.list(KIND)) this.#follow(origin, key);
  }

  /** Follows one change of the entries. */
  handleEntryEvent({ kind, origin, key }: EntryEvent): void {
    if (kind === KIND) this.#follow(origin, key);
  }

  /** What a node has written counts as long as it is a member. */
  handleRosterEvent({ kind, nodeId }: RosterEvent): void {
    if (kind === "member-removed") {
      for (const [key, origins] of this.#writers) if (origins.has(nodeId)) this.#follow(nodeId, key);
    } else if (kind === "member-added") {
      for (const entry of this.#entries.of(nodeId)) {
        if (entry.kind === KIND) this.#follow(nodeId, entry.key);
      }
    }
  }

  /** Writes those of this node again that are to expire; early and repeated calls are harmless. */
  refresh(): void {
    const { origin, signingKey } = this.#author;
    const fresh = this.#entries.of(origin).filter(({ kind }) => kind === KIND)
      .map(({ key, body }) => this.#entries.write(origin, signingKey, { kind: KIND, key, body }))
      .filter((signed) => signed !== undefined);
    if (fresh.length > 0) this.#mesh.replica.publish({ ...NO_UPDATE, entries: fresh });
  }

  /**
   * Adds a record to those that this node has written of its name.
   * @throws InvalidRecordError when it is none or would not be seen, InvalidRequestError when there are too many
   */
  add(text: RecordText): Required<RecordText> {
    const record = this.#handle.parse(text);
    const key = keyOf(record.name);
    const isOther = ({ type, data }: ResourceRecord): boolean =>
      type !== record.type || !equalBytes(data, record.data);
    const records = [...this.#own(key).filter(isOther), record];
    if (!this.#isAllowed(this.#author.origin, record)) {
      throw new InvalidRequestError(`Cannot add ${record.name}: that is for leaders to say`, {
        hint: "Add it on a leader.",
      });
    }
    this.#handle.checkVisible(record);
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
    const key = keyOf(owner);
    const records = this.#own(key);
    const left = records.filter((record) => {
      const text = formatRecord(record);
      return (type !== undefined && text.type !== type.toUpperCase()) ||
        (written !== undefined && text.data !== written);
    });
    if (left.length < records.length) this.#write(key, left);
    return records.length - left.length;
  }

  #own(key: string): readonly ResourceRecord[] {
    const entry = this.#entries.get(KIND, this.#author.origin, key);
    return entry === undefined ? [] : this.#read(entry);
  }

  #write(key: string, records: readonly ResourceRecord[]): void {
    const { origin, signingKey } = this.#author;
    const lines = records.map(formatRecord).map(({ ttlSeconds, type, data }) =>
      `${ttlSeconds} ${type} ${data}\n`
    );
    const body = records.length === 0 ? undefined : utf8Bytes(lines.join(""));
    const refuse = (cause?: unknown): never => {
      throw new InvalidRequestError(`Cannot keep the records of ${key}: there is no room for more`, {
        hint: "Remove others first; leaders have room for more than members.",
        cause,
      });
    };
    if (records.length > MAX_RECORDS) refuse();
    let signed: Signed | undefined;
    try {
      signed = this.#entries.write(origin, signingKey, { kind: KIND, key, body });
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
    const networkId = this.#networkId;
    const origins = this.#writers.get(key) ?? new Set();
    if (this.#entries.get(KIND, origin, key) === undefined) origins.delete(origin);
    else origins.add(origin);
    if (origins.size === 0) this.#writers.delete(key);
    else this.#writers.set(key, origins);
    const [first] = [...origins].sort((a, b) => a === networkId ? -1 : b === networkId ? 1 : a < b ? -1 : 1);
    const entry = first === undefined ? undefined : this.#entries.get(KIND, first, key);
    this.#handle.setRecords(
      `shared ${key}`,
      RECORD_RANK.custom,
      entry === undefined ? [] : this.#read(entry),
    );
  }

  /** What is no record of the name, or not its writer's to define, is passed over. */
  #read({ origin, key, body }: StateEntry): readonly ResourceRecord[] {
    const lines = new TextDecoder().decode(body).split("\n").slice(0, MAX_RECORDS);
    return lines.flatMap((line) => {
      const [, ttl, type, data] = /^(\d{1,6}) ([A-Z]{1,8}) (.+)$/s.exec(line) ?? [];
      if (ttl === undefined || type === undefined || data === undefined) return [];
      const record = parseRecord(this.#zone, { name: key, type, data, ttlSeconds: Number(ttl) });
      return "problem" in record || !this.#isAllowed(origin, record) ? [] : [record];
    });
  }

  /** A member defines names of its own choice, but nothing for the zone as a whole. */
  #isAllowed(origin: Origin, { name }: ResourceRecord): boolean {
    const zone = this.#zone;
    if (origin === this.#networkId) return true;
    const isWhole = name.equals(zone) || (name.firstLabel === "*" && name.ancestor(1).equals(zone));
    return name.isWithin(zone) && !isWhole;
  }
}

function keyOf(name: DomainName): string {
  return name.toString().toLowerCase();
}
