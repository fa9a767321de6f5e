/**
 * The data of records: where names stand in it, and how it is made and written as text.
 * @module
 */

import { concatBytes, utf8Bytes } from "../base/mod.ts";
import { IpAddress } from "../net/mod.ts";
import { DomainName } from "./domain_name.ts";
import { RECORD_TYPE } from "./record_type.ts";

/** One string of a TXT record is at most so long, in bytes (RFC 1035 §3.3). */
export const MAX_STRING_BYTES = 255;

/** How the data of a type begins: so many bytes, so many names, then whatever is left. */
export interface DataLayout {
  readonly leadBytes: number;
  readonly names: number;
  /** How many bytes follow the names; undefined: any number. */
  readonly tailBytes: number | undefined;
  /** Whether the names may be compressed when sent; they are read either way (RFC 3597 §4). */
  readonly compresses: boolean;
}

const { A, AAAA, AFSDB, CNAME, DNAME, HINFO, MX, NS, PTR, RP, RT, SOA, SRV, TXT } = RECORD_TYPE;

/** Types whose data has names, or a fixed length; of all others any bytes are good. */
const LAYOUTS: ReadonlyMap<number, DataLayout> = new Map([
  [A, layout(4, 0, 0)],
  [AAAA, layout(16, 0, 0)],
  // MD, MF, MB, MG, MR and MINFO of RFC 1035 §3.3 have names as well.
  ...[NS, CNAME, PTR, 3, 4, 7, 8, 9].map((type) => [type, layout(0, 1, 0, true)] as const),
  [14, layout(0, 2, 0, true)],
  [SOA, layout(0, 2, 20, true)],
  [MX, layout(2, 1, 0, true)],
  [RP, layout(0, 2, 0)],
  [AFSDB, layout(2, 1, 0)],
  [RT, layout(2, 1, 0)],
  // RFC 2782: the target is not compressed.
  [SRV, layout(6, 1, 0)],
  [DNAME, layout(0, 1, 0)],
]);
const OPAQUE: DataLayout = { ...layout(0, 0, 0), tailBytes: undefined };

function layout(leadBytes: number, names: number, tailBytes: number, compresses = false): DataLayout {
  return { leadBytes, names, tailBytes, compresses };
}

/** @returns how the data of a type is laid out */
export function layoutOf(type: number): DataLayout {
  return LAYOUTS.get(type) ?? OPAQUE;
}

/** The fields of an SRV record (RFC 2782). */
export interface SrvFields {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: DomainName;
}

/** @returns the data of an SRV record */
export function srvData({ priority, weight, port, target }: SrvFields): Uint8Array {
  return concatBytes(uint16(priority), uint16(weight), uint16(port), target.wire);
}

/**
 * @param numbers serial, then seconds: refresh, retry, expire, and how long a negative answer holds (RFC 2308 §4)
 * @returns the data of an SOA record (RFC 1035 §3.3.13)
 */
export function soaData(primary: DomainName, mailbox: DomainName, numbers: readonly number[]): Uint8Array {
  return concatBytes(primary.wire, mailbox.wire, ...numbers.map(uint32));
}

/**
 * @param strings at least one, of at most 255 bytes each; text is written as UTF-8
 * @returns the data of a TXT record, or of any type that is a list of strings
 * @throws RangeError when a string is longer
 */
export function stringsData(strings: readonly (string | Uint8Array)[]): Uint8Array {
  return concatBytes(...strings.map((string) => {
    const bytes = typeof string === "string" ? utf8Bytes(string) : string;
    if (bytes.length > MAX_STRING_BYTES) {
      throw new RangeError(
        `Cannot put ${bytes.length} bytes into one string: ${MAX_STRING_BYTES} are the most`,
      );
    }
    return concatBytes(Uint8Array.of(bytes.length), bytes);
  }));
}

/** @returns the seconds that the SOA record `data` lets a negative answer live */
export function soaMinimumSeconds(data: Uint8Array): number {
  return data.length < 22 ? 0 : new DataView(data.buffer, data.byteOffset).getUint32(data.length - 4);
}

/** @returns the name that stands in the data of a type that has one, or undefined */
export function nameInData(type: number, data: Uint8Array): DomainName | undefined {
  const { leadBytes, names } = layoutOf(type);
  return names === 0 ? undefined : readName(data, leadBytes)?.name;
}

/** @returns the data as master files write it; of unknown types by RFC 3597 §5 */
export function dataText(type: number, data: Uint8Array): string {
  if ((type === A && data.length === 4) || (type === AAAA && data.length === 16)) {
    return IpAddress.fromBytes(data).toString();
  }
  if (type === TXT || type === HINFO) return stringsText(data);
  const { leadBytes, names } = layoutOf(type);
  if (names === 0) return `\\# ${data.length} ${data.toHex()}`.trimEnd();
  const words: string[] = numbersIn(data.subarray(0, leadBytes), 2);
  let at = leadBytes;
  for (let i = 0; i < names; i++) {
    const read = readName(data, at);
    if (read === undefined) return `\\# ${data.length} ${data.toHex()}`;
    words.push(read.name.toString());
    at = read.next;
  }
  return [...words, ...numbersIn(data.subarray(at), 4)].join(" ");
}

/** Reads data that was checked when it was decoded or made. */
function readName(
  data: Uint8Array,
  from: number,
): { readonly name: DomainName; readonly next: number } | undefined {
  let at = from;
  while ((data[at] ?? 0) > 0) at += (data[at] ?? 0) + 1;
  return at < data.length ? { name: DomainName.fromWire(data.slice(from, at + 1)), next: at + 1 } : undefined;
}

function stringsText(data: Uint8Array): string {
  const strings: string[] = [];
  for (let at = 0; at < data.length;) {
    const length = data[at] ?? 0;
    let text = "";
    for (const byte of data.subarray(at + 1, at + 1 + length)) {
      const character = String.fromCharCode(byte);
      if (byte < 0x20 || byte >= 0x7f) text += `\\${byte.toString().padStart(3, "0")}`;
      else text += /["\\]/.test(character) ? `\\${character}` : character;
    }
    strings.push(`"${text}"`);
    at += 1 + length;
  }
  return strings.join(" ");
}

function numbersIn(bytes: Uint8Array, width: 2 | 4): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const numbers: string[] = [];
  for (let at = 0; at + width <= bytes.length; at += width) {
    numbers.push(String(width === 2 ? view.getUint16(at) : view.getUint32(at)));
  }
  return numbers;
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}
