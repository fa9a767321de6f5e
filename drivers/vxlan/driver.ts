/**
 * The driver `vxlan`.
 * @module
 */

import type {
  DecodedHeader,
  DecodeFailure,
  DriverCapabilities,
  DriverOptions,
  Encapsulation,
  OverlayDriver,
} from "../../lib/overlay/mod.ts";
import { ConstantHeader } from "../constant_header.ts";
import { MAX_UINT24, uint24At } from "../fields.ts";
import { NetworkOptions } from "../network_options.ts";
import { encodeVxlan, VXLAN_HAS_VNI, VXLAN_HEADER_BYTES } from "./header.ts";

/** RFC 7348 §5: assigned by IANA. */
const UDP_PORT = 4789;

/** Ethernet over VXLAN. */
export class VxlanDriver implements OverlayDriver {
  readonly name = "vxlan";
  readonly capabilities: DriverCapabilities = {
    transport: { kind: "udp", port: UDP_PORT },
    identifier: { name: "VNI", min: 0, max: MAX_UINT24 },
    maxHeaderBytes: VXLAN_HEADER_BYTES,
    payloads: ["ethernet"],
    options: {},
    layer2: true,
    // RFC 7348 §5: the UDP source port is a hash of the inner packet.
    flowEntropy: true,
    // RFC 7348 §4.2.
    multicast: true,
    trafficClass: false,
  };

  encapsulation(identifier: number, options?: DriverOptions): Encapsulation {
    new NetworkOptions(this.name, this.capabilities, { identifier, options });
    return new ConstantHeader(identifier, "ethernet", encodeVxlan({ vni: identifier }));
  }

  decode(
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    header: DecodedHeader,
  ): DecodeFailure | undefined {
    header.clear();
    if (lengthBytes < VXLAN_HEADER_BYTES) return "truncated";
    if (((bytes[at] ?? 0) & VXLAN_HAS_VNI) === 0) return "no-identifier";
    header.identifier = uint24At(bytes, at + 4);
    header.payloadAt = at + VXLAN_HEADER_BYTES;
    header.payloadBytes = lengthBytes - VXLAN_HEADER_BYTES;
    return undefined;
  }
}
