/**
 * Where a socket is: an address and a port.
 * @module
 */

import { IpAddress } from "./ip_address.ts";

/**
 * An IP address with a UDP or TCP port. Immutable.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Endpoint } from "./endpoint.ts";
 * assert.equal(Endpoint.parse("[2001:db8::1]:51820")?.port, 51820);
 * assert.equal(Endpoint.parse("2001:db8::1:51820"), undefined);
 * ```
 */
export class Endpoint {
  /** Of the host. */
  readonly address: IpAddress;
  /** 0 to 65535; a datagram's source may be 0 (RFC 768), a destination may not. */
  readonly port: number;
  /** The number of the interface that leads there; 0 for what the host's routes say. */
  readonly zone: number;
  #text: string | undefined;

  /**
   * Joins an address and a port.
   * @param port 0 to 65535
   * @param options.zone of a link-local address: the number of the interface that leads there (RFC 4007 §6)
   * @throws RangeError when `port` is none
   */
  constructor(address: IpAddress, port: number, { zone = 0 }: { readonly zone?: number } = {}) {
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw new RangeError(`Cannot make an endpoint at ${address} with port ${port}: ports are 0 to 65535`);
    }
    this.address = address;
    this.port = port;
    this.zone = zone;
  }

  /**
   * Reads `192.0.2.1:51820` or `[2001:db8::1]:51820`.
   * @returns the endpoint, or undefined when `text` is none
   */
  static parse(text: string): Endpoint | undefined {
    const colon = text.lastIndexOf(":");
    const host = text.slice(0, Math.max(0, colon));
    const digits = text.slice(colon + 1);
    if (!/^(0|[1-9]\d{0,4})$/.test(digits) || Number(digits) > 65535) return undefined;
    const inBrackets = host.startsWith("[") && host.endsWith("]");
    const address = IpAddress.parse(inBrackets ? host.slice(1, -1) : host);
    // RFC 3986 §3.2.2: an IPv6 address stands in brackets, nothing else does.
    if (address === undefined || inBrackets !== (address.family === 6)) return undefined;
    return new Endpoint(address, Number(digits));
  }

  /**
   * Reads what `parse` does, and `[fe80::1%eth0]:51820` (RFC 4007 §11). A zone means something on this host only, so
   * that nothing from elsewhere may have one.
   * @param zoneOf gives an interface's number by its name; numbers are taken as they are unless it is given
   * @returns the endpoint, or undefined when `text` is none
   */
  static parseZoned(
    text: string,
    zoneOf: (name: string) => number | undefined = parseZone,
  ): Endpoint | undefined {
    const [, address, name, port] = /^\[([^%]*)%([^\]]+)\](:\d+)$/.exec(text) ?? [];
    if (name === undefined) return Endpoint.parse(text);
    const endpoint = Endpoint.parse(`[${address}]${port}`);
    const zone = zoneOf(name);
    if (endpoint === undefined || zone === undefined || !endpoint.address.isLinkLocal) return undefined;
    return new Endpoint(endpoint.address, endpoint.port, { zone });
  }

  /** Whether both name the same socket. */
  equals(other: Endpoint): boolean {
    return this.port === other.port && this.zone === other.zone && this.address.equals(other.address);
  }

  /** The endpoint as text. @returns `192.0.2.1:51820`, `[2001:db8::1]:51820` or `[fe80::1%2]:51820` */
  toString(): string {
    const { address, port, zone } = this;
    if (address.family === 4) return this.#text ??= `${address}:${port}`;
    return this.#text ??= zone === 0 ? `[${address}]:${port}` : `[${address}%${zone}]:${port}`;
  }
}

function parseZone(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}
