/**
 * Networks that carry IP packets: between hosts a frame has lost its Ethernet header, and gets one again from what the
 * network's key has signed.
 * @module
 */

import {
  ETHER_TYPE,
  ipDestinationOffset,
  ipPacketLength,
  ipSourceOffset,
  ipVersion,
  type MacAddress,
  putUint16,
  uint16At,
} from "../../net/mod.ts";
import type { FrameForwarder } from "../../overlay/mod.ts";
import type { CarriageDrop } from "./engine_network.ts";

const ETHERNET_HEADER_BYTES = 14;
/** RFC 1112 §6.4: 01-00-5E and the last 23 bits; RFC 2464 §7: 33-33 and the last 32 bits. */
const IPV4_GROUP = 0x01005e;
const IPV6_GROUP = 0x3333;

/** Takes Ethernet headers for granted, and gives them back. */
export class IpPayloads {
  readonly #switch: Pick<FrameForwarder, "lookupAddress">;

  constructor(frameSwitch: Pick<FrameForwarder, "lookupAddress">) {
    this.#switch = frameSwitch;
  }

  /** Whether what stands behind the Ethernet header at `at` is an IP packet and nothing else. */
  static isIp(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
    const type = lengthBytes < ETHERNET_HEADER_BYTES ? 0 : uint16At(bytes, at + 12);
    return type === ETHER_TYPE.IPV4 || type === ETHER_TYPE.IPV6;
  }

  /**
   * Writes the Ethernet header before an IP packet.
   * @param at where the header is written; the packet is behind it
   * @returns why there is none, or undefined
   */
  complete(network: number, bytes: Uint8Array, at: number, lengthBytes: number): CarriageDrop | undefined {
    const packetAt = at + ETHERNET_HEADER_BYTES;
    const version = ipVersion(bytes, packetAt);
    if (version === 0 || ipPacketLength(bytes, packetAt, lengthBytes) === undefined) return "not-ip";
    const addressBytes = version === 4 ? 4 : 16;
    const source = this.#switch.lookupAddress(
      network,
      bytes,
      packetAt + ipSourceOffset(version),
      addressBytes,
    );
    if (source === undefined) return "unknown-source";
    const destinationAt = packetAt + ipDestinationOffset(version);
    const isKnown = this.#writeGroup(bytes, at, destinationAt, version) ||
      this.#writeMac(this.#switch.lookupAddress(network, bytes, destinationAt, addressBytes)?.mac, bytes, at);
    if (!isKnown) return "unknown-destination";
    this.#writeMac(source.mac, bytes, at + 6);
    putUint16(bytes, at + 12, version === 4 ? ETHER_TYPE.IPV4 : ETHER_TYPE.IPV6);
    return undefined;
  }

  /** @returns whether the address is a group's */
  #writeGroup(bytes: Uint8Array, at: number, addressAt: number, version: 4 | 6): boolean {
    if (version === 6) {
      if (bytes[addressAt] !== 0xff) return false;
      putUint16(bytes, at, IPV6_GROUP);
      bytes.copyWithin(at + 2, addressAt + 12, addressAt + 16);
      return true;
    }
    const first = bytes[addressAt] ?? 0;
    if (first === 0xff) {
      bytes.fill(0xff, at, at + 6);
      return true;
    }
    if (first >> 4 !== 0xe) return false;
    putUint16(bytes, at, IPV4_GROUP >> 8);
    bytes[at + 2] = IPV4_GROUP & 0xff;
    bytes.copyWithin(at + 3, addressAt + 1, addressAt + 4);
    bytes[at + 3] = (bytes[at + 3] ?? 0) & 0x7f;
    return true;
  }

  #writeMac(mac: MacAddress | undefined, bytes: Uint8Array, at: number): boolean {
    if (mac === undefined) return false;
    putUint16(bytes, at, mac.high);
    putUint16(bytes, at + 2, mac.low >>> 16);
    putUint16(bytes, at + 4, mac.low & 0xffff);
    return true;
  }
}
