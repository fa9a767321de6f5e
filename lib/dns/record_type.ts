/**
 * The numbers of the DNS: types, classes, response codes, operations (IANA, Domain Name System Parameters).
 * @module
 */

/** Types of records and questions that are known by name here. */
export const RECORD_TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  RT: 21,
  AAAA: 28,
  SRV: 33,
  DNAME: 39,
  OPT: 41,
  CAA: 257,
  /** Only asked for: a transfer of changes, of a zone, and whatever there is. */
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

/** The class of the Internet (RFC 1035 §3.2.4). */
export const CLASS_IN = 1;

/** An ordinary question (RFC 1035 §4.1.1). */
export const OPCODE_QUERY = 0;

/** Response codes (RFC 1035 §4.1.1, RFC 6891 §6.1.3). */
export const RESPONSE_CODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** Needs the eight high bits that EDNS has. */
  BADVERS: 16,
} as const;

const TYPE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(RECORD_TYPE).map(([name, number]) => [number, name]),
);
const CODE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(RESPONSE_CODE).map(([name, number]) => [number, name]),
);

/** @returns `A`, or `TYPE65280` for what has no name here (RFC 3597 §5) */
export function typeText(type: number): string {
  return TYPE_NAMES.get(type) ?? `TYPE${type}`;
}

/** @returns the number of a type by its name or its RFC 3597 form, in any case; undefined when there is none */
export function parseType(text: string): number | undefined {
  const name = text.toUpperCase();
  if (Object.hasOwn(RECORD_TYPE, name)) return RECORD_TYPE[name as keyof typeof RECORD_TYPE];
  const digits = /^TYPE(\d{1,5})$/.exec(name)?.[1];
  return digits !== undefined && Number(digits) <= 0xffff ? Number(digits) : undefined;
}

/** @returns `NXDOMAIN`, or `RCODE9` for what has no name here */
export function responseCodeText(code: number): string {
  return CODE_NAMES.get(code) ?? `RCODE${code}`;
}
