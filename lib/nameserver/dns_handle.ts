/**
 * What can be done with a name server while it runs.
 * @module
 */

import {
  absoluteName,
  type Authority,
  CLASS_IN,
  decodeMessage,
  type DnsCounter,
  type DnsMessage,
  encodeMessage,
  FLAG,
  formatRecord,
  type KnownUpstream,
  parseRecord,
  parseType,
  RECORD_RANK,
  RECORD_TYPE,
  type RecordRank,
  type RecordSource,
  type RecordText,
  type ResourceRecord,
} from "../dns/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { type DnsForward, InvalidRecordError, parseZone } from "./dns_config.ts";
import type { HidesFrom, QueryService } from "./query_service.ts";
import type { UdpFrontend } from "./udp_frontend.ts";

/** How many records may be added. */
export const MAX_CUSTOM_RECORDS = 10_000;

/** A server's zone and sockets, and what to close with them. */
export interface DnsHandleParts {
  readonly authority: Authority;
  readonly service: QueryService;
  readonly endpoints: readonly Endpoint[];
  readonly frontend: UdpFrontend;
  /** Closed by `stop`. */
  readonly resources: AsyncDisposableStack;
}

/** A running name server. Disposing it stops it. */
export class DnsHandle implements AsyncDisposable {
  /** Where it answers, over UDP and TCP. */
  readonly endpoints: readonly Endpoint[];
  readonly #parts: DnsHandleParts;
  /** What was added, by its text. */
  readonly #custom = new Map<string, ResourceRecord>();

  /** @internal */
  constructor(parts: DnsHandleParts) {
    this.#parts = parts;
    this.endpoints = parts.endpoints;
  }

  /** How its UDP sockets are served now. */
  get sockets(): "fast" | "portable" {
    return this.#parts.frontend.kind;
  }

  /** The zone, with its final dot. */
  get zone(): string {
    return this.#parts.authority.origin.toString();
  }

  /**
   * Adds a record; adding it again changes its TTL.
   * @throws InvalidRecordError when it is none, stands in no zone of this server, or would not be seen: the name is a
   * member's or a service's, or an alias
   */
  add(text: RecordText): Required<RecordText> {
    const record = this.parse(text);
    const key = keyOf(record);
    if (!this.#custom.has(key) && this.#custom.size >= MAX_CUSTOM_RECORDS) {
      throw new InvalidRecordError(
        `Cannot add ${record.name}: there are ${MAX_CUSTOM_RECORDS} records already`,
      );
    }
    this.checkVisible(record);
    this.setRecords(key, RECORD_RANK.custom, [record]);
    this.#custom.set(key, record);
    return formatRecord(record);
  }

  /**
   * @internal
   * @throws InvalidRecordError when the record would not be seen if it were added with this rank: the name is taken
   */
  checkVisible(record: ResourceRecord, rank: RecordRank = RECORD_RANK.custom): void {
    const key = keyOf(record);
    const isAlias = record.type === RECORD_TYPE.CNAME;
    const others = [...this.#custom].filter(([each, { name }]) => each !== key && name.equals(record.name));
    const isTaken = isAlias && others.length > 0;
    if (!isTaken && !this.#parts.authority.wouldHide(record, rank)) return;
    throw new InvalidRecordError(`Cannot add ${record.name}: the name is taken`, {
      hint:
        "What leaders say, members and services come first, and an alias stands alone; `weft dns list` shows all.",
    });
  }

  /**
   * Removes what was added.
   * @param name below the zone unless it ends with a dot
   * @param type all types unless told
   * @returns the records that are gone
   */
  remove(name: string, type?: string, data?: string): readonly Required<RecordText>[] {
    const { authority } = this.#parts;
    const owner = absoluteName(authority.origin, name);
    const number = type === undefined ? undefined : parseType(type);
    const gone = [...this.#custom].filter(([, record]) =>
      owner?.equals(record.name) && (type === undefined || record.type === number) &&
      (data === undefined || formatRecord(record).data === this.#asWritten(name, type, data))
    );
    for (const [key] of gone) {
      this.#custom.delete(key);
      this.setRecords(key, RECORD_RANK.custom, []);
    }
    return gone.map(([, record]) => formatRecord(record));
  }

  /** What was added. @returns what was added, in that order */
  list(): readonly Required<RecordText>[] {
    return [...this.#custom.values()].map(formatRecord);
  }

  /** Everything that is served. @returns everything that the zones hold, each with where it comes from */
  records(): readonly (Required<RecordText> & { readonly source: RecordSource })[] {
    return this.#parts.authority.records().map(({ record, source }) => ({ ...formatRecord(record), source }));
  }

  /**
   * Asks the server as a client would.
   * @param name below the zone unless it ends with a dot
   * @returns the response
   * @throws InvalidRecordError when the name or type is none
   */
  async query(name: string, type = "A"): Promise<DnsMessage> {
    const owner = absoluteName(this.#parts.authority.origin, name);
    const number = parseType(type);
    if (owner === undefined || number === undefined) {
      throw new InvalidRecordError(
        `Cannot ask for ${JSON.stringify(`${name} ${type}`.slice(0, 80))}: that is no name and type`,
        { hint: "For example: weft dns query web-1 AAAA" },
      );
    }
    const query = encodeMessage({
      id: 0,
      flags: FLAG.RD,
      opcode: 0,
      responseCode: 0,
      questions: [{ name: owner, type: number, class: CLASS_IN }],
      answers: [],
      authority: [],
      additional: [],
    });
    const answer = await this.#parts.service.answer(query);
    if (answer === undefined) throw new InvalidRecordError("Cannot ask: the name server is stopped");
    const response = decodeMessage(answer);
    if (typeof response === "object") return response;
    throw new InvalidRecordError(`Cannot read the server's own response: ${response}`);
  }

  /** What has happened since the start. @returns how often each thing happened, zeros included */
  counters(): Readonly<Record<DnsCounter, number>> {
    const { service, frontend } = this.#parts;
    const counts = service.counters.snapshot();
    for (const [counter, count] of frontend.counters()) counts[counter] += count;
    return counts;
  }

  /**
   * Asks other servers for other names from now on, in place of those that it was started with.
   * @throws InvalidRecordError when a suffix is no domain name
   */
  followForwards(forward: readonly DnsForward[]): void {
    this.#parts.service.followRoutes(
      forward.map(({ suffix, servers }) => ({ suffix: parseZone(suffix), servers })),
    );
  }

  /** Whether each of the servers that it asks for other names answers, as far as that is known. */
  upstreams(): readonly KnownUpstream[] {
    return this.#parts.service.upstreams();
  }

  /**
   * Reads a record.
   * @internal
   * @throws InvalidRecordError when it is none, or stands in no zone of this server
   */
  parse(text: RecordText): ResourceRecord {
    const { authority } = this.#parts;
    const record = parseRecord(authority.origin, text);
    const problem = "problem" in record
      ? record.problem
      : authority.hasAuthority(record.name)
      ? undefined
      : `it is not within ${authority.origin}`;
    if (problem !== undefined || "problem" in record) {
      throw new InvalidRecordError(
        `Cannot use the record ${JSON.stringify(text.name.slice(0, 60))}: ${problem}`,
        {
          hint: "For example: weft dns add db A 10.200.0.9",
        },
      );
    }
    return record;
  }

  /**
   * Replaces the records of a group, of whatever source.
   * @internal
   */
  setRecords(group: string, rank: RecordRank, records: readonly ResourceRecord[]): void {
    this.#parts.authority.setGroup(group, rank, records);
    this.#parts.frontend.changeZone();
  }

  /**
   * Keeps records from those who may not see them, or from nobody. A server that has begun to hide tells askers apart, which the
   * fast way can't: it goes on the portable way.
   * @internal
   * @param hidden by the address that asks, what is kept from it, by the groups of records
   */
  async hideFrom(hidden: HidesFrom | undefined): Promise<void> {
    const { service, frontend } = this.#parts;
    service.hidden = hidden;
    frontend.changeZone();
    if (hidden !== undefined) await frontend.leaveFast();
  }

  /** Stops answering and closes all sockets. Harmless when repeated. */
  async stop(): Promise<void> {
    await this.#parts.resources.disposeAsync();
  }

  /** The same as `stop`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #asWritten(name: string, type: string | undefined, data: string): string {
    return type === undefined ? data : formatRecord(this.parse({ name, type, data })).data;
  }
}

function keyOf(record: ResourceRecord): string {
  return `custom ${record.name.key} ${record.type} ${record.data.toHex()}`;
}
