/**
 * The driver `vlan`.
 * @module
 */

import { uint16At } from "../../lib/net/mod.ts";
import type {
  DecodedHeader,
  DecodeFailure,
  DriverCapabilities,
  DriverOptions,
  Encapsulation,
  OverlayDriver,
} from "../../lib/overlay/mod.ts";
import { ETHERTYPE } from "../ethertype.ts";
import { NetworkOptions } from "../network_options.ts";
import { encodeTags, MAC_ADDRESSES_BYTES, MAX_VID, VLAN_TAG_BYTES, type VlanTags } from "./header.ts";

/** Tagged Ethernet. */
export class VlanDriver implements OverlayDriver {
  readonly name = "vlan";
  readonly capabilities: DriverCapabilities = {
    transport: { kind: "link" },
    identifier: { name: "VID", min: 1, max: MAX_VID },
    maxHeaderBytes: 2 * VLAN_TAG_BYTES,
    payloads: ["ethernet"],
    options: {
      service: "The VID of a service tag around the network's own (802.1ad), 1 to 4094.",
      priority: "How urgent frames are (PCP), 0 to 7.",
    },
    layer2: true,
    flowEntropy: false,
    multicast: true,
    trafficClass: true,
  };

  encapsulation(identifier: number, options?: DriverOptions): Encapsulation {
    const read = new NetworkOptions(this.name, this.capabilities, { identifier, options });
    const priority = read.integer("priority", 0, 7) ?? 0;
    const service = read.integer("service", 1, MAX_VID);
    return new VlanEncapsulation({
      vid: identifier,
      priority,
      ...service !== undefined && { service: { vid: service, priority } },
    });
  }

  decode(
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    header: DecodedHeader,
  ): DecodeFailure | undefined {
    header.clear();
    const first = at + MAC_ADDRESSES_BYTES;
    if (lengthBytes < MAC_ADDRESSES_BYTES + VLAN_TAG_BYTES + 2) return "truncated";
    let tagBytes = VLAN_TAG_BYTES;
    if (uint16At(bytes, first) === ETHERTYPE.SERVICE_TAG) {
      tagBytes += VLAN_TAG_BYTES;
      if (lengthBytes < MAC_ADDRESSES_BYTES + tagBytes + 2) return "truncated";
      header.outerIdentifier = uint16At(bytes, first + 2) & 0xfff;
    }
    const tag = first + tagBytes - VLAN_TAG_BYTES;
    if (uint16At(bytes, tag) !== ETHERTYPE.CUSTOMER_TAG) return "no-identifier";
    const control = uint16At(bytes, tag + 2);
    // IEEE 802.1Q-2022 §9.6: VID 0 is a priority alone, 0xfff is reserved.
    header.identifier = control & 0xfff;
    if (header.identifier === 0 || header.identifier > MAX_VID) return "no-identifier";
    header.trafficClass = control >> 13;
    header.payloadAt = at + tagBytes;
    header.payloadBytes = lengthBytes - tagBytes;
    return undefined;
  }
}

class VlanEncapsulation implements Encapsulation {
  readonly identifier: number;
  readonly payload = "ethernet";
  readonly headerBytes: number;
  readonly isPerPacket = false;
  readonly #tags: Uint8Array;
  /** The service tag's VID, or -1. */
  readonly #service: number;

  constructor(tags: VlanTags) {
    this.identifier = tags.vid;
    this.#service = tags.service?.vid ?? -1;
    this.#tags = encodeTags(tags);
    this.headerBytes = this.#tags.length;
  }

  encode(bytes: Uint8Array, at: number, _payloadBytes: number, _flow: number): void {
    const tags = this.#tags;
    const start = at - tags.length;
    for (let i = 0; i < MAC_ADDRESSES_BYTES; i++) bytes[start + i] = bytes[at + i] ?? 0;
    const first = start + MAC_ADDRESSES_BYTES;
    for (let i = 0; i < tags.length; i++) bytes[first + i] = tags[i] ?? 0;
  }

  accept(bytes: Uint8Array, header: DecodedHeader): DecodeFailure | undefined {
    if (header.outerIdentifier !== this.#service) return "wrong-network";
    // The addresses come down to the payload, over the tags; from the last byte on, since both overlap.
    const start = header.payloadAt - this.headerBytes;
    for (let i = MAC_ADDRESSES_BYTES - 1; i >= 0; i--) bytes[header.payloadAt + i] = bytes[start + i] ?? 0;
    return undefined;
  }
}
