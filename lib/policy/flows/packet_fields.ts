/**
 * What a policy reads of an IP packet, in place: RFC 791 §3.1, RFC 8200 §4, RFC 9293 §3.1, RFC 768, RFC 792, RFC 4443.
 * @module
 */

import { IP_PROTOCOL, TCP_FLAGS, uint16At } from "../../net/mod.ts";

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
const SCTP = 132;
const UDP_LITE = 136;
/** Each extension header may occur once, destination options twice (RFC 8200 §4.1). */
const MAX_EXTENSIONS = 8;
/** More before what is carried is nothing that anybody sends. */
const MAX_EXTENSION_BYTES = 512;

/** What kind of ICMP message it is, of both families. */
export const ICMP_KIND = { NONE: 0, ERROR: 1, REQUEST: 2, REPLY: 3, OTHER: 4 } as const;

/** The fields of one packet; one object is used for all packets. */
export class PacketFields {
  family: 4 | 6 = 4;
  /** Where the addresses begin; the destination's follows the source's. */
  sourceAt = 0;
  destinationAt = 0;
  /** Of the last header before what is carried; ICMPv6 stays 58. */
  protocol = 0;
  /** Where what is carried begins, and where the packet ends. */
  payloadAt = 0;
  end = 0;
  /** 0 where the protocol has none; of an ICMP query both are its id. */
  sourcePort = 0;
  destinationPort = 0;
  tcpFlags = 0;
  /** One of `ICMP_KIND`. */
  icmpKind = 0;
  isFragment = false;
  /** Not the first: what it carries begins in the middle. */
  isLaterFragment = false;
  /** In units of 8 bytes. */
  fragmentOffset = 0;
  fragmentId = 0;
  /** Where that which was cut begins, and what it begins with: an extension header may be a part of it. */
  fragmentAt = 0;
  fragmentProtocol = 0;

  /** Bytes of an address. */
  get addressBytes(): 4 | 16 {
    return this.family === 4 ? 4 : 16;
  }

  /**
   * @param at where the packet begins
   * @param available bytes of it from there; the packet's own length may be more where it is quoted
   * @param isQuoted whether it is the beginning of a packet, in an ICMP error
   * @returns false for what is no packet, or one whose headers are cut off
   */
  read(bytes: Uint8Array, at: number, available: number, isQuoted = false): boolean {
    const version = (bytes[at] ?? 0) >> 4;
    this.tcpFlags = 0;
    this.icmpKind = ICMP_KIND.NONE;
    this.sourcePort = 0;
    this.destinationPort = 0;
    this.isFragment = false;
    this.isLaterFragment = false;
    this.fragmentOffset = 0;
    this.fragmentId = 0;
    if (version === 4) {
      if (!this.#readIpv4(bytes, at, available, isQuoted)) return false;
    } else if (version !== 6 || !this.#readIpv6(bytes, at, available, isQuoted)) return false;
    return this.isLaterFragment || this.#readPorts(bytes, isQuoted);
  }

  #readIpv4(bytes: Uint8Array, at: number, available: number, isQuoted: boolean): boolean {
    if (available < 20) return false;
    const headerBytes = ((bytes[at] ?? 0) & 15) * 4;
    const length = uint16At(bytes, at + 2);
    // The length of a superpacket may be more than its field holds; then 0 stands there (Linux, BIG TCP).
    const whole = isQuoted || length === 0 ? available : Math.min(length, available);
    if (headerBytes < 20 || headerBytes > whole || (!isQuoted && length > available)) return false;
    this.family = 4;
    this.sourceAt = at + 12;
    this.destinationAt = at + 16;
    this.protocol = bytes[at + 9] ?? 0;
    this.payloadAt = at + headerBytes;
    this.end = at + whole;
    const fragment = uint16At(bytes, at + 6);
    if ((fragment & 0x3fff) === 0) return true;
    this.isFragment = true;
    this.fragmentOffset = fragment & 0x1fff;
    this.isLaterFragment = this.fragmentOffset !== 0;
    this.fragmentId = uint16At(bytes, at + 4);
    this.fragmentAt = this.payloadAt;
    this.fragmentProtocol = this.protocol;
    return true;
  }

  #readIpv6(bytes: Uint8Array, at: number, available: number, isQuoted: boolean): boolean {
    if (available < 40) return false;
    const length = uint16At(bytes, at + 4);
    if (!isQuoted && length !== 0 && 40 + length > available) return false;
    this.family = 6;
    this.sourceAt = at + 8;
    this.destinationAt = at + 24;
    this.end = at + (isQuoted || length === 0 ? available : 40 + length);
    let protocol = bytes[at + 6] ?? 0;
    let next = at + 40;
    let hasFragmentHeader = false;
    for (let count = 0; isExtension(protocol) && !this.isLaterFragment; count++) {
      if (count === MAX_EXTENSIONS || next + 8 > this.end) return false;
      // Whoever it is routed to in the end is not the destination that the rules are asked for (RFC 5095, RFC 8200 §4.4).
      if (protocol === ROUTING && bytes[next + 3] !== 0) return false;
      const isFragmentHeader = protocol === FRAGMENT;
      if (isFragmentHeader) {
        if (hasFragmentHeader) return false;
        hasFragmentHeader = true;
        // One that stands for the whole packet is none (RFC 6946).
        const offset = uint16At(bytes, next + 2);
        this.fragmentOffset = offset >> 3;
        this.isFragment = (offset & ~6) !== 0;
        this.isLaterFragment = this.fragmentOffset !== 0;
        this.fragmentId = (uint16At(bytes, next + 4) << 16) | uint16At(bytes, next + 6);
        this.fragmentAt = next + 8;
        this.fragmentProtocol = bytes[next] ?? 0;
      }
      protocol = bytes[next] ?? 0;
      next += isFragmentHeader ? 8 : 8 * ((bytes[next + 1] ?? 0) + 1);
      if (next > this.end || next - at > 40 + MAX_EXTENSION_BYTES) return false;
    }
    this.protocol = protocol;
    this.payloadAt = next;
    return true;
  }

  /** @returns false when the header that has the ports is not whole: a first fragment must hold it (RFC 1858 §3, RFC 7112) */
  #readPorts(bytes: Uint8Array, isQuoted: boolean): boolean {
    const at = this.payloadAt;
    const length = this.end - at;
    switch (this.protocol) {
      case IP_PROTOCOL.TCP: {
        // An error quotes 8 bytes at least (RFC 792), which have the ports.
        if (length < (isQuoted ? 4 : 20)) return false;
        this.#takePorts(bytes, at);
        this.tcpFlags = isQuoted ? 0 : (bytes[at + 13] ?? 0);
        const headerBytes = ((bytes[at + 12] ?? 0) >> 4) * 4;
        return isQuoted || (headerBytes >= 20 && headerBytes <= length);
      }
      case IP_PROTOCOL.UDP:
      case UDP_LITE:
        if (length < (isQuoted ? 4 : 8)) return false;
        this.#takePorts(bytes, at);
        return true;
      case SCTP:
        if (length < (isQuoted ? 4 : 12)) return false;
        this.#takePorts(bytes, at);
        return true;
      case IP_PROTOCOL.ICMP:
        return this.family !== 4 || this.#readIcmp(bytes, at, length, icmpKind(bytes[at] ?? 0));
      case IP_PROTOCOL.ICMPV6:
        return this.family !== 6 || this.#readIcmp(bytes, at, length, icmpv6Kind(bytes[at] ?? 0));
      default:
        return true;
    }
  }

  #readIcmp(bytes: Uint8Array, at: number, length: number, kind: number): boolean {
    if (length < 8) return false;
    this.icmpKind = kind;
    if (kind === ICMP_KIND.REQUEST || kind === ICMP_KIND.REPLY) {
      const id = uint16At(bytes, at + 4);
      this.sourcePort = id;
      this.destinationPort = id;
    }
    return true;
  }

  #takePorts(bytes: Uint8Array, at: number): void {
    this.sourcePort = uint16At(bytes, at);
    this.destinationPort = uint16At(bytes, at + 2);
  }
}

/** Whether a segment begins a connection: SYN without ACK, RST and FIN. */
export function isOpening(tcpFlags: number): boolean {
  return (tcpFlags & (TCP_FLAGS.SYN | TCP_FLAGS.ACK | TCP_FLAGS.RST | TCP_FLAGS.FIN)) === TCP_FLAGS.SYN;
}

/** @returns a number that both directions and all members see alike, so that a flow goes by one way */
export function spreadOf(memory: Uint8Array, fields: PacketFields): number {
  const { sourceAt, destinationAt, addressBytes, sourcePort, destinationPort } = fields;
  let sum = sourcePort + destinationPort;
  for (let i = 0; i < addressBytes; i += 2) {
    sum += uint16At(memory, sourceAt + i) + uint16At(memory, destinationAt + i);
  }
  return sum;
}

/** RFC 792; RFC 950 for 17 and 18. Redirects and source quench (4, 5; RFC 6633) are about no flow here: the rules decide. */
function icmpKind(type: number): number {
  switch (type) {
    case 3:
    case 11:
    case 12:
      return ICMP_KIND.ERROR;
    case 8:
    case 13:
    case 15:
    case 17:
      return ICMP_KIND.REQUEST;
    case 0:
    case 14:
    case 16:
    case 18:
      return ICMP_KIND.REPLY;
    default:
      return ICMP_KIND.OTHER;
  }
}

/** RFC 4443 §2.1: errors have types below 128. */
function icmpv6Kind(type: number): number {
  if (type < 128) return ICMP_KIND.ERROR;
  return type === 128 ? ICMP_KIND.REQUEST : type === 129 ? ICMP_KIND.REPLY : ICMP_KIND.OTHER;
}

function isExtension(protocol: number): boolean {
  return protocol === HOP_BY_HOP || protocol === ROUTING || protocol === FRAGMENT ||
    protocol === DESTINATION_OPTIONS;
}
