/**
 * DNS messages as values.
 *
 * ```text
 *   0              1
 *   0123456789abcdef
 *   ID
 *   QR OPCODE AA TC RD RA 0 AD CD RCODE
 *   QDCOUNT  ANCOUNT  NSCOUNT  ARCOUNT     16 bits each, RFC 1035 §4.1.1
 *   questions, answers, authority, additional
 * ```
 * @module
 */

import type { DomainName } from "./domain_name.ts";

/** The header in bytes. */
export const HEADER_BYTES = 12;
/** The longest message: what fits the length of 16 bits before it over TCP (RFC 1035 §4.2.2). */
export const MAX_MESSAGE_BYTES = 65_535;
/** What fits a datagram when nothing else was agreed (RFC 1035 §4.2.1). */
export const MIN_PAYLOAD_BYTES = 512;

/** Bits of the second 16-bit word of the header. */
export const FLAG = {
  /** This is a response. */
  QR: 0x8000,
  /** The server has authority for the name. */
  AA: 0x0400,
  /** What follows is not all. */
  TC: 0x0200,
  /** The server is asked to ask others. */
  RD: 0x0100,
  /** The server asks others for those who may. */
  RA: 0x0080,
  /** What follows was verified (RFC 4035 §3.2.3). */
  AD: 0x0020,
  /** The client verifies by itself (RFC 4035 §3.2.2). */
  CD: 0x0010,
} as const;

/** What is asked. */
export interface Question {
  /** Whose records are wanted. */
  readonly name: DomainName;
  /** Which type: 1 for A, 28 for AAAA, … (RFC 1035 §3.2.3). */
  readonly type: number;
  /** Which class: 1 for that of the Internet (RFC 1035 §3.2.5). */
  readonly class: number;
}

/** One record. */
export interface ResourceRecord {
  /** Whose record it is. */
  readonly name: DomainName;
  /** Which type: 1 for A, 28 for AAAA, … (RFC 1035 §3.2.2). */
  readonly type: number;
  /** Which class: 1 for that of the Internet (RFC 1035 §3.2.4). */
  readonly class: number;
  /** How long it may be cached. */
  readonly ttlSeconds: number;
  /** At most 65,535 bytes, names in it without compression; never write to them. */
  readonly data: Uint8Array;
}

/** The fields of the OPT pseudo-record (RFC 6891 §6.1). */
export interface Edns {
  /** 0; others are answered with BADVERS (RFC 6891 §6.1.3). */
  readonly version: number;
  /** The largest datagram that its sender takes, in bytes. */
  readonly payloadBytes: number;
  /** Whether records of DNSSEC are wanted (RFC 3225 §3). */
  readonly wantsDnssec: boolean;
}

/** A message; the OPT pseudo-record is not among the additional records. */
export interface DnsMessage {
  /** Matches a response with its query, 0 to 65535. */
  readonly id: number;
  /** The flags of the header, without operation and response code. */
  readonly flags: number;
  /** What kind of query it is: 0 for a standard one (RFC 1035 §4.1.1). */
  readonly opcode: number;
  /** With the high bits of EDNS when there are any. */
  readonly responseCode: number;
  /** One; responses may leave it out. */
  readonly questions: readonly Question[];
  /** What was asked for, and the aliases that led there. */
  readonly answers: readonly ResourceRecord[];
  /** Who knows more, or the SOA of a zone that has none of it. */
  readonly authority: readonly ResourceRecord[];
  /** What may be of use beside. */
  readonly additional: readonly ResourceRecord[];
  /** Absent when the sender knows no EDNS. */
  readonly edns?: Edns | undefined;
}

/** @returns a message with one question, no records, and nothing set but `fields` */
export function messageOf(question: Question, fields: Partial<DnsMessage>): DnsMessage {
  const none = { answers: [], authority: [], additional: [] };
  return { id: 0, flags: 0, opcode: 0, responseCode: 0, questions: [question], ...none, ...fields };
}
