/**
 * What UPnP's Internet gateways are asked, and what they answer: device descriptions (UPnP Device Architecture 1.1 §2.3)
 * and SOAP (§3.2) for WANIPConnection:1 and :2 and WANPPPConnection:1.
 * @module
 */

import { type Endpoint, IpAddress } from "../net/mod.ts";
import { encodeHttpRequest } from "./http_message.ts";
import type { HttpAnswer, MappedTransport } from "./mapping.ts";
import { type PageLocation, parsePageUrl } from "./ssdp.ts";
import { childOf, escapeXml, parseXml, type XmlElement } from "./xml.ts";

/** A service that maps ports, and the page that it is asked at. */
export interface WanConnection {
  readonly type: string;
  readonly control: PageLocation;
}

/** In the order of preference: the later version has AddAnyPortMapping. */
const WAN_TYPES = [
  "urn:schemas-upnp-org:service:WANIPConnection:2",
  "urn:schemas-upnp-org:service:WANIPConnection:1",
  "urn:schemas-upnp-org:service:WANPPPConnection:1",
] as const;
/** A gateway with more of them is asked for the first. */
const MAX_CONNECTIONS = 3;
/** What shows in the gateway's list of mappings. */
const DESCRIPTION = "weft";

/** Errors of an action that say something else can be tried (WANIPConnection:2 §2.4.1). */
export const IGD_ERROR = {
  /** The external port is somebody else's. */
  CONFLICT: 718,
} as const;

/** What an action has answered. */
export type ActionAnswer =
  | { readonly kind: "done"; readonly values: ReadonlyMap<string, string> }
  /** With the code of UPnP's error, or 0 when it says none. */
  | { readonly kind: "error"; readonly code: number };

/** What an action is about. */
export interface IgdMapping {
  readonly transport: MappedTransport;
  /** 1 to 65535. */
  readonly externalPort: number;
  /** This host, as the gateway sees it. */
  readonly internal: Endpoint;
  /** In seconds; 0 is for ever. */
  readonly leaseSeconds: number;
}

/** @returns the request for a page */
export function encodeDescriptionRequest({ endpoint, path }: PageLocation): Uint8Array {
  return encodeHttpRequest({ method: "GET", endpoint, path });
}

/**
 * @param location where the description was read
 * @returns the services that map ports, at most three, the best first; only those at the description's own address
 */
export function decodeDescription(body: Uint8Array, location: PageLocation): readonly WanConnection[] {
  const root = parseXml(new TextDecoder().decode(body));
  if (root?.name !== "root") return [];
  const base = childOf(root, "URLBase")?.text ?? "";
  const from = base === "" ? location : parsePageUrl(base, location);
  if (from === undefined) return [];
  const found: WanConnection[] = [];
  for (const service of servicesIn(root)) {
    const type = childOf(service, "serviceType")?.text ?? "";
    const control = parsePageUrl(childOf(service, "controlURL")?.text ?? "", from);
    const isAtHome = control?.endpoint.address.equals(location.endpoint.address) === true;
    if (isAtHome && (WAN_TYPES as readonly string[]).includes(type)) found.push({ type, control });
  }
  const rank = ({ type }: WanConnection) => (WAN_TYPES as readonly string[]).indexOf(type);
  return found.toSorted((a, b) => rank(a) - rank(b)).slice(0, MAX_CONNECTIONS);
}

/** @returns a request for the gateway's outside address */
export function encodeGetAddress(connection: WanConnection): Uint8Array {
  return encodeAction(connection, "GetExternalIPAddress", []);
}

/** @returns a request for a mapping; where the gateway knows how and `isAny`, for another port when this one is taken */
export function encodeAddMapping(connection: WanConnection, mapping: IgdMapping, isAny: boolean): Uint8Array {
  const action = isAny && hasAnyPort(connection) ? "AddAnyPortMapping" : "AddPortMapping";
  const { internal, leaseSeconds } = mapping;
  // The order is the one of the service's description, which some gateways insist on.
  return encodeAction(connection, action, [
    ...namedMapping(mapping),
    ["NewInternalPort", `${internal.port}`],
    ["NewInternalClient", `${internal.address}`],
    ["NewEnabled", "1"],
    ["NewPortMappingDescription", DESCRIPTION],
    ["NewLeaseDuration", `${leaseSeconds}`],
  ]);
}

/** @returns a request to end a mapping */
export function encodeDeleteMapping(
  connection: WanConnection,
  mapping: Pick<IgdMapping, "transport" | "externalPort">,
): Uint8Array {
  return encodeAction(connection, "DeletePortMapping", namedMapping(mapping));
}

/** @returns whether a service has AddAnyPortMapping (WANIPConnection:2 §2.5.20) */
export function hasAnyPort({ type }: WanConnection): boolean {
  return type === WAN_TYPES[0];
}

/** @returns what an action has answered, or undefined when it makes no sense */
export function decodeAction({ status, body }: HttpAnswer): ActionAnswer | undefined {
  const envelope = parseXml(new TextDecoder().decode(body));
  const [content, another] = childOf(envelope, "Body")?.children ?? [];
  if (envelope?.name !== "Envelope" || content === undefined || another !== undefined) return undefined;
  if (content.name === "Fault") {
    const code = childOf(childOf(childOf(content, "detail"), "UPnPError"), "errorCode")?.text ?? "";
    return { kind: "error", code: /^\d{3}$/.test(code) ? Number(code) : 0 };
  }
  if (status !== 200 || !content.name.endsWith("Response")) return undefined;
  return { kind: "done", values: new Map(content.children.map(({ name, text }) => [name, text])) };
}

/** @returns the address of an answer to `encodeGetAddress`; undefined when it has none, as while a line is down */
export function externalAddressOf(values: ReadonlyMap<string, string>): IpAddress | undefined {
  return IpAddress.parse(values.get("NewExternalIPAddress") ?? "");
}

/** @returns the port that AddAnyPortMapping has chosen, or undefined when there is none */
export function reservedPortOf(values: ReadonlyMap<string, string>): number | undefined {
  const text = values.get("NewReservedPort") ?? "";
  if (!/^[1-9]\d{0,4}$/.test(text)) return undefined;
  return Number(text) <= 65535 ? Number(text) : undefined;
}

function namedMapping(
  { transport, externalPort }: Pick<IgdMapping, "transport" | "externalPort">,
): readonly (readonly [string, string])[] {
  return [
    ["NewRemoteHost", ""],
    ["NewExternalPort", `${externalPort}`],
    ["NewProtocol", transport.toUpperCase()],
  ];
}

function encodeAction(
  { type, control: { endpoint, path } }: WanConnection,
  action: string,
  values: readonly (readonly [string, string])[],
): Uint8Array {
  const inner = values.map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`).join("");
  const body = `<?xml version="1.0"?>\r\n` +
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ` +
    `s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>` +
    `<u:${action} xmlns:u="${type}">${inner}</u:${action}></s:Body></s:Envelope>\r\n`;
  const headers = {
    "Content-Type": 'text/xml; charset="utf-8"',
    SOAPAction: `"${type}#${action}"`,
  };
  return encodeHttpRequest({ method: "POST", endpoint, path, headers, body });
}

/** Services stand in lists of devices in devices; the parser has bounded how deep. */
function* servicesIn(element: XmlElement): Generator<XmlElement> {
  for (const child of element.children) {
    if (child.name === "service") yield child;
    else yield* servicesIn(child);
  }
}
