/**
 * Netlink's framing (RFC 3549 §2.3.2, Documentation/userspace-api/netlink): messages and their attributes. Numbers
 * are in the byte order of the host, which is little-endian wherever weft runs.
 * @module
 */

import { concatBytes } from "../../base/mod.ts";
import { Descriptor, O_CLOEXEC } from "../ffi/mod.ts";

// linux/socket.h, linux/netlink.h
/** The family of netlink's sockets. */
export const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;

/** Types of netlink's own messages, of linux/netlink.h. */
export const NLMSG = { ERROR: 2, DONE: 3 } as const;

/** Flags of a message, of linux/netlink.h. */
export const NLM_F = {
  REQUEST: 0x1,
  ACK: 0x4,
  DUMP_INTR: 0x10,
  EXCL: 0x200,
  DUMP: 0x300,
  CREATE: 0x400,
} as const;

const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** The upper two bits of an attribute's type are flags. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

/** A message of the kernel. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** A view of what follows the header. */
  readonly payload: Uint8Array;
}

/**
 * Opens a socket of rtnetlink(7).
 * @param what for the message of an error, as in `follow eth0`
 * @param flags further flags of socket(2)
 * @throws HostError when this is no Linux, or the kernel gives no socket
 */
export function openNetlink(what: string, flags = 0): Descriptor {
  return Descriptor.open(
    what,
    (libc) => libc.socket(AF_NETLINK, SOCK_RAW | O_CLOEXEC | flags, NETLINK_ROUTE),
  );
}

/** An attribute to be sent: its type and its value. */
export type NetlinkAttribute = readonly [type: number, value: Uint8Array];

/**
 * Encodes a request.
 *
 * ```
 *    0        4      6       8          12        16
 *   | length | type | flags | sequence | port: 0 | payload …, each attribute padded to 4 bytes |
 * ```
 * @param options.body the fixed part that the type demands, a multiple of 4 bytes
 */
export function encodeRequest(options: {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Uint8Array;
  readonly attributes?: readonly NetlinkAttribute[];
}): Uint8Array<ArrayBuffer> {
  const payload = concatBytes(options.body, encodeAttributes(options.attributes ?? []));
  const message = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, true);
  view.setUint16(4, options.type, true);
  view.setUint16(6, options.flags | NLM_F.REQUEST, true);
  view.setUint32(8, options.sequence, true);
  message.set(payload, HEADER_BYTES);
  return message;
}

/** Encodes attributes one after the other, each padded to 4 bytes. */
export function encodeAttributes(attributes: readonly NetlinkAttribute[]): Uint8Array {
  return concatBytes(...attributes.map(([type, value]) => {
    const out = new Uint8Array(aligned(ATTRIBUTE_HEADER_BYTES + value.length));
    const view = new DataView(out.buffer);
    view.setUint16(0, ATTRIBUTE_HEADER_BYTES + value.length, true);
    view.setUint16(2, type, true);
    out.set(value, ATTRIBUTE_HEADER_BYTES);
    return out;
  }));
}

/** @returns the messages of one datagram, or undefined when one of them is no message */
export function decodeMessages(datagram: Uint8Array): readonly NetlinkMessage[] | undefined {
  const view = viewOf(datagram);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at < datagram.length;) {
    if (datagram.length - at < HEADER_BYTES) return undefined;
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || length > datagram.length - at) return undefined;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: datagram.subarray(at + HEADER_BYTES, at + length),
    });
    at += aligned(length);
  }
  return messages;
}

/** @returns views of the values by their types, the last of a type; or undefined when one of them is no attribute */
export function decodeAttributes(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> | undefined {
  const view = viewOf(bytes);
  const attributes = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < ATTRIBUTE_HEADER_BYTES) return undefined;
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || length > bytes.length - at) return undefined;
    const type = view.getUint16(at + 2, true) & ATTRIBUTE_TYPE_MASK;
    attributes.set(type, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length));
    at += aligned(length);
  }
  return attributes;
}

/** @returns the `errno` that an NLMSG_ERROR carries, 0 for an acknowledgement; or undefined when it is too short */
export function decodeErrno(payload: Uint8Array): number | undefined {
  if (payload.length < 4) return undefined;
  const value = viewOf(payload).getInt32(0, true);
  return value > 0 ? undefined : Math.abs(value);
}

/** @returns a value of 4 bytes, or undefined when it has another length */
export function decodeUint32(value: Uint8Array | undefined): number | undefined {
  return value?.length === 4 ? viewOf(value).getUint32(0, true) : undefined;
}

/** Encodes a number of 32 bits as an attribute's value. */
export function encodeUint32(value: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value, true);
  return out;
}

/** @returns `length` rounded up to a multiple of 4 (NLMSG_ALIGN, NLA_ALIGN) */
export function aligned(length: number): number {
  return (length + 3) & ~3;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
