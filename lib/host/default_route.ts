/**
 * The router that this host sends to when it knows no better way, as Linux lists it in proc(5). Rtnetlink would say the same,
 * but needs foreign functions, which a node without privileges does not have.
 * @module
 */

import { IpAddress, type IpFamily } from "../net/mod.ts";

/** The way out of this host's own networks. */
export interface DefaultRoute {
  readonly gateway: IpAddress;
  readonly interfaceName: string;
}

const PATHS: Readonly<Record<IpFamily, string>> = { 4: "/proc/net/route", 6: "/proc/net/ipv6_route" };
// linux/route.h
const RTF_UP = 0x1;
const RTF_GATEWAY = 0x2;
const RTF_REJECT = 0x200;

/**
 * @param ignored interfaces that don't count, such as the overlay's own
 * @returns the default route with the least metric, or undefined when there is none, or this host doesn't tell
 */
export function findDefaultRoute(
  family: IpFamily,
  ignored: (interfaceName: string) => boolean = () => false,
): DefaultRoute | undefined {
  const path = PATHS[family];
  try {
    // A program that may not read is not to have its user asked for it.
    if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
    return parseDefaultRoute(Deno.readTextFileSync(path), family, ignored);
  } catch {
    return undefined;
  }
}

/** @returns the default route of a text such as proc(5) has, or undefined when there is none in it */
export function parseDefaultRoute(
  text: string,
  family: IpFamily,
  ignored: (interfaceName: string) => boolean = () => false,
): DefaultRoute | undefined {
  let best: (DefaultRoute & { readonly metric: number }) | undefined;
  for (const line of text.split("\n")) {
    const route = family === 4 ? parseIpv4(line) : parseIpv6(line);
    if (route === undefined || ignored(route.interfaceName)) continue;
    if (best === undefined || route.metric < best.metric) best = route;
  }
  return best && { gateway: best.gateway, interfaceName: best.interfaceName };
}

/** `Iface Destination Gateway Flags RefCnt Use Metric Mask …`, hexadecimal, addresses in the host's order of bytes. */
function parseIpv4(line: string): (DefaultRoute & { readonly metric: number }) | undefined {
  const [, interfaceName, gateway, flags, metric] =
    /^(\S+)\s+00000000\s+([0-9A-F]{8})\s+([0-9A-F]{4})\s+\d+\s+\d+\s+(\d+)\s+00000000\s/.exec(line) ?? [];
  if (interfaceName === undefined || gateway === undefined || !isRoute(flags)) return undefined;
  // Linux runs weft on little-endian machines only.
  const address = IpAddress.fromBytes(Uint8Array.fromHex(gateway).reverse());
  return { interfaceName, gateway: address, metric: Number(metric) };
}

/** `destination length source length next-hop metric references use flags interface`, hexadecimal. */
function parseIpv6(line: string): (DefaultRoute & { readonly metric: number }) | undefined {
  const [, gateway, metric = "", flags, interfaceName] =
    /^0{32} 00 0{32} 00 ([0-9a-f]{32}) ([0-9a-f]{8}) [0-9a-f]{8} [0-9a-f]{8} ([0-9a-f]{8})\s+(\S+)\s*$/
      .exec(line) ?? [];
  if (interfaceName === undefined || gateway === undefined || !isRoute(flags)) return undefined;
  return {
    interfaceName,
    gateway: IpAddress.fromBytes(Uint8Array.fromHex(gateway)),
    metric: Number.parseInt(metric, 16),
  };
}

function isRoute(flags = ""): boolean {
  return (Number.parseInt(flags, 16) & (RTF_UP | RTF_GATEWAY | RTF_REJECT)) === (RTF_UP | RTF_GATEWAY);
}
