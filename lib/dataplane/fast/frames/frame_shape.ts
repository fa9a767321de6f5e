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
import { flowHash } from "../../../overlay/mod.ts";
import { GSO, VIRTIO_HEADER_BYTES } from "../superpacket.ts";

const MAX_TAGS = 2;
const UDP_HEADER_BYTES = 8;
const TCP_HEADER_BYTES = 20;
/**
 * A superpacket stands for no more packets than Linux makes of the longest one: TCP's segments have 48 bytes at least
 * (`TCP_MIN_SND_MSS`). Whoever writes virtio headers himself can say 1, and each packet costs two microseconds where there
 * is no session.
 */
const MAX_SEGMENTS: number = Math.ceil(65_535 / 48);

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

  /** @returns false when the virtio header contradicts the frame or cuts it too small, or it is too short for one */
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
    const least = kind === GSO.UDP ? UDP_HEADER_BYTES : TCP_HEADER_BYTES;
    if (this.version === 0 || start < this.linkBytes + 20 || start + least > lengthBytes) return false;
    const transport = kind === GSO.UDP ? UDP_HEADER_BYTES : ((bytes[at + start + 12] ?? 0) >> 4) * 4;
    const segmentBytes = this.#view.getUint16(header + 4, true);
    if (lengthBytes - start - transport > segmentBytes * MAX_SEGMENTS) return false;
    const longest = start + transport + segmentBytes - ETHERNET_HEADER_BYTES;
    this.isSuperpacket = true;
    this.longestBytes = Math.min(this.longestBytes, longest);
    return true;
  }

  /** Makes `flow`. */
  readFlow(): void {
    this.flow = flowHash(this.#bytes, this.at, this.lengthBytes, this.#seed);
  }
}

/** Whether an IP packet stands in a frame right behind a header without tags. */
export function hasPlainIp(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
  if (lengthBytes < ETHERNET_HEADER_BYTES + 20) return false;
  const version = (bytes[at + ETHERNET_HEADER_BYTES] ?? 0) >> 4;
  const etherType = uint16At(bytes, at + 12);
  return (version === 4 && etherType === ETHER_TYPE.IPV4) || (version === 6 && etherType === ETHER_TYPE.IPV6);
}
