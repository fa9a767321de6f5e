/**
 * Ethernet headers of packets that were carried without one: the switch knows whose their addresses are.
 * @module
 */

import {
  ETHER_TYPE,
  ETHERNET_HEADER_BYTES,
  ipDestinationOffset,
  ipPacketLength,
  ipSourceOffset,
  ipVersion,
  putUint16,
  writeMac,
} from "../../../net/mod.ts";
import type { FrameForwarder } from "../../../overlay/mod.ts";
import type { CarriedNetwork } from "./frame_underlay.ts";

/** Puts headers before packets. */
export class IpPayloads {
  readonly #switch: FrameForwarder;
  readonly #bytes: Uint8Array;

  /** @param bytes the memory that packets lie in */
  constructor(forwarder: FrameForwarder, bytes: Uint8Array) {
    this.#switch = forwarder;
    this.#bytes = bytes;
  }

  /** @returns where the frame begins, or undefined, counted, when the packet is none, or nobody's */
  wrap({ definition, drops }: CarriedNetwork, at: number, lengthBytes: number): number | undefined {
    const bytes = this.#bytes;
    const version = ipVersion(bytes, at);
    if (version === 0 || ipPacketLength(bytes, at, lengthBytes) !== lengthBytes) {
      drops.count("malformed");
      return undefined;
    }
    const addressBytes = version === 4 ? 4 : 16;
    const { network } = definition;
    const from = this.#switch.lookupAddress(network, bytes, at + ipSourceOffset(version), addressBytes);
    const to = this.#switch.lookupAddress(network, bytes, at + ipDestinationOffset(version), addressBytes);
    if (from === undefined || to === undefined) {
      drops.count("unknown-address");
      return undefined;
    }
    const frameAt = at - ETHERNET_HEADER_BYTES;
    writeMac(bytes, frameAt, to.mac);
    writeMac(bytes, frameAt + 6, from.mac);
    putUint16(bytes, frameAt + 12, version === 4 ? ETHER_TYPE.IPV4 : ETHER_TYPE.IPV6);
    return frameAt;
  }
}
