/**
 * By which names it may be called over TCP, and that no page of others which a browser has open reads it.
 * @module
 */

import type { MiddlewareHandler } from "hono";
import { IpAddress } from "../net/mod.ts";
import { connectionOf } from "./access.ts";
import { problem } from "./problem.ts";

/**
 * Refuses requests whose `Host` is a name that somebody else could point here (DNS rebinding), and requests that a page of
 * another origin makes. What changes something has no route over TCP to begin with.
 * @param addresses what it lets through beside the loopback's and the address that a connection came to
 * @param isOwnHost says of anything else whether it is this node's now; names come and go while an agent runs
 */
export function guard(
  addresses: readonly string[],
  isOwnHost: (hostname: string) => boolean,
): MiddlewareHandler {
  const isAllowed = (hostname: string, localAddress: string | undefined): boolean => {
    if (hostname === "localhost" || addresses.includes(hostname)) return true;
    const address = IpAddress.parse(hostname)?.unmapped();
    if (address === undefined) return hostname !== "" && isOwnHost(hostname);
    // Nobody points an address elsewhere, as one does with a name.
    const isThere = (each: string) => IpAddress.parse(each)?.unmapped().equals(address) ?? false;
    return address.isLoopback || [...addresses, localAddress ?? ""].some(isThere) ||
      isOwnHost(address.toString());
  };
  return async (context, next) => {
    const { url } = context.req;
    const authority = authorityOf(url);
    const host = context.req.header("host") ?? authority;
    // RFC 9112 §3.2.2: a target in absolute form names a host too, and no proxy is meant to stand between.
    const localAddress = connectionOf(context)?.localAddress;
    if ([host, authority].some((name) => !isAllowed(hostnameOf(name), localAddress))) {
      return problem(context, 421, "Misdirected", "This name is not one of this agent's");
    }
    const origin = context.req.header("origin");
    if (origin !== undefined && origin !== `http://${host}`) {
      return problem(context, 403, "CrossOrigin", "Pages of other origins may not read this");
    }
    const site = context.req.header("sec-fetch-site");
    const isNavigation = context.req.header("sec-fetch-mode") === "navigate";
    // Fetch Metadata §2.4: `none` is a user's own doing, `same-site` includes other ports of this machine.
    if (site !== undefined && site !== "same-origin" && site !== "none" && !isNavigation) {
      return problem(context, 403, "CrossOrigin", "Pages of other origins may not read this");
    }
    await next();
  };
}

/** Headers of every answer: never stored, never framed, never guessed at. */
export function answerHeaders(): MiddlewareHandler {
  return async (context, next) => {
    await next();
    const { headers } = context.res;
    headers.set("cache-control", "no-store");
    headers.set("x-content-type-options", "nosniff");
    if (!headers.has("referrer-policy")) headers.set("referrer-policy", "no-referrer");
    headers.set("cross-origin-resource-policy", "same-origin");
    headers.set("cross-origin-opener-policy", "same-origin");
    if (!headers.has("content-security-policy")) {
      headers.set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    }
  };
}

/** @returns what stands between the scheme and the path; a `Host` that is no host makes it what no URL may have there */
function authorityOf(url: string): string {
  return /^[a-z]+:\/\/([^/?#]*)/i.exec(url)?.[1] ?? "";
}

/** RFC 9110 §7.2: `host` or `host:port`, IPv6 in brackets. */
function hostnameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host);
  // RFC 3986 §3.2.2: a name may end with the dot of the root.
  return (bracketed?.[1] ?? host.replace(/:\d*$/, "").replace(/(?<=[^.])\.$/, "")).toLowerCase();
}
