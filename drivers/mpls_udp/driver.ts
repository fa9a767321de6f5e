/**
 * The driver `mpls-udp`.
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
  PayloadKind,
} from "../../lib/overlay/mod.ts";
import { ConstantHeader } from "../constant_header.ts";
import { uint32At } from "../fields.ts";
import { NetworkOptions } from "../network_options.ts";
import {
  CONTROL_WORD_BYTES,
  encodeStack,
  ENTROPY_INDICATOR,
  EXPLICIT_NULL,
  MAX_LABEL,
  MAX_LABELS_READ,
  MIN_LABEL,
  MPLS_ENTRY_BYTES,
} from "./header.ts";

/** RFC 7510 §3: assigned by IANA. */
const UDP_PORT = 6635;
/** How many labels a network may have around its own. */
const MAX_OUTER_LABELS = 4;
const DEFAULT_TTL = 64;

/** Ethernet or IP behind MPLS labels over UDP. */
export class MplsUdpDriver implements OverlayDriver {
  readonly name = "mpls-udp";
  readonly capabilities: DriverCapabilities = {
    transport: { kind: "udp", port: UDP_PORT },
    identifier: { name: "label", min: MIN_LABEL, max: MAX_LABEL },
    maxHeaderBytes: (MAX_OUTER_LABELS + 1) * MPLS_ENTRY_BYTES + CONTROL_WORD_BYTES,
    payloads: ["ethernet", "ip"],
    options: {
      payload: "What is carried: ethernet (a pseudowire, RFC 4448), or ip.",
      outer: "Labels around the network's own, the outermost first, with commas between them; at most 4.",
      ttl: "The hop limit of labels, 1 to 255; 64 unless given.",
      tc: "The traffic class of labels, 0 to 7.",
      "control-word": "true: frames have a control word (RFC 4448); both ends have to agree.",
    },
    layer2: true,
    // RFC 7510 §3: the UDP source port.
    flowEntropy: true,
    multicast: true,
    trafficClass: true,
  };

  encapsulation(identifier: number, options?: DriverOptions): Encapsulation {
    const read = new NetworkOptions(this.name, this.capabilities, { identifier, options });
    const payload = read.oneOf("payload", ["ethernet", "ip"]);
    const outer = outerLabels(read);
    const trafficClass = read.integer("tc", 0, 7) ?? 0;
    const ttl = read.integer("ttl", 1, 255) ?? DEFAULT_TTL;
    const hasControlWord = read.oneOf("control-word", ["false", "true"]) === "true";
    if (hasControlWord && payload === "ip") read.refuse("control-word", "false where IP packets are carried");
    const stack = encodeStack([...outer, identifier].map((label) => ({ label, trafficClass, ttl })));
    // RFC 4448 §4.6: without sequence numbers the word is zero.
    const header = new Uint8Array(stack.length + (hasControlWord ? CONTROL_WORD_BYTES : 0));
    header.set(stack);
    return new MplsEncapsulation(identifier, payload, { header, outer: outer[0] ?? -1, hasControlWord });
  }

  decode(
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    header: DecodedHeader,
  ): DecodeFailure | undefined {
    header.clear();
    const end = at + lengthBytes;
    let entry = at;
    let label = -1;
    let isEntropy = false;
    for (let i = 0; i < MAX_LABELS_READ; i++, entry += MPLS_ENTRY_BYTES) {
      if (entry + MPLS_ENTRY_BYTES > end) return "truncated";
      const word = uint32At(bytes, entry);
      const isLast = (word & 0x100) !== 0;
      const value = word >>> 12;
      // RFC 3032 §2.4.1: what has lived too long goes no further.
      if ((word & 0xff) === 0 && !isEntropy) return "expired";
      if (value === ENTROPY_INDICATOR && !isLast && !isEntropy) isEntropy = true;
      // RFC 6790 §4.2: the label of the flow, which is not looked up.
      else if (isEntropy) isEntropy = false;
      else {
        if (label >= 0) header.outerIdentifier = header.outerIdentifier < 0 ? label : header.outerIdentifier;
        label = value;
        header.trafficClass = (word >>> 9) & 7;
      }
      if (!isLast) continue;
      if (label < MIN_LABEL) return "no-identifier";
      header.identifier = label;
      header.payloadAt = entry + MPLS_ENTRY_BYTES;
      header.payloadBytes = end - header.payloadAt;
      return undefined;
    }
    return "no-identifier";
  }
}

class MplsEncapsulation extends ConstantHeader {
  readonly #outer: number;
  readonly #hasControlWord: boolean;

  constructor(
    label: number,
    payload: PayloadKind,
    { header, outer, hasControlWord }: {
      readonly header: Uint8Array;
      readonly outer: number;
      readonly hasControlWord: boolean;
    },
  ) {
    super(label, payload, header);
    this.#outer = outer;
    this.#hasControlWord = hasControlWord;
  }

  /** A label does not say what is behind it: the network does. */
  override accept(bytes: Uint8Array, header: DecodedHeader): DecodeFailure | undefined {
    header.payload = this.payload;
    const { outerIdentifier: outer } = header;
    // The router before may have taken the outer label away (RFC 3031 §3.16), or left an explicit null.
    const isPlain = outer < 0 || outer === EXPLICIT_NULL.IPV4 || outer === EXPLICIT_NULL.IPV6;
    if (!isPlain && outer !== this.#outer) return "wrong-network";
    if (!this.#hasControlWord) return undefined;
    if (header.payloadBytes < CONTROL_WORD_BYTES) return "truncated";
    const first = (bytes[header.payloadAt] ?? 0) >> 4;
    // RFC 4385 §5: 1 is a channel of the pseudowire's own, and no frame.
    if (first === 1) return "control-packet";
    if (first !== 0) return "bad-flags";
    // RFC 4448 §4.6: 0 says that frames are not numbered. As with GRE, one that is out of order is taken.
    const sequence = uint16At(bytes, header.payloadAt + 2);
    header.sequence = sequence === 0 ? -1 : sequence;
    header.payloadAt += CONTROL_WORD_BYTES;
    header.payloadBytes -= CONTROL_WORD_BYTES;
    return undefined;
  }
}

function outerLabels(read: NetworkOptions): number[] {
  const text = read.text("outer");
  if (text === undefined) return [];
  const labels = text.split(",").map((part) =>
    read.integerOf("outer", part.trim(), { min: MIN_LABEL, max: MAX_LABEL })
  );
  return labels.length > MAX_OUTER_LABELS
    ? read.refuse("outer", `at most ${MAX_OUTER_LABELS} labels`)
    : labels;
}
