/**
 * IP packets that are longer than the MTU of their network: their sender is told (RFC 1191, RFC 8201), or they are cut
 * (RFC 791 §2.3).
 *
 * The error comes from the gateway where the network has one with an address of the family, else from where the packet was
 * to go: a switch has no address, and from there the sender takes packets in any case. An IPv4 packet that may be cut is,
 * unless it has options or is a superpacket, whose sender is told like any other; and so is one of IPv6 of up to 1,280 bytes,
 * which every link must carry (RFC 8200 §5), where the way to another host has less.
 *
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import {
  cutIpv4,
  cutIpv6,
  ETHER_TYPE,
  ETHERNET_HEADER_BYTES,
  type EthernetHeader,
  IP_PROTOCOL,
  IpAddress,
  ipDestinationOffset,
  type IpFamily,
  ipPacketLength,
  ipSourceOffset,
  IPV6_LEAST_MTU_BYTES,
  mayBeCut,
  putUint16,
  transportChecksum,
  uint16At,
  undeliverable,
  VLAN_TAG_BYTES,
  writeMac,
} from "../../net/mod.ts";
import { BUDGET } from "./storm_control.ts";
import type { PortState } from "./switch_state.ts";

const MORE_FRAGMENTS = 0x2000;
const OFFSET = 0x1fff;
const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;

/** How long an IP packet may be in a frame with these tags, which take from what the network or a port has. */
export function mtuBehind({ tags }: EthernetHeader, linkBytes: number): number {
  return linkBytes - VLAN_TAG_BYTES * tags;
}

/** Whether a frame has an IP packet that is to be cut where it does not fit. */
export function isToBeCut(header: EthernetHeader, bytes: Uint8Array, end: number): boolean {
  const at = header.payloadAt;
  if (header.etherType === ETHER_TYPE.IPV6) return isWithinLeast(header, bytes, end);
  if (header.etherType !== ETHER_TYPE.IPV4 || bytes[at] !== 0x45) return false;
  const lengthBytes = uint16At(bytes, at + 2);
  return lengthBytes > IPV4_HEADER_BYTES && at + lengthBytes <= end && mayBeCut(bytes, at);
}

/** Whether packets of a frame go as they are, also where they do not fit and can't be cut here: every link must carry them. */
export function isForEveryLink({ etherType }: EthernetHeader, longestBytes: number): boolean {
  return etherType === ETHER_TYPE.IPV6 && longestBytes <= IPV6_LEAST_MTU_BYTES;
}

/** Whether a frame has an IPv6 packet that every link must carry (RFC 8200 §5). */
function isWithinLeast(header: EthernetHeader, bytes: Uint8Array, end: number): boolean {
  const lengthBytes = ipPacketLength(bytes, header.payloadAt, end - header.payloadAt) ?? Infinity;
  return lengthBytes <= IPV6_LEAST_MTU_BYTES;
}

/**
 * Cuts a packet of which `isToBeCut` says so.
 * @param at where the frame begins
 * @param mtuBytes how long each packet may be
 * @param identification of fragments of IPv6, 32 bits that none between these hosts has had lately
 * @returns frames with the same headers
 */
export function cutFrame(
  header: EthernetHeader,
  bytes: Uint8Array,
  at: number,
  mtuBytes: number,
  identification: number,
): Uint8Array<ArrayBuffer>[] {
  const ip = header.payloadAt;
  const frameHeader = bytes.slice(at, ip);
  const isIpv4 = header.etherType === ETHER_TYPE.IPV4;
  const packet = bytes.slice(ip, ip + (ipPacketLength(bytes, ip, bytes.length - ip) ?? 0));
  completeChecksum(packet, isIpv4);
  const parts = isIpv4 ? cutIpv4(packet, mtuBytes) : cutIpv6(packet, mtuBytes, identification);
  return parts.map((part) => {
    const frame = new Uint8Array(frameHeader.length + part.length);
    frame.set(frameHeader);
    frame.set(part, frameHeader.length);
    return frame;
  });
}

/** A sender may have left the checksum to the device, which never sees the packet whole. */
function completeChecksum(packet: Uint8Array, isIpv4: boolean): void {
  if (isIpv4 && (uint16At(packet, 6) & (MORE_FRAGMENTS | OFFSET)) !== 0) return;
  const protocol = packet[isIpv4 ? 9 : 6] ?? 0;
  const start = isIpv4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  const at = start + (protocol === IP_PROTOCOL.UDP ? 6 : 16);
  const isUdp = protocol === IP_PROTOCOL.UDP;
  if ((!isUdp && protocol !== IP_PROTOCOL.TCP) || at + 2 > packet.length) return;
  // RFC 768: zero is no checksum.
  if (isUdp && uint16At(packet, at) === 0) return;
  putUint16(packet, at, 0);
  const sum = transportChecksum(packet, start, protocol);
  putUint16(packet, at, sum === 0 && isUdp ? 0xffff : sum);
}

/**
 * Makes the answer to the sender of a frame that is too long.
 * @param at where the frame begins
 * @param linkBytes how long IP packets without a tag may be
 * @returns a frame for the port that it came from, or undefined where nobody is told: it is no IP packet, or one for a group
 * that no gateway answers, or a later fragment, or an error itself, or the port has been told enough for now
 */
export function tooLongAnswer(
  now: Millis,
  from: PortState,
  header: EthernetHeader,
  bytes: Uint8Array,
  at: number,
  end: number,
  linkBytes: number,
): Uint8Array<ArrayBuffer> | undefined {
  const version = header.etherType === ETHER_TYPE.IPV4 ? 4 : header.etherType === ETHER_TYPE.IPV6 ? 6 : 0;
  if (version === 0 || !from.budgets.spend(now, BUDGET.ERRORS, 1)) return undefined;
  const ip = header.payloadAt;
  const { gateway } = from.network.definition;
  const gatewayAddress = gateway?.addresses.find(({ family }) => family === version);
  if (!isAnswerable(header, bytes, ip, version, gatewayAddress !== undefined)) return undefined;
  const fittingBytes = mtuBehind(header, linkBytes);
  // A network may have less of its own; of a path that does, IPv6 is not told.
  const isOfPort = linkBytes < from.network.definition.mtuBytes;
  const mtuBytes = version === 6 && isOfPort ? Math.max(fittingBytes, IPV6_LEAST_MTU_BYTES) : fittingBytes;
  const reply = undeliverable(bytes, ip, end - ip, {
    version,
    why: "too-big",
    mtuBytes,
    ...(gatewayAddress && { source: gatewayAddress.bytes }),
  });
  if (reply === undefined) return undefined;
  const headerBytes = ip - at;
  const frame = new Uint8Array(headerBytes + reply.length);
  frame.set(bytes.subarray(at, ip));
  frame.set(bytes.subarray(at + 6, at + 12), 0);
  frame.set(bytes.subarray(at, at + 6), 6);
  if (gateway !== undefined && gatewayAddress !== undefined) writeMac(frame, 6, gateway.mac);
  frame.set(reply, headerBytes);
  // A frame with a length instead of a protocol's number has another length now.
  const lengthAt = ETHERNET_HEADER_BYTES - 2 + VLAN_TAG_BYTES * header.tags;
  if (uint16At(frame, lengthAt) < 0x0600) putUint16(frame, lengthAt, frame.length - lengthAt - 2);
  return frame;
}

/** RFC 1122 §3.2.2, RFC 1812 §4.3.2.7, RFC 4443 §2.4 (e): to whom no error is sent. */
function isAnswerable(
  { destinationHigh }: EthernetHeader,
  bytes: Uint8Array,
  ip: number,
  version: IpFamily,
  hasGateway: boolean,
): boolean {
  const addressBytes = version === 4 ? 4 : 16;
  const sourceAt = ip + ipSourceOffset(version);
  const destinationAt = ip + ipDestinationOffset(version);
  const source = IpAddress.fromBytes(bytes.subarray(sourceAt, sourceAt + addressBytes));
  if (source.isUnspecified || source.isMulticast) return false;
  if (version === 4 && (uint16At(bytes, ip + 6) & OFFSET) !== 0) return false;
  const destination = IpAddress.fromBytes(bytes.subarray(destinationAt, destinationAt + addressBytes));
  const isForGroup = (destinationHigh & 0x0100) !== 0 || destination.isMulticast;
  // Of packets for a group, those of IPv6 alone are answered, by whoever has an address.
  return !isForGroup || (version === 6 && hasGateway);
}
