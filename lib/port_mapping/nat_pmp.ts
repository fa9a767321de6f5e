/**
 * The NAT Port Mapping Protocol, RFC 6886: requests and what a gateway answers.
 *
 * ```
 *    0         1          2          4               6               8          12
 *   | 0       | opcode   | reserved | internal port | external port | lifetime |             request (§3.3)
 *   | 0       | 128+op   | result   | epoch                         | internal, external port | lifetime |
 *   | 0       | 128      | result   | epoch                         | address  |             (§3.2)
 * ```
 *
 * @module
 */

import { IpAddress } from "../net/mod.ts";
import type { MappedTransport } from "./mapping.ts";
import type { GatewayAnswer, MapRequest } from "./pcp.ts";

const RESPONSE = 0x80;
const OPCODE_ADDRESS = 0;
const OPCODES: Readonly<Record<MappedTransport, number>> = { udp: 1, tcp: 2 };
const ERROR_BYTES = 8;
const ADDRESS_ANSWER_BYTES = 12;
const MAP_ANSWER_BYTES = 16;
const MAX_PCP_BYTES = 1100;
const SUCCESS = 0;
const UNSUPPORTED_VERSION = 1;
const UNSUPPORTED_OPCODE = 5;

/** @returns a request for the gateway's outside address, 2 bytes */
export function encodeNatPmpAddress(): Uint8Array {
  return Uint8Array.of(0, OPCODE_ADDRESS);
}

/** @returns a request for a mapping, or with a lifetime of 0 for its end, 12 bytes */
export function encodeNatPmpMap(
  { transport, internalPort, externalPort, lifetimeSeconds }: Omit<MapRequest, "client" | "nonce">,
): Uint8Array {
  const out = new Uint8Array(12);
  const view = new DataView(out.buffer);
  out[1] = OPCODES[transport];
  view.setUint16(4, internalPort);
  view.setUint16(6, externalPort);
  view.setUint32(8, lifetimeSeconds);
  return out;
}

/** @returns what a datagram says, or undefined when it is no answer of NAT-PMP */
export function decodeNatPmp(datagram: Uint8Array): GatewayAnswer | undefined {
  const { length } = datagram;
  if (length < ERROR_BYTES) return undefined;
  const [version = 0, opcode = 0] = datagram;
  if ((opcode & RESPONSE) === 0) return undefined;
  if (version !== 0) {
    // What a server of PCP alone says of version 0 (RFC 6887 §9).
    const isRefused = length <= MAX_PCP_BYTES && datagram[3] === UNSUPPORTED_VERSION;
    return isRefused ? { kind: "refused", isUnsupported: true } : undefined;
  }
  if (length > MAP_ANSWER_BYTES) return undefined;
  const view = new DataView(datagram.buffer, datagram.byteOffset, length);
  const result = view.getUint16(2);
  // §3.5: that is an answer to another version, which PCP's question a moment ago may have been.
  if (result === UNSUPPORTED_VERSION) return undefined;
  const isUnsupported = result === UNSUPPORTED_OPCODE;
  const transport = transportOf(opcode);
  if (transport === undefined && opcode !== (RESPONSE | OPCODE_ADDRESS)) {
    return isUnsupported ? { kind: "refused", isUnsupported } : undefined;
  }
  if (result !== SUCCESS) {
    return transport === undefined || length < 10
      ? { kind: "refused", isUnsupported }
      : { kind: "refused", isUnsupported, transport, internalPort: view.getUint16(8) };
  }
  const epochSeconds = view.getUint32(4);
  if (transport === undefined) {
    if (length !== ADDRESS_ANSWER_BYTES) return undefined;
    return { kind: "address", address: IpAddress.fromBytes(datagram.subarray(8, 12)), epochSeconds };
  }
  if (length !== MAP_ANSWER_BYTES) return undefined;
  return {
    kind: "mapped",
    transport,
    internalPort: view.getUint16(8),
    externalPort: view.getUint16(10),
    lifetimeSeconds: view.getUint32(12),
    epochSeconds,
  };
}

function transportOf(opcode: number): MappedTransport | undefined {
  if (opcode === (RESPONSE | OPCODES.udp)) return "udp";
  return opcode === (RESPONSE | OPCODES.tcp) ? "tcp" : undefined;
}
