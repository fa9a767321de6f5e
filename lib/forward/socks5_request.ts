/**
 * The server's side of the SOCKS protocol, version 5 (RFC 1928), as bytes and values: one method, "no authentication
 * required", and one command, CONNECT. Versions 4 and 4a are not spoken.
 *
 * ```text
 *   greeting   05 | count | methods …                              1 to 255 methods
 *   choice     05 | method                                         FF: none of them
 *   request    05 | command | 00 | type | address … | port (2)     type 1: 4 bytes, 3: length and name, 4: 16 bytes
 *   reply      05 | code    | 00 | type | address … | port (2)
 * ```
 *
 * @module
 */

import { IpAddress } from "../net/mod.ts";
import type { DialTarget } from "./dial.ts";

/** What a server may answer to a request (RFC 1928 §6). */
export const SOCKS5_REPLY = {
  succeeded: 0,
  generalFailure: 1,
  notAllowed: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  connectionRefused: 5,
  ttlExpired: 6,
  commandNotSupported: 7,
  addressTypeNotSupported: 8,
} as const;

/** One of the codes of RFC 1928 §6. */
export type Socks5Reply = (typeof SOCKS5_REPLY)[keyof typeof SOCKS5_REPLY];

/** Why a client is not served. */
export const SOCKS5_FAULTS = [
  "not-socks5",
  "no-method",
  "unsupported-command",
  "unsupported-address",
  "malformed",
] as const;

/** One of them. */
export type Socks5Fault = typeof SOCKS5_FAULTS[number];

/** What a decoder has found: a value and its length, that it needs more bytes, or why it wants none. */
export type Socks5Result<T> =
  | { readonly kind: "value"; readonly value: T; readonly lengthBytes: number }
  | { readonly kind: "incomplete" }
  | { readonly kind: "fault"; readonly fault: Socks5Fault };

const VERSION = 5;
const NO_AUTHENTICATION = 0x00;
const NO_ACCEPTABLE_METHOD = 0xff;
const CONNECT = 1;
const IPV4 = 1;
const DOMAIN_NAME = 3;
const IPV6 = 4;
const INCOMPLETE = { kind: "incomplete" } as const;
// RFC 1928 §5 wants a domain name; underscores are in use, and some programs write an address in this place.
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_.])?$/;

/**
 * Reads the first message of a client (RFC 1928 §3).
 * @param bytes all that has come so far; what follows the greeting is not looked at
 */
export function decodeGreeting(bytes: Uint8Array): Socks5Result<"no-authentication"> {
  const [version, count] = bytes;
  if (version === undefined) return INCOMPLETE;
  if (version !== VERSION) return fault("not-socks5");
  if (count === undefined) return INCOMPLETE;
  if (count === 0) return fault("no-method");
  const lengthBytes = 2 + count;
  if (bytes.length < lengthBytes) return INCOMPLETE;
  if (!bytes.subarray(2, lengthBytes).includes(NO_AUTHENTICATION)) return fault("no-method");
  return { kind: "value", value: "no-authentication", lengthBytes };
}

/**
 * Reads what a client asks for (RFC 1928 §4).
 * @param bytes all that has come after the greeting; what follows the request is not looked at
 */
export function decodeRequest(bytes: Uint8Array): Socks5Result<DialTarget> {
  const [version, command, reserved, type] = bytes;
  if (version === undefined) return INCOMPLETE;
  if (version !== VERSION) return fault("not-socks5");
  if (command === undefined) return INCOMPLETE;
  if (command !== CONNECT) return fault("unsupported-command");
  if (reserved === undefined) return INCOMPLETE;
  if (reserved !== 0) return fault("malformed");
  if (type === undefined) return INCOMPLETE;
  return decodeTarget(bytes, type);
}

/** @returns the answer to a greeting (RFC 1928 §3), 2 bytes */
export function encodeChoice(isAccepted: boolean): Uint8Array {
  return Uint8Array.of(VERSION, isAccepted ? NO_AUTHENTICATION : NO_ACCEPTABLE_METHOD);
}

/**
 * @returns the answer to a request (RFC 1928 §6), 10 bytes: where the connection begins on the far side is all zeros, as
 * most servers say
 */
export function encodeReply(code: Socks5Reply): Uint8Array {
  const bound = new Uint8Array(4 + 2);
  return Uint8Array.of(VERSION, code, 0, IPV4, ...bound);
}

function decodeTarget(bytes: Uint8Array, type: number): Socks5Result<DialTarget> {
  const isName = type === DOMAIN_NAME;
  const start = isName ? 5 : 4;
  const length = type === IPV4 ? 4 : type === IPV6 ? 16 : isName ? bytes[4] : NaN;
  if (Number.isNaN(length)) return fault("unsupported-address");
  if (length === undefined) return INCOMPLETE;
  if (length === 0) return fault("malformed");
  const end = start + length;
  if (bytes.length < end + 2) return INCOMPLETE;
  const address = bytes.subarray(start, end);
  const host = isName ? readName(address) : IpAddress.fromBytes(address).toString();
  const port = (bytes[end] ?? 0) << 8 | (bytes[end + 1] ?? 0);
  if (host === undefined || port === 0) return fault("malformed");
  return { kind: "value", value: { host, port }, lengthBytes: end + 2 };
}

function readName(bytes: Uint8Array): string | undefined {
  const text = String.fromCharCode(...bytes);
  if (NAME.test(text)) return text.toLowerCase();
  return IpAddress.parse(text)?.toString();
}

function fault(reason: Socks5Fault): { readonly kind: "fault"; readonly fault: Socks5Fault } {
  return { kind: "fault", fault: reason };
}
