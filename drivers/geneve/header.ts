/**
 * The header of Geneve (RFC 8926 §3.4), and its options (§3.5).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |Ver|  Opt Len  |O|C|    Rsvd.  |          Protocol Type        |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |        Virtual Network Identifier (VNI)       |    Reserved   |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |          Option Class         |C|    Type     |R|R|R| Length  |  each option, its data behind it
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * @module
 */

import { putUint16, uint16At } from "../../lib/net/mod.ts";
import { putUint24, uint24At } from "../fields.ts";

/** Without options. */
export const GENEVE_HEADER_BYTES = 8;
/** RFC 8926 §3.4: six bits of four-byte words. */
export const GENEVE_MAX_OPTIONS_BYTES = 252;
/** RFC 8926 §3.5: the data of one option, five bits of four-byte words. */
export const GENEVE_MAX_OPTION_DATA_BYTES = 124;
/** RFC 8926 §3.4: O, a control packet; endpoints MUST NOT forward its payload. */
export const GENEVE_CONTROL = 0x80;
/** RFC 8926 §3.4: C, one option or more is critical. */
export const GENEVE_CRITICAL = 0x40;
/** RFC 8926 §3.5: the high bit of an option's type says that who does not know the option drops the packet. */
export const GENEVE_CRITICAL_TYPE = 0x80;
const OPTION_HEADER_BYTES = 4;

/** One option. */
export interface GeneveOption {
  /** 16 bits: who has defined it. */
  readonly optionClass: number;
  /** 8 bits; from 0x80 on it is critical. */
  readonly type: number;
  /** Up to 124 bytes, a multiple of 4. */
  readonly data: Uint8Array;
}

/** What the header says. */
export interface GeneveHeader {
  /** 24 bits. */
  readonly vni: number;
  /** An Ethertype. */
  readonly protocolType: number;
  readonly isControl: boolean;
  readonly options: readonly GeneveOption[];
}

/**
 * @returns 8 bytes and those of the options
 * @throws RangeError when options are too long, or not a multiple of 4 bytes
 */
export function encodeGeneve(
  { vni, protocolType, isControl, options }: GeneveHeader,
): Uint8Array<ArrayBuffer> {
  const optionsBytes = options.reduce((sum, { data }) => sum + OPTION_HEADER_BYTES + data.length, 0);
  const isFit = options.every(({ data }) =>
    data.length % 4 === 0 && data.length <= GENEVE_MAX_OPTION_DATA_BYTES
  );
  if (!isFit || optionsBytes > GENEVE_MAX_OPTIONS_BYTES) {
    throw new RangeError("Cannot encode Geneve: options are multiples of 4 bytes, 124 each and 252 in all");
  }
  const bytes = new Uint8Array(GENEVE_HEADER_BYTES + optionsBytes);
  bytes[0] = optionsBytes / 4;
  const isCritical = options.some(({ type }) => (type & GENEVE_CRITICAL_TYPE) !== 0);
  bytes[1] = (isControl ? GENEVE_CONTROL : 0) | (isCritical ? GENEVE_CRITICAL : 0);
  putUint16(bytes, 2, protocolType);
  putUint24(bytes, 4, vni);
  let at = GENEVE_HEADER_BYTES;
  for (const { optionClass, type, data } of options) {
    putUint16(bytes, at, optionClass);
    bytes[at + 2] = type;
    bytes[at + 3] = data.length / 4;
    bytes.set(data, at + OPTION_HEADER_BYTES);
    at += OPTION_HEADER_BYTES + data.length;
  }
  return bytes;
}

/** @returns the header, or undefined when it is malformed; reserved bits are ignored on receipt (RFC 8926 §3.4) */
export function decodeGeneve(bytes: Uint8Array): GeneveHeader | undefined {
  const first = bytes[0] ?? 0;
  const end = GENEVE_HEADER_BYTES + (first & 0x3f) * 4;
  if (bytes.length < end || first >> 6 !== 0) return undefined;
  const options: GeneveOption[] = [];
  for (let at = GENEVE_HEADER_BYTES; at < end;) {
    const next = nextOption(bytes, at, end);
    if (next === 0) return undefined;
    const data = bytes.slice(at + OPTION_HEADER_BYTES, next);
    options.push({ optionClass: uint16At(bytes, at), type: bytes[at + 2] ?? 0, data });
    at = next;
  }
  return {
    vni: uint24At(bytes, 4),
    protocolType: uint16At(bytes, 2),
    isControl: ((bytes[1] ?? 0) & GENEVE_CONTROL) !== 0,
    options,
  };
}

/** @returns where the option behind the one at `at` begins, which may be `end`; 0 when it runs past `end` */
export function nextOption(bytes: Uint8Array, at: number, end: number): number {
  if (at + OPTION_HEADER_BYTES > end) return 0;
  const next = at + OPTION_HEADER_BYTES + ((bytes[at + 3] ?? 0) & 0x1f) * 4;
  return next > end ? 0 : next;
}
