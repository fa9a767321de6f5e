/**
 * Finding a gateway that speaks UPnP: SSDP (UPnP Device Architecture 1.1 §1.3).
 * @module
 */

import { utf8Bytes } from "../base/mod.ts";
import { Endpoint, IpAddress } from "../net/mod.ts";

/** Where devices listen (§1.1). */
export const SSDP_PORT = 1900;
/** The group of devices in IPv4 (§1.1). */
export const SSDP_GROUP: IpAddress = IpAddress.fromBytes(Uint8Array.of(239, 255, 255, 250));

/** A device says no more of itself, in bytes. */
const MAX_ANSWER_BYTES = 2048;
const MAX_PATH_LENGTH = 512;

/** What is looked for: UPnP's Internet gateways of both versions. */
export const IGD_TYPES: readonly string[] = [
  "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
  "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
];

/** A page of a gateway. */
export interface PageLocation {
  readonly endpoint: Endpoint;
  /** With its query, beginning with a slash. */
  readonly path: string;
}

/**
 * @param type what is looked for
 * @param destination one device, or the group, whose members answer within a second
 * @returns an M-SEARCH (§1.3.2, and §1.3.2 for one device, without MX)
 */
export function encodeSearch(type: string, destination: Endpoint): Uint8Array {
  const lines = [
    "M-SEARCH * HTTP/1.1",
    `HOST: ${destination}`,
    'MAN: "ssdp:discover"',
    ...destination.address.isMulticast ? ["MX: 1"] : [],
    `ST: ${type}`,
  ];
  return utf8Bytes(`${lines.join("\r\n")}\r\n\r\n`);
}

/** @returns where the description of a device is that has answered a search (§1.3.3), or undefined when it is no answer */
export function decodeSearchAnswer(datagram: Uint8Array): PageLocation | undefined {
  if (datagram.length > MAX_ANSWER_BYTES) return undefined;
  const [first = "", ...lines] = new TextDecoder().decode(datagram).split(/\r?\n/);
  if (!/^HTTP\/1\.[01] 200(?: |$)/.test(first)) return undefined;
  const locations = lines.flatMap((line) => /^location:[ \t]*(\S+)[ \t]*$/i.exec(line)?.[1] ?? []);
  const types = lines.flatMap((line) => /^st:[ \t]*(\S+)[ \t]*$/i.exec(line)?.[1] ?? []);
  const [location, another] = locations;
  if (location === undefined || another !== undefined || !types.some((type) => IGD_TYPES.includes(type))) {
    return undefined;
  }
  return parsePageUrl(location);
}

/**
 * @param base the page that a URL without a host stands on
 * @returns the page of an `http` URL whose host is an address, or undefined when it is none
 */
export function parsePageUrl(text: string, base?: PageLocation): PageLocation | undefined {
  if (text.length > MAX_PATH_LENGTH || !/^[\x21-\x7e]+$/.test(text)) return undefined;
  const from = base === undefined ? undefined : `http://${base.endpoint}${base.path}`;
  const url = URL.parse(text, from);
  if (url === null || url.protocol !== "http:" || url.username !== "" || url.password !== "") {
    return undefined;
  }
  // What the platform reads as an address in some form of its own is written here in the usual one.
  const endpoint = Endpoint.parse(`${url.hostname}:${url.port === "" ? 80 : url.port}`);
  if (endpoint === undefined || endpoint.port === 0) return undefined;
  return { endpoint, path: url.pathname + url.search };
}
