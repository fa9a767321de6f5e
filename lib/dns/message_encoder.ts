/**
 * Writing messages, within a size that the other end takes.
 * @module
 */

import { DomainName, MAX_NAME_BYTES } from "./domain_name.ts";
import {
  type DnsMessage,
  type Edns,
  FLAG,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  type ResourceRecord,
} from "./message.ts";
import { layoutOf } from "./record_data.ts";
import { RECORD_TYPE } from "./record_type.ts";

/** OPT without options: root, type, size, flags, no data. */
const OPT_BYTES = 11;
/** A pointer has 14 bits. */
const MAX_POINTER_TARGET = 0x3fff;

/**
 * Writes a message. What does not fit into `maxBytes` is left out: additional records one by one, and when an answer or
 * an authority record does not fit, all of them, with TC set (RFC 2181 §9). Names are compressed (RFC 1035 §4.1.4), so
 * that records of the name that was asked for show it as the question wrote it.
 * @param maxBytes at least 512
 */
export function encodeMessage(message: DnsMessage, maxBytes: number = MAX_MESSAGE_BYTES): Uint8Array {
  const writer = new MessageWriter(Math.min(maxBytes, MAX_MESSAGE_BYTES));
  const { questions, answers, authority, additional, edns } = message;
  for (const { name, type, class: questionClass } of questions) {
    writer.writeName(name.wire);
    writer.uint16(type);
    writer.uint16(questionClass);
  }
  writer.reserve(edns === undefined ? 0 : OPT_BYTES);
  const afterQuestions = writer.mark();
  const counts = [questions.length, 0, 0, 0];
  let flags = message.flags;
  if ([...answers, ...authority].every((record) => writer.writeRecord(record))) {
    counts[1] = answers.length;
    counts[2] = authority.length;
    counts[3] = additional.filter((record) => writer.writeRecord(record)).length;
  } else {
    writer.rewind(afterQuestions);
    flags |= FLAG.TC;
  }
  writer.reserve(0);
  if (edns !== undefined) {
    counts[3] = (counts[3] ?? 0) + 1;
    writer.writeOpt(edns, message.responseCode);
  }
  return writer.finish(message, flags, counts);
}

class MessageWriter {
  readonly #maxBytes: number;
  #bytes = new Uint8Array(512);
  #view = new DataView(this.#bytes.buffer);
  #at = HEADER_BYTES;
  #reserved = 0;
  /** Where each name, by its key, was written. */
  readonly #names = new Map<string, number>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Keeps room at the end of the message. */
  reserve(lengthBytes: number): void {
    this.#reserved = lengthBytes;
  }

  mark(): number {
    return this.#at;
  }

  /** Forgets what was written since. */
  rewind(mark: number): void {
    this.#at = mark;
    for (const [key, at] of this.#names) if (at >= mark) this.#names.delete(key);
  }

  /** @returns false when it does not fit; nothing is written then */
  writeRecord(record: ResourceRecord): boolean {
    const { name, type, class: recordClass, ttlSeconds, data } = record;
    const start = this.mark();
    this.writeName(name.wire);
    this.uint16(type);
    this.uint16(recordClass);
    this.uint16(ttlSeconds >>> 16);
    this.uint16(ttlSeconds & 0xffff);
    const lengthAt = this.#at;
    this.uint16(0);
    this.#writeData(type, data);
    this.#view.setUint16(lengthAt, this.#at - lengthAt - 2);
    if (this.#at + this.#reserved <= this.#maxBytes) return true;
    this.rewind(start);
    return false;
  }

  writeOpt({ version, payloadBytes, wantsDnssec }: Edns, responseCode: number): void {
    this.#bytesOf(DomainName.root.wire);
    this.uint16(RECORD_TYPE.OPT);
    this.uint16(payloadBytes);
    this.uint16(((responseCode >> 4) << 8) | version);
    this.uint16(wantsDnssec ? 0x8000 : 0);
    this.uint16(0);
  }

  writeName(wire: Uint8Array): void {
    const { key } = DomainName.fromWire(wire);
    for (let at = 0; (wire[at] ?? 0) > 0; at += (wire[at] ?? 0) + 1) {
      const suffix = key.slice(at);
      const known = this.#names.get(suffix);
      if (known !== undefined) {
        this.uint16(0xc000 | known);
        return;
      }
      if (this.#at <= MAX_POINTER_TARGET) this.#names.set(suffix, this.#at);
      this.#bytesOf(wire.subarray(at, at + (wire[at] ?? 0) + 1));
    }
    this.#bytesOf(DomainName.root.wire);
  }

  uint16(value: number): void {
    this.#grow(2);
    this.#view.setUint16(this.#at, value);
    this.#at += 2;
  }

  finish({ id, opcode, responseCode }: DnsMessage, flags: number, counts: readonly number[]): Uint8Array {
    const words = [id, flags | (opcode << 11) | (responseCode & 0xf), ...counts];
    words.forEach((word, i) => this.#view.setUint16(2 * i, word));
    return this.#bytes.slice(0, this.#at);
  }

  #writeData(type: number, data: Uint8Array): void {
    const { leadBytes, names, compresses } = layoutOf(type);
    if (!compresses) return this.#bytesOf(data);
    this.#bytesOf(data.subarray(0, leadBytes));
    let at = leadBytes;
    for (let i = 0; i < names; i++) {
      const start = at;
      while ((data[at] ?? 0) > 0 && at - start < MAX_NAME_BYTES) at += (data[at] ?? 0) + 1;
      this.writeName(data.subarray(start, ++at));
    }
    this.#bytesOf(data.subarray(at));
  }

  #bytesOf(bytes: Uint8Array): void {
    this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #grow(lengthBytes: number): void {
    const needed = this.#at + lengthBytes;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
