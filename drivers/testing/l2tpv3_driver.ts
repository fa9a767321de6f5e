/**
 * The seventh driver of `drivers/README.md`, word for word: Ethernet in L2TPv3 over IP (RFC 3931 §4.1.1.1).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                           Session ID                          |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |               Cookie (none, or 4 or 8 bytes)...
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * @module
 */

import {
  ConstantHeader,
  type DecodedHeader,
  type DecodeFailure,
  type DriverCapabilities,
  type DriverOptions,
  type Encapsulation,
  NetworkOptions,
  type OverlayDriver,
} from "@weft/mesh";

const SESSION_BYTES = 4;

/** Ethernet in L2TPv3, without a sublayer of its own (RFC 4719). */
export class L2tpv3Driver implements OverlayDriver {
  readonly name = "l2tpv3";
  readonly capabilities: DriverCapabilities = {
    transport: { kind: "ip", protocol: 115 },
    // RFC 3931 §4.1: session 0 is for control messages.
    identifier: { name: "session", min: 1, max: 0xffff_ffff },
    maxHeaderBytes: SESSION_BYTES + 8,
    payloads: ["ethernet"],
    options: { cookie: "4 or 8 bytes in hexadecimal that each packet must have." },
    layer2: true,
    flowEntropy: false,
    multicast: false,
    trafficClass: false,
  };

  encapsulation(identifier: number, options?: DriverOptions): Encapsulation {
    const network = new NetworkOptions(this.name, this.capabilities, { identifier, options });
    const cookie = network.text("cookie") ?? "";
    if (!/^(?:[0-9a-f]{8}){0,2}$/i.test(cookie)) network.refuse("cookie", "8 or 16 hexadecimal digits");
    const session = identifier.toString(16).padStart(8, "0");
    return new Session(identifier, Uint8Array.fromHex(session + cookie));
  }

  decode(
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    header: DecodedHeader,
  ): DecodeFailure | undefined {
    header.clear();
    if (lengthBytes < SESSION_BYTES) return "truncated";
    for (let i = 0; i < SESSION_BYTES; i++) {
      header.identifier = header.identifier * 256 + (bytes[at + i] ?? 0);
    }
    if (header.identifier === 0) return "control-packet";
    header.payloadAt = at + SESSION_BYTES;
    header.payloadBytes = lengthBytes - SESSION_BYTES;
    return undefined;
  }
}

/** The header does not say whether there is a cookie: the network does. */
class Session extends ConstantHeader {
  readonly #cookie: Uint8Array;

  constructor(identifier: number, header: Uint8Array) {
    super(identifier, "ethernet", header);
    this.#cookie = header.slice(SESSION_BYTES);
  }

  override accept(bytes: Uint8Array, header: DecodedHeader): DecodeFailure | undefined {
    const { length } = this.#cookie;
    if (header.payloadBytes < length) return "truncated";
    for (let i = 0; i < length; i++) {
      // RFC 3931 §4.1: a packet with another cookie MUST be discarded.
      if (bytes[header.payloadAt + i] !== this.#cookie[i]) return "wrong-network";
    }
    header.payloadAt += length;
    header.payloadBytes -= length;
    return undefined;
  }
}
