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
  readonly address: IpAddress;
  /** 0 to 65535; a datagram's source may be 0 (RFC 768), a destination may not. */
  readonly port: number;
  #text: string | undefined;

  /**
   * @param port 0 to 65535
   * @throws RangeError when `port` is none
   */
  constructor(address: IpAddress, port: number) {
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw new RangeError(`Cannot make an endpoint at ${address} with port ${port}: ports are 0 to 65535`);
    }
    this.address = address;
    this.port = port;
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

  /** Whether both name the same socket. */
  equals(other: Endpoint): boolean {
    return this.port === other.port && this.address.equals(other.address);
  }

  /** @returns `192.0.2.1:51820` or `[2001:db8::1]:51820` */
  toString(): string {
    const { address, port } = this;
    return this.#text ??= address.family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
  }
}
