/**
 * STUN messages, of which only Binding is spoken: RFC 8489 §5, §14.
 *
 * ```
 *    0      2        4              8                20
 *   | type | length | magic cookie | transaction id | attributes: type, length (2 bytes each), value, padding to 4 |
 * ```
 *
 * @module
 */

import { equalBytes } from "../base/mod.ts";
import { Endpoint, IpAddress } from "../net/mod.ts";

/** The length of a transaction's id in bytes (§5). */
export const TRANSACTION_ID_BYTES = 12;

const HEADER_BYTES = 20;
/** §6.1: what fits every path of IPv6. An answer is shorter. */
const MAX_BYTES = 1280;
const MAX_ATTRIBUTES = 32;
const MAGIC_COOKIE = 0x2112_a442;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;
const ATTRIBUTE = {
  MAPPED_ADDRESS: 0x0001,
  /** RFC 3489's, which servers of today still add. */
  SOURCE_ADDRESS: 0x0004,
  CHANGED_ADDRESS: 0x0005,
  MESSAGE_INTEGRITY: 0x0008,
  ERROR_CODE: 0x0009,
  UNKNOWN_ATTRIBUTES: 0x000a,
  MESSAGE_INTEGRITY_SHA256: 0x001c,
  XOR_MAPPED_ADDRESS: 0x0020,
  /** Of drafts of RFC 5389; whoever sends it sends the other, too. */
  OLD_XOR_MAPPED_ADDRESS: 0x8020,
  FINGERPRINT: 0x8028,
} as const;
/** §14: whoever doesn't know an attribute below this can't understand the message. */
const FIRST_OPTIONAL = 0x8000;
const UNDERSTOOD: ReadonlySet<number> = new Set(Object.values(ATTRIBUTE));
const FAMILY_BYTES: ReadonlyMap<number, number> = new Map([[1, 4], [2, 16]]);
/** §14.7. */
const FINGERPRINT_XOR = 0x5354_554e;
const FINGERPRINT_BYTES = 8;

/** What a datagram of STUN says. */
export type StunMessage =
  & {
    /** 12 bytes. */
    readonly transactionId: Uint8Array;
  }
  & (
    | { readonly kind: "request" }
    /** Where the server saw the request come from. */
    | { readonly kind: "success"; readonly mapped: Endpoint }
    /** With the code of the error, 300 to 699. */
    | { readonly kind: "error"; readonly code: number }
  );

/**
 * @returns whether a datagram has the form of STUN, and so is of no other protocol on the same port (§5): WireGuard's begin
 * with 1 to 4 and three zeros, and never have the cookie at its place by more than chance
 */
export function isStun(datagram: Uint8Array): boolean {
  if (datagram.length < HEADER_BYTES || datagram.length > MAX_BYTES || datagram.length % 4 !== 0) {
    return false;
  }
  if ((datagram[0] ?? 0) >> 6 !== 0) return false;
  const view = viewOf(datagram);
  return view.getUint32(4) === MAGIC_COOKIE && view.getUint16(2) === datagram.length - HEADER_BYTES;
}

/** @param transactionId 12 random bytes @returns a Binding request with its fingerprint, 28 bytes @throws RangeError */
export function encodeBindingRequest(transactionId: Uint8Array): Uint8Array {
  if (transactionId.length !== TRANSACTION_ID_BYTES) {
    throw new RangeError(
      `Cannot ask with an id of ${transactionId.length} bytes: it has ${TRANSACTION_ID_BYTES}`,
    );
  }
  const out = new Uint8Array(HEADER_BYTES + FINGERPRINT_BYTES);
  const view = viewOf(out);
  view.setUint16(0, BINDING_REQUEST);
  view.setUint16(2, FINGERPRINT_BYTES);
  view.setUint32(4, MAGIC_COOKIE);
  out.set(transactionId, 8);
  view.setUint16(20, ATTRIBUTE.FINGERPRINT);
  view.setUint16(22, 4);
  view.setUint32(24, fingerprint(out.subarray(0, 20)));
  return out;
}

/** @returns what a datagram says, or undefined when it is no sound message of STUN's Binding */
export function decodeStun(datagram: Uint8Array): StunMessage | undefined {
  if (!isStun(datagram)) return undefined;
  const view = viewOf(datagram);
  const type = view.getUint16(0);
  if (type !== BINDING_REQUEST && type !== BINDING_SUCCESS && type !== BINDING_ERROR) return undefined;
  const transactionId = datagram.slice(8, HEADER_BYTES);
  const found = readAttributes(datagram, view);
  if (found === undefined) return undefined;
  if (type === BINDING_REQUEST) return { kind: "request", transactionId };
  if (type === BINDING_ERROR) {
    return found.code === undefined ? undefined : { kind: "error", transactionId, code: found.code };
  }
  const mapped = found.xorMapped ?? found.mapped;
  return mapped === undefined ? undefined : { kind: "success", transactionId, mapped };
}

/** @returns whether a message is of this transaction */
export function isOfTransaction({ transactionId }: StunMessage, id: Uint8Array): boolean {
  return equalBytes(transactionId, id);
}

interface FoundAttributes {
  mapped?: Endpoint;
  xorMapped?: Endpoint;
  code?: number;
}

function readAttributes(datagram: Uint8Array, view: DataView): FoundAttributes | undefined {
  const found: FoundAttributes = {};
  let count = 0;
  for (let at = HEADER_BYTES; at < datagram.length;) {
    if (++count > MAX_ATTRIBUTES || datagram.length - at < 4) return undefined;
    const type = view.getUint16(at);
    const length = view.getUint16(at + 2);
    const from = at + 4;
    // §14: a value is padded to a multiple of 4, which its length does not count.
    const next = from + (length + 3 & ~3);
    if (next > datagram.length) return undefined;
    const value = datagram.subarray(from, from + length);
    if (type < FIRST_OPTIONAL && !UNDERSTOOD.has(type)) return undefined;
    if (type === ATTRIBUTE.FINGERPRINT) {
      // §14.7: it is the last.
      const isSound = length === 4 && next === datagram.length;
      return isSound && view.getUint32(from) === fingerprint(datagram.subarray(0, at)) ? found : undefined;
    }
    // §14: of several of a type the first counts.
    if (type === ATTRIBUTE.MAPPED_ADDRESS && found.mapped === undefined) {
      const mapped = readAddress(value);
      if (mapped === undefined) return undefined;
      found.mapped = mapped;
    } else if (type === ATTRIBUTE.XOR_MAPPED_ADDRESS && found.xorMapped === undefined) {
      const mapped = readAddress(value, datagram.subarray(4, HEADER_BYTES));
      if (mapped === undefined) return undefined;
      found.xorMapped = mapped;
    } else if (type === ATTRIBUTE.ERROR_CODE && found.code === undefined) {
      const code = readErrorCode(value);
      if (code === undefined) return undefined;
      found.code = code;
    }
    at = next;
  }
  return found;
}

/** §14.1, §14.2. @param mask the cookie and the transaction's id, with which the value is masked */
function readAddress(value: Uint8Array, mask?: Uint8Array): Endpoint | undefined {
  const addressBytes = FAMILY_BYTES.get(value[1] ?? 0);
  if (addressBytes === undefined || value.length !== 4 + addressBytes) return undefined;
  const plain = value.slice(2);
  if (mask !== undefined) {
    for (let i = 0; i < 2; i++) plain[i] = (plain[i] ?? 0) ^ (mask[i] ?? 0);
    for (let i = 0; i < addressBytes; i++) plain[2 + i] = (plain[2 + i] ?? 0) ^ (mask[i] ?? 0);
  }
  const port = viewOf(plain).getUint16(0);
  return port === 0 ? undefined : new Endpoint(IpAddress.fromBytes(plain.subarray(2)).unmapped(), port);
}

/** §14.8. */
function readErrorCode(value: Uint8Array): number | undefined {
  const [, , hundreds = 0, rest = 0] = value;
  if (value.length < 4 || (hundreds & 7) < 3 || (hundreds & 7) > 6 || rest > 99) return undefined;
  return 100 * (hundreds & 7) + rest;
}

/** §14.7, over all that comes before the attribute; the header's length counts it already. */
function fingerprint(bytes: Uint8Array): number {
  return (crc32(bytes) ^ FINGERPRINT_XOR) >>> 0;
}

/** ITU V.42 §8.1.1.6.2, which §14.7 names. A message is short and rare, so that no table is worth its memory. */
function crc32(bytes: Uint8Array): number {
  let remainder = 0xffff_ffff;
  for (const byte of bytes) {
    remainder ^= byte;
    for (let bit = 0; bit < 8; bit++) remainder = remainder >>> 1 ^ (remainder & 1 ? 0xedb8_8320 : 0);
  }
  return (remainder ^ 0xffff_ffff) >>> 0;
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}
