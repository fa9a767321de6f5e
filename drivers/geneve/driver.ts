/**
 * The driver `geneve`.
 * @module
 */

import { putUint16, uint16At } from "../../lib/net/mod.ts";
import type {
  DecodedHeader,
  DecodeFailure,
  DriverCapabilities,
  DriverOptions,
  Encapsulation,
  OverlayDriver,
  PayloadKind,
} from "../../lib/overlay/mod.ts";
import { ETHERTYPE, ETHERTYPE_OF_ETHERNET, ethertypeOfIp } from "../ethertype.ts";
import { MAX_UINT24, uint24At } from "../fields.ts";
import { NetworkOptions } from "../network_options.ts";
import {
  encodeGeneve,
  GENEVE_CONTROL,
  GENEVE_CRITICAL_TYPE,
  GENEVE_HEADER_BYTES,
  GENEVE_MAX_OPTION_DATA_BYTES,
  GENEVE_MAX_OPTIONS_BYTES,
  type GeneveOption,
  nextOption,
} from "./header.ts";

/** RFC 8926 §3.3: assigned by IANA. */
const UDP_PORT = 6081;
const OPTION = /^([0-9a-f]{4}):([0-9a-f]{2})(?::((?:[0-9a-f]{8})+))?$/i;

/** Ethernet or IP over Geneve. */
export class GeneveDriver implements OverlayDriver {
  readonly name = "geneve";
  readonly capabilities: DriverCapabilities = {
    transport: { kind: "udp", port: UDP_PORT },
    identifier: { name: "VNI", min: 0, max: MAX_UINT24 },
    maxHeaderBytes: GENEVE_HEADER_BYTES + GENEVE_MAX_OPTIONS_BYTES,
    payloads: ["ethernet", "ip"],
    options: {
      payload: "What is carried: ethernet, or ip.",
      options:
        "Options of every packet, as CLASS:TYPE:DATA in hexadecimal with commas between them; the critical among them are known here.",
    },
    layer2: true,
    // RFC 8926 §3.3: the UDP source port is a hash of the inner packet.
    flowEntropy: true,
    multicast: true,
    trafficClass: false,
  };

  encapsulation(identifier: number, options?: DriverOptions): Encapsulation {
    const read = new NetworkOptions(this.name, this.capabilities, { identifier, options });
    const payload = read.oneOf("payload", ["ethernet", "ip"]);
    return new GeneveEncapsulation(identifier, payload, readOptions(read));
  }

  decode(
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    header: DecodedHeader,
  ): DecodeFailure | undefined {
    header.clear();
    if (lengthBytes < GENEVE_HEADER_BYTES) return "truncated";
    const first = bytes[at] ?? 0;
    // RFC 8926 §3.4: packets of an unknown version MUST be dropped.
    if (first >> 6 !== 0) return "bad-version";
    const optionsAt = at + GENEVE_HEADER_BYTES;
    const end = optionsAt + (first & 0x3f) * 4;
    if (end > at + lengthBytes) return "truncated";
    if (((bytes[at + 1] ?? 0) & GENEVE_CONTROL) !== 0) return "control-packet";
    for (let option = optionsAt; option < end;) {
      option = nextOption(bytes, option, end);
      if (option === 0) return "truncated";
    }
    const protocol = uint16At(bytes, at + 2);
    if (protocol !== ETHERTYPE_OF_ETHERNET && protocol !== ETHERTYPE.IPV4 && protocol !== ETHERTYPE.IPV6) {
      return "unknown-protocol";
    }
    header.identifier = uint24At(bytes, at + 4);
    header.payload = protocol === ETHERTYPE_OF_ETHERNET ? "ethernet" : "ip";
    header.payloadAt = end;
    header.payloadBytes = at + lengthBytes - end;
    header.optionsAt = optionsAt;
    header.optionsBytes = end - optionsAt;
    return undefined;
  }
}

/** A header that is the same for all packets, but for the kind of an IP packet. */
class GeneveEncapsulation implements Encapsulation {
  readonly identifier: number;
  readonly payload: PayloadKind;
  readonly headerBytes: number;
  readonly isPerPacket = false;
  readonly #header: Uint8Array;
  readonly #known: readonly GeneveOption[];

  constructor(vni: number, payload: PayloadKind, options: readonly GeneveOption[]) {
    this.identifier = vni;
    this.payload = payload;
    this.#known = options;
    this.#header = encodeGeneve({ vni, protocolType: ETHERTYPE_OF_ETHERNET, isControl: false, options });
    this.headerBytes = this.#header.length;
  }

  encode(bytes: Uint8Array, at: number, _payloadBytes: number, _flow: number): void {
    const header = this.#header;
    const start = at - header.length;
    for (let i = 0; i < header.length; i++) bytes[start + i] = header[i] ?? 0;
    if (this.payload === "ip") putUint16(bytes, start + 2, ethertypeOfIp(bytes, at));
  }

  accept(bytes: Uint8Array, header: DecodedHeader): DecodeFailure | undefined {
    if (header.payload !== this.payload) return "unknown-protocol";
    const end = header.optionsAt + header.optionsBytes;
    for (let at = header.optionsAt; at < end; at = nextOption(bytes, at, end) || end) {
      // RFC 8926 §3.5: who does not know a critical option MUST drop the packet.
      const type = bytes[at + 2] ?? 0;
      if ((type & GENEVE_CRITICAL_TYPE) !== 0 && !this.#knows(uint16At(bytes, at), type)) {
        return "unknown-option";
      }
    }
    return undefined;
  }

  #knows(optionClass: number, type: number): boolean {
    for (const known of this.#known) {
      if (known.optionClass === optionClass && known.type === type) return true;
    }
    return false;
  }
}

function readOptions(read: NetworkOptions): GeneveOption[] {
  const text = read.text("options");
  if (text === undefined) return [];
  const allowed = "CLASS:TYPE or CLASS:TYPE:DATA with commas between them, such as 0102:80:deadbeef, " +
    `data in multiples of 4 bytes, at most ${GENEVE_MAX_OPTION_DATA_BYTES} each and ${GENEVE_MAX_OPTIONS_BYTES} bytes in all`;
  let lengthBytes = 0;
  return text.split(",").map((part) => {
    const [, optionClass, type, hex = ""] = OPTION.exec(part.trim()) ?? read.refuse("options", allowed);
    const data = Uint8Array.fromHex(hex);
    lengthBytes += 4 + data.length;
    const isTooLong = data.length > GENEVE_MAX_OPTION_DATA_BYTES || lengthBytes > GENEVE_MAX_OPTIONS_BYTES;
    if (isTooLong) read.refuse("options", allowed);
    return { optionClass: Number(`0x${optionClass}`), type: Number(`0x${type}`), data };
  });
}
