/**
 * Which flow a packet belongs to, as 32 bits, so that an underlay spreads flows and keeps each in order (RFC 7348 §5,
 * RFC 8926 §3.3, RFC 7510 §3). Both directions of a flow have different ones.
 * @module
 */

import { ETHER_TYPE, int32At, IP_PROTOCOL, VLAN_TAG_BYTES } from "../../net/mod.ts";

/**
 * @param at where the frame begins
 * @param seed drawn at random, so that nobody outside chooses which flows share a way
 * @returns a hash of the addresses, and of the ports of TCP and UDP; without IP, of the MAC addresses
 */
export function flowHash(bytes: Uint8Array, at: number, lengthBytes: number, seed: number): number {
  if (lengthBytes < 14) return finish(seed);
  let packetAt = at + 12;
  const end = at + lengthBytes;
  let etherType = ((bytes[packetAt] ?? 0) << 8) | (bytes[packetAt + 1] ?? 0);
  while (
    (etherType === ETHER_TYPE.VLAN || etherType === ETHER_TYPE.SERVICE_VLAN) &&
    packetAt + VLAN_TAG_BYTES + 2 <= end
  ) {
    packetAt += VLAN_TAG_BYTES;
    etherType = ((bytes[packetAt] ?? 0) << 8) | (bytes[packetAt + 1] ?? 0);
  }
  packetAt += 2;
  const isIp = etherType === ETHER_TYPE.IPV4 || etherType === ETHER_TYPE.IPV6;
  if (isIp && end - packetAt >= 20) return ipFlowHash(bytes, packetAt, end - packetAt, seed);
  const hash = mix(mix(seed, int32At(bytes, at)), int32At(bytes, at + 4));
  return finish(mix(hash, int32At(bytes, at + 8)));
}

/** The same of an IP packet. @param at where it begins */
export function ipFlowHash(bytes: Uint8Array, at: number, lengthBytes: number, seed: number): number {
  const version = (bytes[at] ?? 0) >> 4;
  let hash = seed;
  let protocol = 0;
  let portsAt = 0;
  if (version === 4 && lengthBytes >= 20) {
    protocol = bytes[at + 9] ?? 0;
    hash = mix(mix(hash, int32At(bytes, at + 12)), int32At(bytes, at + 16));
    // Only the first fragment has ports, and all have to go the same way.
    const isWhole = (((bytes[at + 6] ?? 0) & 0x3f) | (bytes[at + 7] ?? 0)) === 0;
    portsAt = isWhole ? at + ((bytes[at] ?? 0) & 0x0f) * 4 : 0;
  } else if (version === 6 && lengthBytes >= 40) {
    protocol = bytes[at + 6] ?? 0;
    for (let i = at + 8; i < at + 40; i += 4) hash = mix(hash, int32At(bytes, i));
    portsAt = at + 40;
  }
  const hasPorts = protocol === IP_PROTOCOL.TCP || protocol === IP_PROTOCOL.UDP;
  if (hasPorts && portsAt > 0 && portsAt + 4 <= at + lengthBytes) hash = mix(hash, int32At(bytes, portsAt));
  return finish(mix(hash, protocol));
}

// The steps and constants of MurmurHash3: every bit of the input changes half of the bits of the output.
function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
