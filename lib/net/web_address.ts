/**
 * Where a WebSocket is: a URL of the kind that weft dials.
 * @module
 */

import { IpAddress } from "./ip_address.ts";

/** A longer URL is none of ours. */
export const MAX_WEB_ADDRESS_LENGTH = 255;

/** What a URL without a path means. */
const PATH = "/weft";

/**
 * A `ws://` or `wss://` URL (RFC 6455 §3) without user, query and fragment. Immutable.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { WebAddress } from "./web_address.ts";
 * assert.equal(WebAddress.parse("wss://mesh.example.com")?.toString(), "wss://mesh.example.com/weft");
 * assert.equal(WebAddress.parse("ws://192.0.2.1:51820/weft")?.port, 51820);
 * assert.equal(WebAddress.parse("wss://user:secret@mesh.example.com/"), undefined);
 * ```
 */
export class WebAddress {
  /** Whether TLS is between. */
  readonly isSecure: boolean;
  /** A name in lower case, or an address without brackets. */
  readonly hostname: string;
  /** 1 to 65535; that of the scheme where the URL names none. */
  readonly port: number;
  /** Begins with a slash. */
  readonly path: string;
  /** As in the URL: the host, and the port unless it is the usual one; what a request names. */
  readonly host: string;

  private constructor(url: URL) {
    this.isSecure = url.protocol === "wss:";
    this.hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
    this.port = url.port === "" ? (this.isSecure ? 443 : 80) : Number(url.port);
    this.path = url.pathname === "/" ? PATH : url.pathname;
    this.host = url.host;
  }

  /**
   * Reads a URL; one without a path means that of weft.
   * @returns the address, or undefined when `text` is none
   */
  static parse(text: string): WebAddress | undefined {
    if (
      text.length > MAX_WEB_ADDRESS_LENGTH || !/^wss?:\/\/[A-Za-z0-9[][!-~]*$/.test(text) ||
      /[?#@\\]/.test(text)
    ) {
      return undefined;
    }
    let url: URL;
    try {
      url = new URL(text);
    } catch {
      return undefined;
    }
    if (url.username !== "" || url.password !== "" || url.hostname === "" || url.port === "0") {
      return undefined;
    }
    return new WebAddress(url);
  }

  /** The address, when the URL names no name. */
  get address(): IpAddress | undefined {
    return IpAddress.parse(this.hostname);
  }

  /** Whether both are the same URL. */
  equals(other: WebAddress): boolean {
    return this.toString() === other.toString();
  }

  /** Writes the URL, which `parse` reads the same. */
  toString(): string {
    return `${this.isSecure ? "wss" : "ws"}://${this.host}${this.path}`;
  }

  /** Writes the same as `toString()`. */
  toJSON(): string {
    return this.toString();
  }
}
