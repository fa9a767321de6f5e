/**
 * What carrying a frame depends on, read in place.
 * @module
 */

import {
  ETHER_TYPE,
  ETHERNET_HEADER_BYTES,
  type IpFamily,
  uint16At,
  VLAN_TAG_BYTES,
} from "../../../net/mod.ts";
import { GSO, VIRTIO_HEADER_BYTES } from "../superpacket.ts";

const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const MAX_TAGS = 2;

/** A frame in the cipher's memory, behind its virtio header; one object is used for all frames. */
export class FrameShape {
  /** Where it begins, and how long it is. */
  at = 0;
  lengthBytes = 0;
  /** How long that is what stands before IP: addresses, tags, protocol. All of it, where there is no IP. */
  linkBytes = 0;
  /** Of the IP packet, or 0 where there is none. */
  version: IpFamily | 0 = 0;
  /** It stands for several packets. */
  isSuperpacket = false;
  /** The longest packet that it is cut into, from behind the 14 bytes of the header. */
  longestBytes = 0;
  /** A hash of the flow that it belongs to, 32 bits, once `readFlow` has made it. */
  flow = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #seed: number;

  /** @param seed of 32 bits, so that nobody can tell flows that fall together */
  constructor(memory: WebAssembly.Memory, seed: number) {
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#seed = seed;
  }

  /** @returns false when the virtio header contradicts the frame, or it is too short for one */
  read(at: number, lengthBytes: number): boolean {
    const bytes = this.#bytes;
    this.at = at;
    this.lengthBytes = lengthBytes;
    this.linkBytes = lengthBytes;
    this.version = 0;
    this.isSuperpacket = false;
    this.longestBytes = lengthBytes - ETHERNET_HEADER_BYTES;
    if (lengthBytes < ETHERNET_HEADER_BYTES) return false;
    let link = ETHERNET_HEADER_BYTES;
    let etherType = uint16At(bytes, at + 12);
    for (let tags = 0; tags < MAX_TAGS; tags++) {
      if (etherType !== ETHER_TYPE.VLAN && etherType !== ETHER_TYPE.SERVICE_VLAN) break;
      link += VLAN_TAG_BYTES;
      etherType = uint16At(bytes, at + link - 2);
    }
    const version = etherType === ETHER_TYPE.IPV4 ? 4 : etherType === ETHER_TYPE.IPV6 ? 6 : 0;
    if (
      version !== 0 && lengthBytes >= link + (version === 4 ? 20 : 40) &&
      (bytes[at + link] ?? 0) >> 4 === version
    ) {
      this.version = version;
      this.linkBytes = link;
    }
    const header = at - VIRTIO_HEADER_BYTES;
    const kind = (bytes[header + 1] ?? 0) & 0x7f;
    if (kind === GSO.NONE) return true;
    const start = this.#view.getUint16(header + 6, true);
    if (this.version === 0 || start < this.linkBytes + 20 || start + 20 > lengthBytes) return false;
    const transport = kind === GSO.UDP ? 8 : ((bytes[at + start + 12] ?? 0) >> 4) * 4;
    const longest = start + transport + this.#view.getUint16(header + 4, true) - ETHERNET_HEADER_BYTES;
    this.isSuperpacket = true;
    this.longestBytes = Math.min(this.longestBytes, longest);
    return true;
  }

  /** Makes `flow` of addresses and ports; of the MAC addresses where there is no IP. */
  readFlow(): void {
    const { at, version } = this;
    const ip = at + this.linkBytes;
    let hash = this.#seed;
    if (version === 0) {
      hash = mix(hash, this.#view.getInt32(at, true));
      hash = mix(hash, this.#view.getInt32(at + 4, true));
      hash = mix(hash, this.#view.getInt32(at + 8, true));
    } else {
      const from = ip + (version === 4 ? 12 : 8);
      const words = version === 4 ? 2 : 8;
      for (let i = 0; i < words; i++) hash = mix(hash, this.#view.getInt32(from + 4 * i, true));
      const protocol = this.#bytes[ip + (version === 4 ? 9 : 6)] ?? 0;
      const transport = ip + (version === 4 ? ((this.#bytes[ip] ?? 0) & 15) * 4 : 40);
      // Later fragments have no ports, so that none of their packet counts.
      const isWhole = version === 6 || (uint16At(this.#bytes, ip + 6) & 0x3fff) === 0;
      hash = mix(hash, protocol);
      if ((protocol === IPPROTO_TCP || protocol === IPPROTO_UDP) && isWhole) {
        hash = mix(hash, this.#view.getInt32(transport, true));
      }
    }
    hash ^= hash >>> 16;
    this.flow = Math.imul(hash, 0x85eb_ca6b) >>> 0;
  }
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e37_79b1);
  return mixed ^ (mixed >>> 15);
}
