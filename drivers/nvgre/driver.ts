/**
 * The driver `nvgre`.
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
import { ConstantHeader } from "../constant_header.ts";
import { ETHERTYPE_OF_ETHERNET } from "../ethertype.ts";
import { uint24At } from "../fields.ts";
import { GRE_FLAG, GRE_PROTOCOL, GRE_REFUSED_FLAGS, GRE_VERSION } from "../gre/mod.ts";
import { NetworkOptions } from "../network_options.ts";
import { encodeNvgre, NVGRE_HEADER_BYTES } from "./header.ts";

/** RFC 7637 §3.3: 0 to 0xfff are reserved, and 0xffffff is for what vendors tell each other. */
const MIN_VSID = 0x1000;
const MAX_VSID = 0xff_fffe;

/** Ethernet over NVGRE. */
export class NvgreDriver implements OverlayDriver {
  readonly name = "nvgre";
  readonly capabilities: DriverCapabilities = {
    transport: { kind: "ip", protocol: GRE_PROTOCOL },
    identifier: { name: "VSID", min: MIN_VSID, max: MAX_VSID },
    maxHeaderBytes: NVGRE_HEADER_BYTES,
    payloads: ["ethernet"],
    options: {},
    layer2: true,
    // RFC 7637 §3.2: the FlowID.
    flowEntropy: true,
    // RFC 7637 §4.2.
    multicast: true,
    trafficClass: false,
  };

  encapsulation(identifier: number, options?: DriverOptions): Encapsulation {
    new NetworkOptions(this.name, this.capabilities, { identifier, options });
    return new NvgreEncapsulation(identifier, "ethernet", encodeNvgre({ vsid: identifier, flowId: 0 }));
  }

  decode(
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    header: DecodedHeader,
  ): DecodeFailure | undefined {
    header.clear();
    if (lengthBytes < NVGRE_HEADER_BYTES) return "truncated";
    const flags = uint16At(bytes, at);
    if ((flags & GRE_VERSION) !== 0) return "bad-version";
    // RFC 7637 §3.2: C and S MUST be zero; without a key there is no VSID.
    if ((flags & (GRE_REFUSED_FLAGS | GRE_FLAG.CHECKSUM | GRE_FLAG.SEQUENCE)) !== 0) return "bad-flags";
    if ((flags & GRE_FLAG.KEY) === 0) return "no-identifier";
    if (uint16At(bytes, at + 2) !== ETHERTYPE_OF_ETHERNET) return "unknown-protocol";
    header.identifier = uint24At(bytes, at + 4);
    header.payloadAt = at + NVGRE_HEADER_BYTES;
    header.payloadBytes = lengthBytes - NVGRE_HEADER_BYTES;
    return undefined;
  }
}

class NvgreEncapsulation extends ConstantHeader {
  override encode(bytes: Uint8Array, at: number, payloadBytes: number, flow: number): void {
    super.encode(bytes, at, payloadBytes, flow);
    bytes[at - 1] = flow & 0xff;
  }
}
