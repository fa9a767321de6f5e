/**
 * Reading messages that anybody may have sent.
 * @module
 */

import { concatBytes } from "../base/mod.ts";
import { DomainName, MAX_LABEL_BYTES, MAX_NAME_BYTES } from "./domain_name.ts";
import {
  type DnsMessage,
  type Edns,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  type Question,
  type ResourceRecord,
} from "./message.ts";
import { layoutOf } from "./record_data.ts";
import { RECORD_TYPE } from "./record_type.ts";

/**
 * Why bytes are no message: shorter than a header, or longer than a message; more than one question (RFC 9619 §4); a name
 * that is none; a record that runs past the end, or data that does not fit its type; OPT where it may not be, or twice;
 * bytes behind the end.
 */
export const MESSAGE_PROBLEMS = [
  "length",
  "questions",
  "name",
  "record",
  "data",
  "edns",
  "trailing",
] as const;
/** One of `MESSAGE_PROBLEMS`. */
export type MessageProblem = typeof MESSAGE_PROBLEMS[number];

/** A pointer leads to a place before it, so none leads around; so many are followed for one name. */
const MAX_POINTERS = 64;
const FLAG_BITS = 0x87b0;

/**
 * Reads a whole message. It takes time in proportion to its length, keeps no part of `bytes`, and never throws.
 * @returns the message, or what is wrong with it
 */
export function decodeMessage(bytes: Uint8Array): DnsMessage | MessageProblem {
  if (bytes.length < HEADER_BYTES || bytes.length > MAX_MESSAGE_BYTES) return "length";
  const reader = new MessageReader(bytes);
  const [questions = 0, ...counts] = [4, 6, 8, 10].map((at) => reader.uint16At(at));
  if (questions > 1) return "questions";
  const question = questions === 1 ? reader.readQuestion() : undefined;
  if (typeof question === "string") return question;
  const sections: ResourceRecord[][] = [];
  let opt: ResourceRecord | undefined;
  for (const [section, count] of counts.entries()) {
    const records: ResourceRecord[] = [];
    // A record takes 11 bytes at least: a count that lies ends at the end of the bytes.
    for (let i = 0; i < count; i++) {
      const record = reader.readRecord();
      if (typeof record === "string") return record;
      if (record.type !== RECORD_TYPE.OPT) records.push(record);
      // RFC 6891 §6.1.1: in the additional section, once.
      else if (section !== 2 || opt !== undefined) return "edns";
      else opt = record;
    }
    sections.push(records);
  }
  if (!reader.isAtEnd) return "trailing";
  const edns = opt && readEdns(opt);
  if (opt !== undefined && edns === undefined) return "edns";
  const flags = reader.uint16At(2);
  const [answers = [], authority = [], additional = []] = sections;
  return {
    id: reader.uint16At(0),
    flags: flags & FLAG_BITS,
    opcode: (flags >> 11) & 0xf,
    responseCode: (flags & 0xf) | (opt === undefined ? 0 : (opt.ttlSeconds >>> 24) << 4),
    questions: question === undefined ? [] : [question],
    answers,
    authority,
    additional,
    edns,
  };
}

/** RFC 6891 §6.1.2: the class is a size, the TTL holds flags, the data is a list of options. */
function readEdns(opt: ResourceRecord): Edns | undefined {
  if (opt.name.wire.length !== 1 || !areOptions(opt.data)) return undefined;
  return {
    version: (opt.ttlSeconds >>> 16) & 0xff,
    payloadBytes: opt.class,
    wantsDnssec: (opt.ttlSeconds & 0x8000) !== 0,
  };
}

function areOptions(data: Uint8Array): boolean {
  let at = 0;
  while (at + 4 <= data.length) at += 4 + (((data[at + 2] ?? 0) << 8) | (data[at + 3] ?? 0));
  return at === data.length;
}

class MessageReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = HEADER_BYTES;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Within what is known to be there. */
  uint16At(at: number): number {
    return this.#view.getUint16(at);
  }

  readQuestion(): Question | MessageProblem {
    const name = this.#readName(this.#bytes.length);
    if (name === undefined) return "name";
    if (this.#at + 4 > this.#bytes.length) return "record";
    const at = this.#at;
    this.#at += 4;
    return { name, type: this.uint16At(at), class: this.uint16At(at + 2) };
  }

  readRecord(): ResourceRecord | MessageProblem {
    const name = this.#readName(this.#bytes.length);
    if (name === undefined) return "name";
    const at = this.#at;
    if (at + 10 > this.#bytes.length) return "record";
    const end = at + 10 + this.uint16At(at + 8);
    if (end > this.#bytes.length) return "record";
    const type = this.uint16At(at);
    const ttl = this.#view.getUint32(at + 4);
    this.#at = at + 10;
    const data = this.#readData(type, end);
    if (data === undefined) return "data";
    // RFC 2181 §8: a TTL with its highest bit set counts as 0; of OPT these bits are no time.
    const ttlSeconds = type !== RECORD_TYPE.OPT && ttl > 0x7fff_ffff ? 0 : ttl;
    return { name, type, class: this.uint16At(at + 2), ttlSeconds, data };
  }

  /** @returns the data with its names written out */
  #readData(type: number, end: number): Uint8Array | undefined {
    const start = this.#at;
    const { leadBytes, names, tailBytes } = layoutOf(type);
    if (names === 0) {
      this.#at = end;
      if (tailBytes !== undefined && end - start !== leadBytes + tailBytes) return undefined;
      return this.#bytes.slice(start, end);
    }
    if (start + leadBytes > end) return undefined;
    this.#at = start + leadBytes;
    const parts = [this.#bytes.subarray(start, this.#at)];
    for (let i = 0; i < names; i++) {
      const name = this.#readName(end);
      if (name === undefined) return undefined;
      parts.push(name.wire);
    }
    if (end - this.#at !== tailBytes) return undefined;
    parts.push(this.#bytes.subarray(this.#at, end));
    this.#at = end;
    return concatBytes(...parts);
  }

  /**
   * Reads a name, compressed or not (RFC 1035 §4.1.4), and goes behind it.
   * @param end what stands in place may not reach beyond
   */
  #readName(end: number): DomainName | undefined {
    const bytes = this.#bytes;
    const wire = new Uint8Array(MAX_NAME_BYTES);
    let length = 0;
    let at = this.#at;
    // Behind the name in place; known once a pointer or the end is met.
    let next = 0;
    let limit = end;
    let segmentStart = at;
    for (let pointers = 0;;) {
      if (at >= limit) return undefined;
      const size = bytes[at] ?? 0;
      if (size <= MAX_LABEL_BYTES) {
        if (at + 1 + size > limit || length + 1 + size > MAX_NAME_BYTES) return undefined;
        wire.set(bytes.subarray(at, at + 1 + size), length);
        length += 1 + size;
        at += 1 + size;
        if (size > 0) continue;
        this.#at = next === 0 ? at : next;
        return DomainName.fromWire(wire.slice(0, length));
      }
      // The other two kinds of label were never put to use (RFC 6891 §5).
      if (size < 0xc0 || at + 2 > limit || ++pointers > MAX_POINTERS) return undefined;
      const target = ((size & 0x3f) << 8) | (bytes[at + 1] ?? 0);
      // "A prior occurrence of the same name": whatever leads forward or to itself is none.
      if (target < HEADER_BYTES || target >= segmentStart) return undefined;
      if (next === 0) next = at + 2;
      at = segmentStart = target;
      limit = bytes.length;
    }
  }
}
