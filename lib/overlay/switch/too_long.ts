/**
 * IP packets that are longer than the MTU of their network: their sender is told (RFC 1191, RFC 8201), or they are cut
 * (RFC 791 §2.3).
 *
 * The error comes from the gateway where the network has one with an address of the family, else from where the packet was
 * to go: a switch has no address, and from there the sender takes packets in any case. An IPv4 packet that may be cut is,
 * unless it has options or is a superpacket, whose sender is told like any other.
 *
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import {
  ETHER_TYPE,
  ETHERNET_HEADER_BYTES,
  type EthernetHeader,
  internetChecksum,
  IP_PROTOCOL,
  IpAddress,
  ipDestinationOffset,
  type IpFamily,
  ipSourceOffset,
  putUint16,
  transportChecksum,
  uint16At,
  undeliverable,
  VLAN_TAG_BYTES,
  writeMac,
} from "../../net/mod.ts";
import { BUDGET } from "./storm_control.ts";
import type { PortState } from "./switch_state.ts";

const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const OFFSET = 0x1fff;
const IPV4_HEADER_BYTES = 20;

/** How long an IP packet may be in a frame with these tags, which take from what the network has. */
export function mtuBehind({ tags }: EthernetHeader, from: PortState): number {
  return from.network.definition.mtuBytes - VLAN_TAG_BYTES * tags;
}

/** Whether a frame has an IPv4 packet that is to be cut. */
export function isToBeCut(header: EthernetHeader, bytes: Uint8Array, end: number): boolean {
  const at = header.payloadAt;
  if (header.etherType !== ETHER_TYPE.IPV4 || bytes[at] !== 0x45) return false;
  const lengthBytes = uint16At(bytes, at + 2);
  return lengthBytes > IPV4_HEADER_BYTES && at + lengthBytes <= end &&
    (uint16At(bytes, at + 6) & DONT_FRAGMENT) === 0;
}

/**
 * Cuts a packet of which `isToBeCut` says so.
 * @param at where the frame begins
 * @param mtuBytes how long each packet may be
 * @returns frames with the same headers
 */
export function cutFrame(
  header: EthernetHeader,
  bytes: Uint8Array,
  at: number,
  mtuBytes: number,
): Uint8Array<ArrayBuffer>[] {
  const ip = header.payloadAt;
  const frameHeader = bytes.slice(at, ip);
  const packet = bytes.slice(ip, ip + uint16At(bytes, ip + 2));
  const field = uint16At(packet, 6);
  if ((field & (MORE_FRAGMENTS | OFFSET)) === 0) completeChecksum(packet);
  const partBytes = (mtuBytes - IPV4_HEADER_BYTES) & ~7;
  const frames: Uint8Array<ArrayBuffer>[] = [];
  for (let from = IPV4_HEADER_BYTES; partBytes > 0 && from < packet.length; from += partBytes) {
    const part = packet.subarray(from, from + partBytes);
    const isLast = from + partBytes >= packet.length;
    const frame = new Uint8Array(frameHeader.length + IPV4_HEADER_BYTES + part.length);
    frame.set(frameHeader);
    const start = frameHeader.length;
    frame.set(packet.subarray(0, IPV4_HEADER_BYTES), start);
    frame.set(part, start + IPV4_HEADER_BYTES);
    putUint16(frame, start + 2, IPV4_HEADER_BYTES + part.length);
    const offset = (field & OFFSET) + ((from - IPV4_HEADER_BYTES) >> 3);
    putUint16(frame, start + 6, offset | (isLast ? field & MORE_FRAGMENTS : MORE_FRAGMENTS));
    putUint16(frame, start + 10, 0);
    putUint16(frame, start + 10, internetChecksum(frame, start, IPV4_HEADER_BYTES));
    frames.push(frame);
  }
  return frames;
}

/** A sender may have left the checksum to the device, which never sees the packet whole. */
function completeChecksum(packet: Uint8Array): void {
  const protocol = packet[9] ?? 0;
  const at = IPV4_HEADER_BYTES + (protocol === IP_PROTOCOL.UDP ? 6 : 16);
  const isUdp = protocol === IP_PROTOCOL.UDP;
  if ((!isUdp && protocol !== IP_PROTOCOL.TCP) || at + 2 > packet.length) return;
  // RFC 768: zero is no checksum.
  if (isUdp && uint16At(packet, at) === 0) return;
  putUint16(packet, at, 0);
  const sum = transportChecksum(packet, IPV4_HEADER_BYTES, protocol);
  putUint16(packet, at, sum === 0 && isUdp ? 0xffff : sum);
}

/**
 * Makes the answer to the sender of a frame that is too long.
 * @param at where the frame begins
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
): Uint8Array<ArrayBuffer> | undefined {
  const version = header.etherType === ETHER_TYPE.IPV4 ? 4 : header.etherType === ETHER_TYPE.IPV6 ? 6 : 0;
  if (version === 0 || !from.budgets.spend(now, BUDGET.ERRORS, 1)) return undefined;
  const ip = header.payloadAt;
  const { gateway } = from.network.definition;
  const gatewayAddress = gateway?.addresses.find(({ family }) => family === version);
  if (!isAnswerable(header, bytes, ip, version, gatewayAddress !== undefined)) return undefined;
  const mtuBytes = mtuBehind(header, from);
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
