/**
 * The driver `gre`.
 * @module
 */

import { internetChecksum, putUint16, uint16At } from "../../lib/net/mod.ts";
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
import { MAX_UINT32, putUint32, uint32At } from "../fields.ts";
import { NetworkOptions } from "../network_options.ts";
import {
  encodeGre,
  GRE_FLAG,
  GRE_MAX_HEADER_BYTES,
  GRE_MIN_HEADER_BYTES,
  GRE_PROTOCOL,
  GRE_REFUSED_FLAGS,
  GRE_VERSION,
  greHeaderBytes,
  writeGreChecksum,
} from "./header.ts";

/** `DecodedHeader.outerIdentifier` of a packet that has no key; one with a key has none of it. */
const KEYLESS = 0;

/** Ethernet or IP over GRE. */
export class GreDriver implements OverlayDriver {
  readonly name = "gre";
  readonly capabilities: DriverCapabilities = {
    transport: { kind: "ip", protocol: GRE_PROTOCOL },
    identifier: { name: "key", min: 0, max: MAX_UINT32 },
    maxHeaderBytes: GRE_MAX_HEADER_BYTES,
    payloads: ["ethernet", "ip"],
    options: {
      payload: "What is carried: ethernet, or ip.",
      key: "number, or none: packets without a key, as RFC 2784 has them; the network's key is 0 then.",
      sequence: "true: packets are numbered (RFC 2890).",
      checksum: "true: packets have a checksum (RFC 2784).",
    },
    layer2: true,
    flowEntropy: false,
    multicast: true,
    trafficClass: false,
  };

  encapsulation(identifier: number, options?: DriverOptions): Encapsulation {
    const read = new NetworkOptions(this.name, this.capabilities, { identifier, options });
    const hasKey = read.oneOf("key", ["number", "none"]) === "number";
    if (!hasKey && identifier !== 0) read.refuse("key", "number, unless the network's key is 0");
    return new GreEncapsulation(identifier, {
      payload: read.oneOf("payload", ["ethernet", "ip"]),
      hasKey,
      hasSequence: read.oneOf("sequence", ["false", "true"]) === "true",
      hasChecksum: read.oneOf("checksum", ["false", "true"]) === "true",
    });
  }

  decode(
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    header: DecodedHeader,
  ): DecodeFailure | undefined {
    header.clear();
    if (lengthBytes < GRE_MIN_HEADER_BYTES) return "truncated";
    const flags = uint16At(bytes, at);
    if ((flags & GRE_VERSION) !== 0) return "bad-version";
    if ((flags & GRE_REFUSED_FLAGS) !== 0) return "bad-flags";
    const headerBytes = greHeaderBytes(flags);
    if (headerBytes > lengthBytes) return "truncated";
    const protocol = uint16At(bytes, at + 2);
    if (protocol !== ETHERTYPE_OF_ETHERNET && protocol !== ETHERTYPE.IPV4 && protocol !== ETHERTYPE.IPV6) {
      return "unknown-protocol";
    }
    let field = at + GRE_MIN_HEADER_BYTES;
    if ((flags & GRE_FLAG.CHECKSUM) !== 0) {
      if (internetChecksum(bytes, at, lengthBytes) !== 0) return "bad-checksum";
      field += 4;
    }
    if ((flags & GRE_FLAG.KEY) !== 0) {
      header.identifier = uint32At(bytes, field);
      field += 4;
    } else header.outerIdentifier = KEYLESS;
    // DEVIATION: packets out of order are taken (RFC 2890 §2.2 would discard them): frames of one flow go one way, and
    // what is between hosts may send flows by several.
    if ((flags & GRE_FLAG.SEQUENCE) !== 0) header.sequence = uint32At(bytes, field);
    header.payload = protocol === ETHERTYPE_OF_ETHERNET ? "ethernet" : "ip";
    header.payloadAt = at + headerBytes;
    header.payloadBytes = lengthBytes - headerBytes;
    return undefined;
  }
}

interface GreFields {
  readonly payload: PayloadKind;
  readonly hasKey: boolean;
  readonly hasSequence: boolean;
  readonly hasChecksum: boolean;
}

class GreEncapsulation implements Encapsulation {
  readonly identifier: number;
  readonly payload: PayloadKind;
  readonly headerBytes: number;
  readonly isPerPacket: boolean;
  readonly #header: Uint8Array;
  readonly #fields: GreFields;
  /** RFC 2890 §2.2: the first packet has number 0. */
  #sequence = 0;

  constructor(key: number, fields: GreFields) {
    const { payload, hasKey, hasSequence, hasChecksum } = fields;
    this.identifier = key;
    this.payload = payload;
    this.isPerPacket = hasSequence || hasChecksum;
    this.#fields = fields;
    this.#header = encodeGre({
      protocolType: ETHERTYPE_OF_ETHERNET,
      ...hasKey && { key },
      ...hasSequence && { sequence: 0 },
      hasChecksum,
    });
    this.headerBytes = this.#header.length;
  }

  encode(bytes: Uint8Array, at: number, payloadBytes: number, _flow: number): void {
    const { payload, hasSequence, hasChecksum } = this.#fields;
    const header = this.#header;
    const start = at - header.length;
    for (let i = 0; i < header.length; i++) bytes[start + i] = header[i] ?? 0;
    if (payload === "ip") putUint16(bytes, start + 2, ethertypeOfIp(bytes, at));
    if (hasSequence) {
      putUint32(bytes, at - 4, this.#sequence);
      // RFC 2890 §2.2: it wraps around.
      this.#sequence = (this.#sequence + 1) >>> 0;
    }
    if (hasChecksum) writeGreChecksum(bytes, start, header.length + payloadBytes);
  }

  accept(_bytes: Uint8Array, header: DecodedHeader): DecodeFailure | undefined {
    if (header.payload !== this.payload) return "unknown-protocol";
    return (header.outerIdentifier === KEYLESS) === this.#fields.hasKey ? "wrong-network" : undefined;
  }
}
