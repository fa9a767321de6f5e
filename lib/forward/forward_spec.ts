/**
 * A forwarded port as people write it: `8080:web:80`.
 * @module
 */

import { WeftError } from "../base/mod.ts";
import { IpAddress } from "../net/mod.ts";

/** A text that describes no forwarded port; the message says why. */
export class InvalidForwardError extends WeftError {
  readonly code = "InvalidForward";
}

/** A port of this host, and where in the mesh it leads. */
export interface ForwardSpec {
  /** An address of this host, 127.0.0.1 unless it was said; `0.0.0.0` or `::` for all. */
  readonly bind: string;
  /** 1 to 65535, or 0 for any free one. */
  readonly port: number;
  /** A name in lower case or an address. */
  readonly targetHost: string;
  /** 1 to 65535. */
  readonly targetPort: number;
}

const DEFAULT_BIND = "127.0.0.1";
const MAX_LENGTH = 400;
// An IPv6 address stands in brackets (RFC 3986 §3.2.2).
const SHAPE = /^(?:(\[[^\]]*\]|[^:[\]]*):)?([^:[\]]*):(\[[^\]]*\]|[^:[\]]*):([^:[\]]*)$/;
const HOST = /^(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?$/;
const HINT =
  "Write PORT:NAME:PORT or ADDRESS:PORT:NAME:PORT, for example 8080:web:80 or 0.0.0.0:8080:web:80.";

/**
 * Reads `8080:web:80` or `127.0.0.1:8080:web:80`. An IPv6 address stands in brackets; `*` binds all addresses.
 * @throws InvalidForwardError
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseForward } from "./forward_spec.ts";
 * const spec = { bind: "127.0.0.1", port: 8080, targetHost: "web", targetPort: 80 };
 * assert.deepEqual(parseForward("8080:web:80"), spec);
 * assert.deepEqual(parseForward("[::1]:8080:web:80"), { ...spec, bind: "::1" });
 * ```
 */
export function parseForward(text: string): ForwardSpec {
  const parts = text.length > MAX_LENGTH ? null : SHAPE.exec(text.trim());
  if (parts === null) return refuse(text, "it is not of that shape");
  const [, bindText, portText = "", hostText = "", targetText = ""] = parts;
  const bind = bindText === undefined ? DEFAULT_BIND : readBind(bindText);
  if (bind === undefined) return refuse(text, `${JSON.stringify(bindText)} is no address to listen on`);
  const port = readPort(portText);
  if (port === undefined) return refuse(text, `${JSON.stringify(portText)} is no port to listen on`);
  const targetHost = readHost(hostText);
  if (targetHost === undefined) return refuse(text, `${JSON.stringify(hostText)} is no name and no address`);
  const targetPort = readPort(targetText);
  if (targetPort === undefined || targetPort === 0) {
    return refuse(text, `${JSON.stringify(targetText)} is no port of ${targetHost}`);
  }
  return { bind, port, targetHost, targetPort };
}

function readBind(text: string): string | undefined {
  if (text === "*") return "0.0.0.0";
  if (text === "localhost") return DEFAULT_BIND;
  return readAddress(text)?.toString();
}

function readHost(text: string): string | undefined {
  const address = readAddress(text);
  if (address !== undefined) return address.isUnspecified ? undefined : address.toString();
  const name = text.toLowerCase();
  // What ends like an IPv4 address was meant as one (RFC 3696 §2).
  return HOST.test(name) && !/(?:^|\.)\d+\.?$/.test(name) ? name : undefined;
}

function readAddress(text: string): IpAddress | undefined {
  const inBrackets = text.startsWith("[");
  const address = IpAddress.parse(inBrackets ? text.slice(1, -1) : text);
  return address !== undefined && inBrackets === (address.family === 6) ? address : undefined;
}

function readPort(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined;
}

function refuse(text: string, problem: string): never {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  throw new InvalidForwardError(`Cannot forward ${JSON.stringify(shown)}: ${problem}`, { hint: HINT });
}
