/**
 * The IP header, and the UDP header where there is one, before a packet that is carried inside of another packet.
 *
 *     IPv4 (20) or IPv6 (40)                    UDP (8), RFC 768
 *      addresses of the two hosts                0  source port: tells flows apart
 *      protocol 17, or that of the carried       2  destination port: what is carried
 *                                                4  length, 6  checksum
 *
 * @module
 */

import type { IpAddress, IpFamily } from "./ip_address.ts";
import {
  internetChecksum,
  IP_PROTOCOL,
  ipPacketLength,
  ipPayloadOffset,
  ipVersion,
  putUint16,
  uint16At,
} from "./ip_packet.ts";

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
const UDP_HEADER_BYTES = 8;
const DEFAULT_HOP_LIMIT = 64;
/** RFC 791 §3.1: the flag, and what the flag "more fragments" and the offset are in. */
const DONT_FRAGMENT = 0x4000;
const FRAGMENT_BITS = 0x3fff;
/** RFC 6335 §6: the dynamic ports are so many, the last ones (RFC 7348 §5, RFC 8926 §3.3, RFC 7510 §3). */
const DYNAMIC_PORTS = 0xc000;

/** Between which hosts, and what is carried. */
export interface OuterHeaderOptions {
  readonly source: IpAddress;
  /** Of the same family. */
  readonly destination: IpAddress;
  /** What follows: UDP to this port, or the protocol of this number. */
  readonly carries: { readonly udpPort: number } | { readonly protocol: number };
  /** 64 unless given. */
  readonly hopLimit?: number;
}

/** Writes the headers of all packets from one host to another one. */
export class OuterHeader {
  /** The address's family. */
  readonly version: IpFamily;
  /** How long it is: IP, and UDP where there is one. */
  readonly lengthBytes: number;
  readonly #template: Uint8Array<ArrayBuffer>;
  readonly #ipBytes: number;
  /** The sum of the words of an IPv4 header, without its total length. */
  readonly #sum: number = 0;

  /** @throws TypeError when the addresses are of two families */
  constructor({ source, destination, carries, hopLimit = DEFAULT_HOP_LIMIT }: OuterHeaderOptions) {
    if (source.family !== destination.family) {
      throw new TypeError(`Cannot write a header from ${source} to ${destination}: they are of two families`);
    }
    const isIpv4 = source.family === 4;
    const isUdp = "udpPort" in carries;
    this.version = source.family;
    this.#ipBytes = isIpv4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
    this.lengthBytes = this.#ipBytes + (isUdp ? UDP_HEADER_BYTES : 0);
    const header = new Uint8Array(this.lengthBytes);
    const protocol = isUdp ? IP_PROTOCOL.UDP : carries.protocol;
    if (isIpv4) {
      header[0] = 0x45;
      // RFC 6864 §4.1: what is never cut needs no identification. RFC 7348 §4.3: a tunnel's end does not cut.
      putUint16(header, 6, DONT_FRAGMENT);
      header[8] = hopLimit;
      header[9] = protocol;
    } else {
      header[0] = 0x60;
      header[6] = protocol;
      header[7] = hopLimit;
    }
    const sourceAt = isIpv4 ? 12 : 8;
    header.set(source.bytes, sourceAt);
    header.set(destination.bytes, sourceAt + source.bytes.length);
    if (isIpv4) this.#sum = ~internetChecksum(header, 0, IPV4_HEADER_BYTES) & 0xffff;
    if (isUdp) putUint16(header, this.#ipBytes + 2, carries.udpPort);
    this.#template = header;
  }

  /**
   * @param at where the packet begins; `lengthBytes` from there are overwritten
   * @param payloadBytes how much follows them, at most 65,535 with the header of IPv4 or without that of IPv6
   * @param flow a hash of the carried flow, of which the source port is made
   */
  write(bytes: Uint8Array, at: number, payloadBytes: number, flow: number): void {
    bytes.set(this.#template, at);
    const ipBytes = this.#ipBytes;
    const carriedBytes = this.lengthBytes - ipBytes + payloadBytes;
    if (this.version === 4) {
      const totalBytes = ipBytes + carriedBytes;
      putUint16(bytes, at + 2, totalBytes);
      const sum = this.#sum + totalBytes;
      putUint16(bytes, at + 10, ~((sum & 0xffff) + (sum >>> 16)));
    } else {
      putUint16(bytes, at + 4, carriedBytes);
    }
    if (this.lengthBytes === ipBytes) return;
    const udpAt = at + ipBytes;
    putUint16(bytes, udpAt, DYNAMIC_PORTS | ((flow ^ (flow >>> 16)) & 0x3fff));
    putUint16(bytes, udpAt + 4, carriedBytes);
    // The checksum stays 0: RFC 7348 §5 wants it so; RFC 6935 §5 lets tunnels do the same over IPv6.
  }
}

/** What stands around a carried packet; one object is used for all packets. */
export class OuterPacket {
  version: IpFamily = 4;
  /** As in the IP header. */
  protocol = 0;
  /** 0 where it is not UDP. */
  destinationPort = 0;
  /** Where the carried packet begins, behind UDP's header where there is one, and how long it is. */
  payloadAt = 0;
  payloadBytes = 0;
}

/**
 * Reads the headers of a whole packet. Extension headers of IPv6 are not gone through.
 * @param at where the packet begins
 * @param available how many bytes there are from there
 * @returns false when it is none, a fragment, or its lengths contradict each other
 */
export function readOuterPacket(
  bytes: Uint8Array,
  at: number,
  available: number,
  out: OuterPacket,
): boolean {
  const lengthBytes = ipPacketLength(bytes, at, available);
  if (lengthBytes === undefined) return false;
  const version = ipVersion(bytes, at) as IpFamily;
  if (version === 4 && (uint16At(bytes, at + 6) & FRAGMENT_BITS) !== 0) return false;
  const protocol = bytes[at + (version === 4 ? 9 : 6)] ?? 0;
  const carriedAt = ipPayloadOffset(bytes, at, version);
  const carriedBytes = at + lengthBytes - carriedAt;
  out.version = version;
  out.protocol = protocol;
  if (protocol !== IP_PROTOCOL.UDP) {
    out.destinationPort = 0;
    out.payloadAt = carriedAt;
    out.payloadBytes = carriedBytes;
    return true;
  }
  if (carriedBytes < UDP_HEADER_BYTES) return false;
  const udpBytes = uint16At(bytes, carriedAt + 4);
  if (udpBytes < UDP_HEADER_BYTES || udpBytes > carriedBytes) return false;
  out.destinationPort = uint16At(bytes, carriedAt + 2);
  out.payloadAt = carriedAt + UDP_HEADER_BYTES;
  out.payloadBytes = udpBytes - UDP_HEADER_BYTES;
  return true;
}
