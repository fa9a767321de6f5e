/**
 * One zone: the records under an origin, from several sources, and how it answers a question.
 * @module
 */

import { equalBytes } from "../base/mod.ts";
import type { DomainName } from "./domain_name.ts";
import type { ResourceRecord } from "./message.ts";
import { CLASS_IN, RECORD_TYPE } from "./record_type.ts";

/**
 * Where a record comes from; of two sources the first prevails: what follows from the network itself (`leader`, `node-1-100`), names of
 * members, services, names that somebody added.
 */
export const RECORD_RANK = { network: 0, member: 1, service: 2, custom: 3 } as const;
/** One of `RECORD_RANK`. */
export type RecordRank = typeof RECORD_RANK[keyof typeof RECORD_RANK];

/** What a zone knows of a name and a type. */
export type ZoneFinding =
  | { readonly kind: "records"; readonly records: readonly ResourceRecord[] }
  | { readonly kind: "alias"; readonly record: ResourceRecord }
  /** The name is there, the type is not. */
  | { readonly kind: "no-data" }
  | { readonly kind: "no-name" };

/** The label that stands for all that are not there (RFC 4592 §2.1.1). */
const WILDCARD_KEY = "\x01*";
/** Where a name leads: at one name these come from one source, so that none adds an address to another's name. */
const ADDRESS_TYPES: ReadonlySet<number> = new Set([RECORD_TYPE.A, RECORD_TYPE.AAAA, RECORD_TYPE.CNAME]);

interface Entry {
  readonly group: string;
  readonly rank: RecordRank;
  readonly record: ResourceRecord;
}

/** A name in the zone; one without entries is there because names below it are (RFC 8020 §1). */
interface ZoneNode {
  readonly entries: Entry[];
  /** How many nodes stand right below it. */
  children: number;
  /** Records by type as they are shown; made when asked for. */
  shown: ReadonlyMap<number, readonly ResourceRecord[]> | undefined;
}

/** Records are put in and taken out by groups, such as all of one member. */
export class Zone {
  readonly origin: DomainName;
  readonly #nodes = new Map<string, ZoneNode>();
  readonly #groups = new Map<string, readonly DomainName[]>();

  constructor(origin: DomainName) {
    this.origin = origin;
    // The origin is always there.
    this.#nodes.set(origin.key, { entries: [], children: 1, shown: undefined });
  }

  /** Replaces the records of a group; without records the group is gone. Their names are within the origin. */
  setGroup(group: string, rank: RecordRank, records: readonly ResourceRecord[]): void {
    for (const name of this.#groups.get(group) ?? []) this.#removeEntries(name, group);
    this.#groups.delete(group);
    if (records.length === 0) return;
    this.#groups.set(group, records.map(({ name }) => name));
    for (const record of records) {
      const node = this.#makeNode(record.name);
      node.entries.push({ group, rank, record });
      node.shown = undefined;
    }
  }

  /** Whether a record of this rank would not be shown if it were put in: a better source, or an alias, has its name. */
  wouldHide(record: ResourceRecord, rank: RecordRank): boolean {
    const entries = this.#nodes.get(record.name.key)?.entries ?? [];
    const shown = chooseRecords([...entries, { group: "", rank, record }]).get(record.type) ?? [];
    return !shown.some(({ data }) => equalBytes(data, record.data));
  }

  /** @returns all records as they are shown, each with its source, in no order */
  records(): readonly { readonly record: ResourceRecord; readonly rank: RecordRank }[] {
    return [...this.#nodes.values()].flatMap((node) =>
      [...shownOf(node).values()].flat().map((record) => {
        const same = node.entries.filter((entry) =>
          entry.record.type === record.type && equalBytes(entry.record.data, record.data)
        );
        return { record, rank: Math.min(...same.map(({ rank }) => rank)) as RecordRank };
      })
    );
  }

  /**
   * RFC 1034 §4.3.2 step 3, RFC 4592 §3.3.1.
   * @param name within the origin
   */
  find(name: DomainName, type: number): ZoneFinding {
    const node = this.#nodes.get(name.key);
    if (node !== undefined) return findIn(shownOf(node), type);
    const depths = name.labelCount - this.origin.labelCount;
    for (let depth = 1; depth <= depths; depth++) {
      const encloser = name.keyAbove(depth);
      if (!this.#nodes.has(encloser)) continue;
      const wildcard = this.#nodes.get(WILDCARD_KEY + encloser);
      if (wildcard === undefined) break;
      return withOwner(findIn(shownOf(wildcard), type), name);
    }
    return { kind: "no-name" };
  }

  #makeNode(name: DomainName): ZoneNode {
    const known = this.#nodes.get(name.key);
    if (known !== undefined) return known;
    const node: ZoneNode = { entries: [], children: 0, shown: undefined };
    this.#nodes.set(name.key, node);
    this.#makeNode(name.ancestor(1)).children++;
    return node;
  }

  #removeEntries(name: DomainName, group: string): void {
    const node = this.#nodes.get(name.key);
    if (node === undefined) return;
    const left = node.entries.filter((entry) => entry.group !== group);
    node.entries.splice(0, Infinity, ...left);
    node.shown = undefined;
    this.#prune(name);
  }

  #prune(name: DomainName): void {
    const node = this.#nodes.get(name.key);
    if (node === undefined || node.entries.length > 0 || node.children > 0) return;
    this.#nodes.delete(name.key);
    const parent = name.ancestor(1);
    const above = this.#nodes.get(parent.key);
    if (above === undefined) return;
    above.children--;
    this.#prune(parent);
  }
}

function findIn(shown: ReadonlyMap<number, readonly ResourceRecord[]>, type: number): ZoneFinding {
  const records = shown.get(type);
  if (records !== undefined) return { kind: "records", records };
  const [alias] = shown.get(RECORD_TYPE.CNAME) ?? [];
  if (alias !== undefined && type !== RECORD_TYPE.ANY) return { kind: "alias", record: alias };
  return { kind: "no-data" };
}

function withOwner(finding: ZoneFinding, name: DomainName): ZoneFinding {
  if (finding.kind === "alias") return { kind: "alias", record: { ...finding.record, name } };
  if (finding.kind !== "records") return finding;
  return { kind: "records", records: finding.records.map((record) => ({ ...record, name })) };
}

function shownOf(node: ZoneNode): ReadonlyMap<number, readonly ResourceRecord[]> {
  return node.shown ??= chooseRecords(node.entries);
}

/** The best source of each type wins, and of all address types together. */
function chooseRecords(entries: readonly Entry[]): ReadonlyMap<number, readonly ResourceRecord[]> {
  const sourceOf = (type: number): number => ADDRESS_TYPES.has(type) ? RECORD_TYPE.A : type;
  const best = new Map<number, RecordRank>();
  for (const { rank, record } of entries) {
    const source = sourceOf(record.type);
    best.set(source, Math.min(rank, best.get(source) ?? rank) as RecordRank);
  }
  const shown = new Map<number, ResourceRecord[]>();
  for (const { rank, record } of entries) {
    if (rank !== best.get(sourceOf(record.type))) continue;
    const records = shown.get(record.type) ?? [];
    if (!records.some(({ data }) => equalBytes(data, record.data))) records.push(record);
    shown.set(record.type, records);
  }
  const [alias] = shown.get(RECORD_TYPE.CNAME) ?? [];
  // RFC 1034 §3.6.2: an alias has no other data.
  if (alias !== undefined) return new Map([[RECORD_TYPE.CNAME, [alias]]]);
  for (const [type, records] of shown) {
    // RFC 2181 §5.2: records of one name and type have one TTL.
    const ttlSeconds = Math.min(...records.map((record) => record.ttlSeconds));
    shown.set(type, records.map((record) => ({ ...record, ttlSeconds })));
  }
  return shown;
}

/** @returns a record of the class IN */
export function record(name: DomainName, type: number, ttlSeconds: number, data: Uint8Array): ResourceRecord {
  return { name, type, class: CLASS_IN, ttlSeconds, data };
}
