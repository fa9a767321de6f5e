/**
 * The Port Control Protocol, RFC 6887: MAP requests and what a server answers. Options are skipped.
 *
 * ```
 *    0         1        2          3        4          8        12          24
 *   | version | R|opcode | reserved | result | lifetime | epoch  | reserved  |          answers (§7.2)
 *   | version | opcode   |      reserved     | lifetime | client's address   |          requests (§7.1)
 *    24      36         37         40              42               44               60
 *   | nonce | protocol | reserved | internal port | external port | external address |  MAP (§11.1)
 * ```
 *
 * @module
 */

import { equalBytes } from "../base/mod.ts";
import { IpAddress } from "../net/mod.ts";
import type { MappedTransport } from "./mapping.ts";

/** The UDP port of servers of PCP and NAT-PMP (RFC 6887 §19.1). */
export const GATEWAY_PORT = 5351;
/** The length of a mapping's nonce in bytes (§11.1). */
export const NONCE_BYTES = 12;

const VERSION = 2;
const OPCODE_MAP = 1;
const RESPONSE = 0x80;
const HEADER_BYTES = 24;
const MAP_BYTES = 60;
/** §7: longer messages are invalid. */
const MAX_BYTES = 1100;
const ADDRESS_BYTES = 16;
/** §19.3, which are the numbers of IANA's registry (RFC 5237). */
const PROTOCOL_NUMBERS: Readonly<Record<MappedTransport, number>> = { tcp: 6, udp: 17 };
const SUCCESS = 0;
const UNSUPP_VERSION = 1;
const UNSUPP_OPCODE = 4;
const UNSUPP_PROTOCOL = 9;

/** What a MAP request asks. */
export interface MapRequest {
  readonly transport: MappedTransport;
  /** This host's own address. */
  readonly client: IpAddress;
  /** 12 bytes that are the mapping's own. */
  readonly nonce: Uint8Array;
  /** 1 to 65535. */
  readonly internalPort: number;
  /** 0 for any. */
  readonly externalPort: number;
  /** Absent for any. */
  readonly externalAddress?: IpAddress;
  /** In seconds; 0 takes the mapping back. */
  readonly lifetimeSeconds: number;
}

/** What a server of PCP or NAT-PMP answers. */
export type GatewayAnswer =
  | {
    readonly kind: "mapped";
    readonly transport: MappedTransport;
    /** PCP alone has one. */
    readonly nonce?: Uint8Array;
    readonly internalPort: number;
    readonly externalPort: number;
    /** NAT-PMP has to be asked for it. */
    readonly externalAddress?: IpAddress;
    readonly lifetimeSeconds: number;
    readonly epochSeconds: number;
  }
  | { readonly kind: "address"; readonly address: IpAddress; readonly epochSeconds: number }
  | {
    readonly kind: "refused";
    /** Whether it never will, by this protocol. */
    readonly isUnsupported: boolean;
    /** What it refuses; absent when the answer doesn't say. */
    readonly transport?: MappedTransport;
    readonly internalPort?: number;
    readonly nonce?: Uint8Array;
  };

/** @returns a MAP request of 60 bytes @throws RangeError when the nonce has another length than 12 */
export function encodePcpMap(request: MapRequest): Uint8Array {
  const { transport, client, nonce, internalPort, externalPort, externalAddress, lifetimeSeconds } = request;
  if (nonce.length !== NONCE_BYTES) {
    throw new RangeError(`Cannot ask with a nonce of ${nonce.length} bytes: it has ${NONCE_BYTES}`);
  }
  const out = new Uint8Array(MAP_BYTES);
  const view = new DataView(out.buffer);
  out[0] = VERSION;
  out[1] = OPCODE_MAP;
  view.setUint32(4, lifetimeSeconds);
  writeAddress(out, 8, client);
  out.set(nonce, 24);
  out[36] = PROTOCOL_NUMBERS[transport];
  view.setUint16(40, internalPort);
  view.setUint16(42, externalPort);
  if (externalAddress !== undefined) writeAddress(out, 44, externalAddress);
  // §11.1: for any address of IPv4 the unspecified one in its IPv6 form.
  else if (client.family === 4) out.fill(0xff, 54, 56);
  return out;
}

/** @returns what a datagram says, or undefined when it is no answer to a MAP request */
export function decodePcp(datagram: Uint8Array): GatewayAnswer | undefined {
  if (datagram.length < 4 || datagram.length > MAX_BYTES) return undefined;
  const [version = 0, opcode = 0, , result = 0] = datagram;
  // §9: one that speaks NAT-PMP alone answers in that version, with a result of 16 bits (RFC 6886 §3.5).
  if (version === 0) {
    const isRefused = datagram.length >= 8 && (opcode & RESPONSE) !== 0 && result === UNSUPP_VERSION &&
      datagram[2] === 0;
    return isRefused ? { kind: "refused", isUnsupported: true } : undefined;
  }
  if ((opcode & RESPONSE) === 0) return undefined;
  if (result === UNSUPP_VERSION) return { kind: "refused", isUnsupported: true };
  if (version !== VERSION || opcode !== (RESPONSE | OPCODE_MAP)) return undefined;
  // §8.3: an error may come without what was asked.
  if (datagram.length < HEADER_BYTES || datagram.length % 4 !== 0) return undefined;
  const isUnsupported = result === UNSUPP_OPCODE || result === UNSUPP_PROTOCOL;
  if (datagram.length < MAP_BYTES) {
    return result === SUCCESS ? undefined : { kind: "refused", isUnsupported };
  }
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const transport = transportOf(datagram[36] ?? 0);
  if (transport === undefined) return undefined;
  const nonce = datagram.slice(24, 36);
  const internalPort = view.getUint16(40);
  if (result !== SUCCESS) return { kind: "refused", isUnsupported, transport, internalPort, nonce };
  return {
    kind: "mapped",
    transport,
    nonce,
    internalPort,
    externalPort: view.getUint16(42),
    externalAddress: IpAddress.fromBytes(datagram.subarray(44, 60)).unmapped(),
    lifetimeSeconds: view.getUint32(4),
    epochSeconds: view.getUint32(8),
  };
}

/** @returns whether an answer is to a request with that nonce; those of NAT-PMP have none */
export function isOfNonce(answer: { readonly nonce?: Uint8Array }, nonce: Uint8Array): boolean {
  return answer.nonce === undefined || equalBytes(answer.nonce, nonce);
}

/** §5: 16 bytes, IPv4 in its IPv6 form. */
function writeAddress(out: Uint8Array, at: number, address: IpAddress): void {
  if (address.family === 6) return out.set(address.bytes, at);
  out.fill(0xff, at + 10, at + 12);
  out.set(address.bytes, at + ADDRESS_BYTES - 4);
}

function transportOf(number: number): MappedTransport | undefined {
  return number === PROTOCOL_NUMBERS.udp ? "udp" : number === PROTOCOL_NUMBERS.tcp ? "tcp" : undefined;
}
