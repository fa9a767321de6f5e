/**
 * Superpackets for tests, as the host's kernel hands them over.
 * @module
 */

import { internetChecksum } from "../../../net/mod.ts";
import { GSO, NEEDS_CHECKSUM, type VirtioHeader } from "../superpacket.ts";

/** Protocol and sizes of a superpacket. */
export interface SuperpacketShape {
  readonly protocol: "tcp" | "udp";
  readonly version: 4 | 6;
  readonly payloadBytes: number;
  readonly gsoSize: number;
}

/** @returns a superpacket whose payload counts up, and its header */
export function makeSuperpacket(
  { protocol, version, payloadBytes, gsoSize }: SuperpacketShape,
): { readonly packet: Uint8Array; readonly header: VirtioHeader; readonly payload: Uint8Array } {
  const start = version === 4 ? 20 : 40;
  const transportBytes = protocol === "tcp" ? 32 : 8;
  const packet = new Uint8Array(start + transportBytes + payloadBytes);
  const view = new DataView(packet.buffer);
  const protocolNumber = protocol === "tcp" ? 6 : 17;
  if (version === 4) {
    view.setUint8(0, 0x45);
    view.setUint16(2, packet.length);
    view.setUint16(4, 0xfffe);
    view.setUint8(8, 64);
    view.setUint8(9, protocolNumber);
    packet.set([10, 200, 0, 1, 10, 200, 0, 2], 12);
    view.setUint16(10, internetChecksum(packet, 0, 20));
  } else {
    view.setUint8(0, 0x60);
    view.setUint16(4, packet.length - 40);
    view.setUint8(6, protocolNumber);
    view.setUint8(7, 64);
    packet.set([0xfd, 1, 2, 3], 8);
    packet.set([0xfd, 1, 2, 4], 24);
  }
  view.setUint16(start, 40_000);
  view.setUint16(start + 2, 5201);
  if (protocol === "tcp") {
    view.setUint32(start + 4, 0xffff_ff00);
    view.setUint32(start + 8, 7);
    view.setUint8(start + 12, 8 << 4);
    // CWR, ACK, PSH, FIN
    view.setUint8(start + 13, 0x80 | 0x10 | 0x08 | 0x01);
    view.setUint16(start + 14, 500);
    packet.set([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2], start + 20);
  } else view.setUint16(start + 4, 8 + payloadBytes);
  const payload = packet.subarray(start + transportBytes);
  for (let i = 0; i < payload.length; i++) payload[i] = i * 31 + (i >> 8);
  const checksumOffset = protocol === "tcp" ? 16 : 6;
  view.setUint16(start + checksumOffset, pseudoSum(packet, start, protocolNumber));
  const gsoType = protocol === "udp" ? GSO.UDP : version === 4 ? GSO.TCP4 : GSO.TCP6;
  return {
    packet,
    payload: payload.slice(),
    header: { flags: NEEDS_CHECKSUM, gsoType, gsoSize, checksumStart: start, checksumOffset },
  };
}

/** The folded sum of the pseudo-header, which the host leaves in the checksum's place. */
function pseudoSum(packet: Uint8Array, start: number, protocolNumber: number): number {
  let sum = protocolNumber + packet.length - start;
  const addressesAt = start === 20 ? 12 : 8;
  for (let i = addressesAt; i < start; i += 2) sum += ((packet[i] ?? 0) << 8) | (packet[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}
