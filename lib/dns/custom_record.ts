/**
 * Records as people write them.
 * @module
 */

import { concatBytes, utf8Bytes } from "../base/mod.ts";
import { IpAddress } from "../net/mod.ts";
import { DEFAULT_TTL_SECONDS, MAX_TTL_SECONDS } from "./bounds.ts";
import { DomainName } from "./domain_name.ts";
import type { ResourceRecord } from "./message.ts";
import { dataText, MAX_STRING_BYTES, stringsData } from "./record_data.ts";
import { parseType, RECORD_TYPE, typeText } from "./record_type.ts";
import { record } from "./zone.ts";

/** How many strings a TXT record may have. */
const MAX_STRINGS = 32;

/** A record as text. */
export interface RecordText {
  /** Below the zone unless it ends with a dot; the first label may be `*`. */
  readonly name: string;
  /** A, AAAA, CNAME, TXT, SRV, MX or PTR. */
  readonly type: string;
  /** As master files have it: an address, a name, `0 0 80 web`, text. */
  readonly data: string;
  /** How long it may be cached; 300 unless told. */
  readonly ttlSeconds?: number;
}

/**
 * Reads a record. Names in the data are below the zone, too, unless they end with a dot.
 * @returns the record, or in a few words what is wrong with it
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseRecord } from "./custom_record.ts";
 * import { DomainName } from "./domain_name.ts";
 * const zone = DomainName.parse("weft.internal") ?? DomainName.root;
 * const record = parseRecord(zone, { name: "db", type: "A", data: "10.200.0.9" });
 * assert.ok("data" in record);
 * assert.equal(record.name.toString(), "db.weft.internal.");
 * ```
 */
export function parseRecord(
  zone: DomainName,
  text: RecordText,
): ResourceRecord | { readonly problem: string } {
  const name = absoluteName(zone, text.name);
  if (name === undefined || !isHostLike(name)) return { problem: `${quoted(text.name)} is no name` };
  const { ttlSeconds = DEFAULT_TTL_SECONDS } = text;
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 0 || ttlSeconds > MAX_TTL_SECONDS) {
    return { problem: `a TTL is 0 to ${MAX_TTL_SECONDS} seconds` };
  }
  const type = parseType(text.type);
  if (type === undefined) return { problem: `there is no type ${quoted(text.type)}` };
  const parse = PARSERS.get(type);
  if (parse === undefined) {
    const known = [...PARSERS.keys()].map(typeText).join(", ");
    return { problem: `records of type ${typeText(type)} are not taken; ${known} are` };
  }
  const data = parse(text.data.trim(), zone);
  return data === undefined
    ? { problem: `${quoted(text.data)} is no data of type ${typeText(type)}` }
    : record(name, type, ttlSeconds, data);
}

/** @returns the record as text, with absolute names */
export function formatRecord({ name, type, data, ttlSeconds }: ResourceRecord): Required<RecordText> {
  return { name: name.toString(), type: typeText(type), data: dataText(type, data), ttlSeconds };
}

/**
 * @returns the name, below the zone unless it ends with a dot, is written out to the end of the zone, or is that of an
 * address; `@` is the zone itself
 */
export function absoluteName(zone: DomainName, text: string): DomainName | undefined {
  if (text === "@") return zone;
  const name = DomainName.parse(text);
  const isAbsolute = text.endsWith(".") || name?.isWithin(zone) || /\.(in-addr|ip6)\.arpa$/i.test(text);
  return isAbsolute ? name : name?.join(zone);
}

type DataParser = (text: string, zone: DomainName) => Uint8Array | undefined;

const address = (family: 4 | 6): DataParser => (text) => {
  const read = IpAddress.parse(text);
  return read?.family === family ? read.bytes : undefined;
};
const host: DataParser = (text, zone) => absoluteName(zone, text)?.wire;

const PARSERS: ReadonlyMap<number, DataParser> = new Map<number, DataParser>([
  [RECORD_TYPE.A, address(4)],
  [RECORD_TYPE.AAAA, address(6)],
  [RECORD_TYPE.CNAME, host],
  [RECORD_TYPE.TXT, parseStrings],
  [RECORD_TYPE.SRV, numbersAndName(3)],
  [RECORD_TYPE.MX, numbersAndName(1)],
  [RECORD_TYPE.PTR, host],
]);

/** So many numbers of 16 bits, then a name. */
function numbersAndName(count: number): DataParser {
  return (text, zone) => {
    const words = text.split(/\s+/);
    const numbers = words.slice(0, count).map(uint16);
    const name = absoluteName(zone, words[count] ?? "");
    if (numbers.includes(undefined) || name === undefined || words.length > count + 1) return undefined;
    return concatBytes(Uint8Array.from(numbers.flatMap((each = 0) => [each >> 8, each & 255])), name.wire);
  };
}

/** Strings in quotes with escapes (RFC 1035 §5.1), or the whole text as one. */
function parseStrings(text: string): Uint8Array | undefined {
  const strings = !text.startsWith('"')
    ? [utf8Bytes(text)]
    : /^("(?:[^"\\]|\\.)*"\s*)+$/s.test(text)
    ? [...text.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, inner = ""]) => unescaped(inner))
    : [];
  const fit = strings.every((each) => each !== undefined && each.length <= MAX_STRING_BYTES);
  if (!fit || strings.length === 0 || strings.length > MAX_STRINGS) return undefined;
  return stringsData(strings.flatMap((each) => each ?? []));
}

/** @returns the bytes, with `\DDD` for any and `\X` for X; undefined when a number is none of a byte */
function unescaped(text: string): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  for (const [part, digits, character] of text.matchAll(/\\(\d{3})|\\(.)|[^\\]+/gs)) {
    if (digits !== undefined && Number(digits) > 255) return undefined;
    parts.push(digits === undefined ? utf8Bytes(character ?? part) : Uint8Array.of(Number(digits)));
  }
  return concatBytes(...parts);
}

function uint16(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 0xffff ? Number(text) : undefined;
}

/** Letters, digits, hyphens and underscores, and an asterisk as the whole first label. */
function isHostLike(name: DomainName): boolean {
  return /^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)+$/i.test(name.toString());
}

function quoted(text: string): string {
  return JSON.stringify(text.length <= 60 ? text : `${text.slice(0, 59)}…`);
}
