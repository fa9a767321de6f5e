/**
 * Who wants which multicast group: IGMP (RFC 1112 appendix I, RFC 2236, RFC 3376) and MLD (RFC 2710, RFC 3810).
 *
 *     IGMP: query 0x11, reports 0x12 0x16, leave 0x17    IGMPv3 report 0x22, MLDv2 report 143
 *      0  type, response time, checksum                   0  type, reserved, checksum
 *      4  group                                           6  number of records
 *     MLD: query 130, report 131, done 132                8  records: type, words of auxiliary data,
 *      0  type, code 0, checksum                             number of sources, group, sources, auxiliary data
 *      4  response time
 *      8  group
 *
 * @module
 */

import { internetChecksum, uint16At } from "./ip_packet.ts";

/** What is said of a group. */
export const GROUP_SAYS = { QUERY: 1, JOIN: 2, LEAVE: 3 } as const;

const KINDS: ReadonlyMap<number, number> = new Map([
  [0x11, GROUP_SAYS.QUERY],
  [0x12, GROUP_SAYS.JOIN],
  [0x16, GROUP_SAYS.JOIN],
  [0x17, GROUP_SAYS.LEAVE],
  [130, GROUP_SAYS.QUERY],
  [131, GROUP_SAYS.JOIN],
  [132, GROUP_SAYS.LEAVE],
]);
const IGMPV3_REPORT = 0x22;
const MLDV2_REPORT = 143;
const RECORDS_AT = 8;
/** RFC 3376 §4.2.12, RFC 3810 §5.2.12: what a record says. */
const IS_INCLUDE = 1;
const TO_INCLUDE = 3;
const BLOCK_OLD = 6;

/** Reads messages, one group after the other; one object is used for all messages. */
export class GroupMessage {
  /** What is said: one of `GROUP_SAYS`, of the group at `groupAt`. */
  says = 0;
  groupAt = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #addressBytes = 4;
  #next = 0;
  #left = 0;
  /** What a message without records says, or 0. */
  #single = 0;

  /** Whether it is a query, which only a router sends. */
  get isQuery(): boolean {
    return this.#single === GROUP_SAYS.QUERY;
  }

  /**
   * Begins a message; its checksum is the caller's matter for MLD, and is checked for IGMP.
   * @param at where it begins
   * @param addressBytes 4 for IGMP, 16 for MLD
   * @returns false when it is none, or is cut off
   */
  begin(bytes: Uint8Array, at: number, lengthBytes: number, addressBytes: 4 | 16): boolean {
    this.#left = 0;
    this.#single = 0;
    this.#bytes = bytes;
    this.#addressBytes = addressBytes;
    const isIgmp = addressBytes === 4;
    if (lengthBytes < 8 || (isIgmp && internetChecksum(bytes, at, lengthBytes) !== 0)) return false;
    const type = bytes[at] ?? 0;
    if (type === (isIgmp ? IGMPV3_REPORT : MLDV2_REPORT)) return this.#beginRecords(at, at + lengthBytes);
    const says = type >= 130 === isIgmp ? undefined : KINDS.get(type);
    const groupAt = isIgmp ? at + 4 : at + 8;
    if (says === undefined || groupAt + addressBytes > at + lengthBytes) return false;
    this.#single = says;
    this.#left = 1;
    this.groupAt = groupAt;
    return true;
  }

  /** @returns whether there is another group, which `says` and `groupAt` are about */
  next(): boolean {
    while (this.#left > 0) {
      this.#left--;
      if (this.#single !== 0) {
        this.says = this.#single;
        return true;
      }
      const at = this.#next;
      const type = this.#bytes[at] ?? 0;
      const sources = uint16At(this.#bytes, at + 2);
      this.#next = at + this.#recordBytes(at);
      const isInclude = type === IS_INCLUDE || type === TO_INCLUDE;
      // To include no source is to leave; to block some leaves others, and to be in a state of none says nothing.
      if (type < IS_INCLUDE || type >= BLOCK_OLD || (type === IS_INCLUDE && sources === 0)) continue;
      this.says = isInclude && sources === 0 ? GROUP_SAYS.LEAVE : GROUP_SAYS.JOIN;
      this.groupAt = at + 4;
      return true;
    }
    return false;
  }

  #beginRecords(at: number, end: number): boolean {
    const count = uint16At(this.#bytes, at + 6);
    let next = at + RECORDS_AT;
    for (let i = 0; i < count; i++) {
      if (next + 4 + this.#addressBytes > end) return false;
      next += this.#recordBytes(next);
      if (next > end) return false;
    }
    this.#next = at + RECORDS_AT;
    this.#left = count;
    return true;
  }

  #recordBytes(at: number): number {
    const bytes = this.#bytes;
    return 4 + this.#addressBytes * (1 + uint16At(bytes, at + 2)) + 4 * (bytes[at + 1] ?? 0);
  }
}
