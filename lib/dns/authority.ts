/**
 * The zones that a server has authority over, and their answers.
 * @module
 */

import type { DomainName } from "./domain_name.ts";
import { type DnsMessage, FLAG, type Question, type ResourceRecord } from "./message.ts";
import { nameInData, soaData, stringsData } from "./record_data.ts";
import { RECORD_TYPE, RESPONSE_CODE } from "./record_type.ts";
import { type HidesGroup, record, type RECORD_RANK, type RecordRank, Zone } from "./zone.ts";

/** How long a negative answer holds: a name that is added now should soon be seen (RFC 2308 §4). */
export const NEGATIVE_TTL_SECONDS = 5;
/** How long the zone's own records hold, SOA and NS. */
const APEX_TTL_SECONDS = 300;
const REFRESH_SECONDS = 3600;
const RETRY_SECONDS = 600;
const EXPIRE_SECONDS = 86_400;
/** An alias may lead to another, but not for ever. */
const MAX_ALIASES = 8;

/** Where a record comes from; `zone` are the SOA and NS records. */
export type RecordSource = "zone" | keyof typeof RECORD_RANK;

/** A record and where it comes from. */
export interface SourcedRecord {
  readonly record: ResourceRecord;
  readonly source: RecordSource;
}

const SOURCES: Readonly<Record<RecordRank, RecordSource>> = [
  "network",
  "leader",
  "member",
  "service",
  "custom",
];

/** A response without its question; its flags are `FLAG.AA`, or none. */
export type Answer = Pick<DnsMessage, "responseCode" | "flags" | "answers" | "authority" | "additional">;

/** The zones that an authority answers for, and what their SOA and NS say. */
export interface AuthorityOptions {
  /** The first is the zone of the network, the others are those of its addresses. */
  readonly origins: readonly DomainName[];
  /** The server's own name, for SOA and NS. */
  readonly server: DomainName;
  /** What the serial starts from; it grows with every change (RFC 1982 §3.1). */
  readonly serial: number;
}

/** Several zones with the same server. */
export class Authority {
  readonly #zones = new Map<string, Zone>();
  readonly #server: DomainName;
  readonly #origin: DomainName;
  #serial: number;

  /** @throws RangeError without an origin */
  constructor({ origins, server, serial }: AuthorityOptions) {
    const [origin] = origins;
    if (origin === undefined) throw new RangeError("Cannot have authority over nothing: name a zone");
    this.#origin = origin;
    this.#server = server;
    this.#serial = serial >>> 0;
    for (const each of origins) this.#zones.set(each.key, new Zone(each));
  }

  /** The zone of the network. */
  get origin(): DomainName {
    return this.#origin;
  }

  /** Grows with every change: an answer that was made at another serial may be wrong. */
  get serial(): number {
    return this.#serial;
  }

  /** Replaces the records of a group, whatever zones they stand in; those of no zone are left out. */
  setGroup(group: string, rank: RecordRank, records: readonly ResourceRecord[]): void {
    const byZone = Map.groupBy(records, ({ name }) => this.#zoneOf(name));
    for (const zone of this.#zones.values()) zone.setGroup(group, rank, byZone.get(zone) ?? []);
    this.#serial = (this.#serial + 1) >>> 0;
  }

  /** Whether a record of this rank would not be shown if it were put in: a better source, or an alias, has its name. */
  wouldHide(record: ResourceRecord, rank: RecordRank): boolean {
    return this.#zoneOf(record.name)?.wouldHide(record, rank) ?? false;
  }

  /** Whether questions for `name` are answered here. */
  hasAuthority(name: DomainName): boolean {
    return this.#zoneOf(name) !== undefined;
  }

  /** Whether there are records at or below `name`, wildcards left aside. */
  holds(name: DomainName): boolean {
    return this.#zoneOf(name)?.holds(name) ?? false;
  }

  /** @returns all records, those of the zones themselves first */
  records(): readonly SourcedRecord[] {
    const zones = [...this.#zones.values()];
    const apexes = zones.flatMap((zone) => this.#apex(zone));
    const others = zones.flatMap((zone) => zone.records());
    return [
      ...apexes.map((record) => ({ record, source: "zone" as const })),
      ...others.map(({ record, rank }) => ({ record, source: SOURCES[rank] })),
    ];
  }

  /**
   * @param hides what is kept from whoever asks
   * @returns the answer, or undefined when the name is not in any of the zones
   */
  answer({ name, type }: Question, hides?: HidesGroup): Answer | undefined {
    let zone = this.#zoneOf(name);
    if (zone === undefined) return undefined;
    const answers: ResourceRecord[] = [];
    for (let at = name, aliases = 0;; aliases++) {
      const finding = this.#find(zone, at, type, hides);
      if (finding.kind === "no-name") return this.#negative(zone, RESPONSE_CODE.NXDOMAIN, answers);
      if (finding.kind === "no-data") return this.#negative(zone, RESPONSE_CODE.NOERROR, answers);
      if (finding.kind === "records") {
        answers.push(...finding.records);
        break;
      }
      answers.push(finding.record);
      const target = nameInData(RECORD_TYPE.CNAME, finding.record.data);
      const next = target && this.#zoneOf(target);
      // Whoever asked follows it from here (RFC 1034 §4.3.2 step 3a).
      if (target === undefined || next === undefined || aliases === MAX_ALIASES) break;
      zone = next;
      at = target;
    }
    return {
      responseCode: RESPONSE_CODE.NOERROR,
      flags: FLAG.AA,
      answers,
      authority: [],
      additional: this.#addressesFor(answers, hides),
    };
  }

  #find(zone: Zone, name: DomainName, type: number, hides?: HidesGroup): ReturnType<Zone["find"]> {
    // RFC 8482 §4.2: one record instead of all, so that nobody gets much for little.
    if (type === RECORD_TYPE.ANY) {
      const finding = zone.find(name, type, hides);
      if (finding.kind === "no-name") return finding;
      const data = stringsData(["RFC8482", ""]);
      return { kind: "records", records: [record(name, RECORD_TYPE.HINFO, APEX_TTL_SECONDS, data)] };
    }
    if (name.equals(zone.origin)) {
      const records = this.#apex(zone).filter((each) => each.type === type);
      if (records.length > 0) return { kind: "records", records };
    }
    return zone.find(name, type, hides);
  }

  #negative(zone: Zone, responseCode: number, answers: readonly ResourceRecord[]): Answer {
    // RFC 2308 §3: the TTL of the SOA record is that of the negative answer.
    const soa = { ...this.#soa(zone), ttlSeconds: NEGATIVE_TTL_SECONDS };
    return { responseCode, flags: FLAG.AA, answers, authority: [soa], additional: [] };
  }

  #apex(zone: Zone): ResourceRecord[] {
    return [this.#soa(zone), record(zone.origin, RECORD_TYPE.NS, APEX_TTL_SECONDS, this.#server.wire)];
  }

  #soa({ origin }: Zone): ResourceRecord {
    const mailbox = this.#origin.child("hostmaster") ?? this.#origin;
    const numbers = [this.#serial, REFRESH_SECONDS, RETRY_SECONDS, EXPIRE_SECONDS, NEGATIVE_TTL_SECONDS];
    return record(origin, RECORD_TYPE.SOA, APEX_TTL_SECONDS, soaData(this.#server, mailbox, numbers));
  }

  /** RFC 2782, RFC 1035 §3.3: the addresses of what SRV, NS and MX name go along. */
  #addressesFor(answers: readonly ResourceRecord[], hides?: HidesGroup): ResourceRecord[] {
    const targets = new Map<string, DomainName>();
    for (const { type, data } of answers) {
      if (type !== RECORD_TYPE.SRV && type !== RECORD_TYPE.NS && type !== RECORD_TYPE.MX) continue;
      const target = nameInData(type, data);
      if (target !== undefined) targets.set(target.key, target);
    }
    return [...targets.values()].flatMap((target) =>
      [RECORD_TYPE.A, RECORD_TYPE.AAAA].flatMap((type) => {
        const finding = this.#zoneOf(target)?.find(target, type, hides);
        return finding?.kind === "records" ? finding.records : [];
      })
    );
  }

  #zoneOf(name: DomainName): Zone | undefined {
    for (let depth = 0; depth <= name.labelCount; depth++) {
      const zone = this.#zones.get(name.keyAbove(depth));
      if (zone !== undefined) return zone;
    }
    return undefined;
  }
}
