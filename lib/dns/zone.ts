/**
 * One zone: the records under an origin, from several sources, and how it answers a question.
 * @module
 */

import { equalBytes } from "../base/mod.ts";
import type { DomainName } from "./domain_name.ts";
import type { ResourceRecord } from "./message.ts";
import { CLASS_IN, RECORD_TYPE } from "./record_type.ts";

/**
 * Where a record comes from; of two sources the first prevails: what follows from the network itself (`leader`, `node-1-100`), what
 * leaders have added, names of members, services, names that members added.
 */
export const RECORD_RANK = { network: 0, leader: 1, member: 2, service: 3, custom: 4 } as const;
/** One of `RECORD_RANK`. */
export type RecordRank = typeof RECORD_RANK[keyof typeof RECORD_RANK];

/** What a zone knows of a name and a type. */
export type ZoneFinding =
  | { readonly kind: "records"; readonly records: readonly ResourceRecord[] }
  | { readonly kind: "alias"; readonly record: ResourceRecord }
  /** The name is there, the type is not. */
  | { readonly kind: "no-data" }
  | { readonly kind: "no-name" };

/** Whether a group of records is kept from whoever asks. */
export type HidesGroup = (group: string) => boolean;

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
  /** How many entries of each rank stand at it and below it; a node that has none at all is taken out. */
  readonly counts: number[];
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
    this.#nodes.set(origin.key, newNode());
  }

  /** Replaces the records of a group; without records the group is gone. Their names are within the origin. */
  setGroup(group: string, rank: RecordRank, records: readonly ResourceRecord[]): void {
    for (const name of this.#groups.get(group) ?? []) this.#removeEntries(name, group);
    this.#groups.delete(group);
    if (records.length === 0) return;
    this.#groups.set(group, [...new Map(records.map(({ name }) => [name.key, name])).values()]);
    for (const record of records) {
      this.#count(record.name, rank, 1);
      const node = this.#nodes.get(record.name.key);
      if (node === undefined) continue;
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

  /** Whether there are records at or below `name`, wildcards left aside. */
  holds(name: DomainName): boolean {
    return this.#nodes.has(name.key);
  }

  /**
   * RFC 1034 §4.3.2 step 3, RFC 4592 §3.3.1.
   * @param name within the origin
   * @param hides what is as if it were not there, by its group
   */
  find(name: DomainName, type: number, hides?: HidesGroup): ZoneFinding {
    const node = this.#nodes.get(name.key);
    if (node !== undefined && node.entries.length > 0) {
      const seen = hides === undefined ? node.entries : node.entries.filter(({ group }) => !hides(group));
      if (seen.length === node.entries.length) return findIn(shownOf(node), type);
      if (seen.length > 0) return findIn(chooseRecords(seen), type);
      return { kind: "no-name" };
    }
    const wildcard = this.#wildcardFor(name, node);
    if (wildcard !== undefined) return withOwner(findIn(shownOf(wildcard), type), name);
    return { kind: node === undefined ? "no-name" : "no-data" };
  }

  /**
   * DEVIATION: RFC 4592 §2.2.2 lets a name without records keep a wildcard off what is at it and below it. Here only if the names
   * below it come from a source as good as the wildcard's, so that a service changes nothing that a leader's wildcard says.
   */
  #wildcardFor(name: DomainName, node: ZoneNode | undefined): ZoneNode | undefined {
    let best = node === undefined ? NO_RANK : bestRank(node);
    const depths = name.labelCount - this.origin.labelCount;
    for (let depth = 1; depth <= depths; depth++) {
      const key = name.keyAbove(depth);
      const encloser = this.#nodes.get(key);
      if (encloser === undefined) continue;
      const wildcard = this.#nodes.get(WILDCARD_KEY + key);
      if (wildcard !== undefined && wildcard.entries.length > 0) {
        return bestRank(wildcard) < best ? wildcard : undefined;
      }
      if (encloser.entries.length > 0) return undefined;
      best = Math.min(best, bestRank(encloser));
    }
    return undefined;
  }

  /** Notes that there are more or fewer entries at a name; nodes come and go with them. */
  #count(name: DomainName, rank: RecordRank, change: 1 | -1): void {
    const depths = name.labelCount - this.origin.labelCount;
    for (let depth = 0; depth <= depths; depth++) {
      const key = name.keyAbove(depth);
      const node = this.#nodes.get(key) ?? newNode();
      node.counts[rank] = (node.counts[rank] ?? 0) + change;
      // The origin is always there.
      if (depth < depths && bestRank(node) === NO_RANK) this.#nodes.delete(key);
      else this.#nodes.set(key, node);
    }
  }

  #removeEntries(name: DomainName, group: string): void {
    const node = this.#nodes.get(name.key);
    if (node === undefined) return;
    const left = node.entries.filter((entry) => entry.group !== group);
    const gone = node.entries.filter((entry) => entry.group === group);
    node.entries.splice(0, Infinity, ...left);
    node.shown = undefined;
    for (const { rank } of gone) this.#count(name, rank, -1);
  }
}

/** Above all ranks. */
const NO_RANK = Object.keys(RECORD_RANK).length;

function newNode(): ZoneNode {
  return { entries: [], counts: Array(NO_RANK).fill(0), shown: undefined };
}

/** @returns the best source of what is at a node and below it */
function bestRank({ counts }: ZoneNode): number {
  const rank = counts.findIndex((count) => count > 0);
  return rank < 0 ? NO_RANK : rank;
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
