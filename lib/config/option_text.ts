/**
 * Options as texts that stand for them: what flags, variables and files say, and what is kept.
 * @module
 */

import { Cidr, Endpoint, IpAddress, WebAddress } from "../net/mod.ts";
import { type DeclaredEndpoint, type DeclaredNetwork, declaredText } from "./declared_networks.ts";
import type {
  DhtBootstrapOption,
  DnsForwardOption,
  OfferOption,
  PortRangeOption,
} from "./compound_options.ts";

/** An option as text; one that is a list, or pairs, is a list of texts. */
export type OptionText = string | readonly string[];

/**
 * Writes an option so that its schema reads the same again.
 * @param value as the schema has read it
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseAgentOptions } from "./layers.ts";
 * import { optionText } from "./option_text.ts";
 * const { port, labels, offers } = parseAgentOptions({ port: "51821", labels: "role=web", offers: "80=3000" });
 * assert.equal(optionText(port), "51821");
 * assert.deepEqual(optionText(labels), ["role=web"]);
 * assert.deepEqual(optionText(offers), ["80=127.0.0.1:3000"]);
 * ```
 */
export function optionText(value: unknown): OptionText {
  if (Array.isArray(value)) return value.map(itemText);
  if (typeof value !== "object" || value === null || isAddress(value)) return itemText(value);
  if ("first" in value && typeof value.first === "number") {
    const { first, last } = value as PortRangeOption;
    return `${first}-${last}`;
  }
  return Object.entries(value).map(([key, each]) => `${key}=${each}`);
}

function itemText(value: unknown): string {
  if (typeof value !== "object" || value === null || isAddress(value)) return String(value);
  if ("suffix" in value) {
    const { suffix, server } = value as DnsForwardOption;
    return suffix === "." ? `${server}` : `${suffix}=${server}`;
  }
  if ("targetPort" in value) {
    const { port, hostname, targetPort, allow } = value as OfferOption;
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    return `${port}=${host}:${targetPort}${allow === undefined ? "" : ` for ${allow}`}`;
  }
  if ("name" in value) return declaredText(value as DeclaredNetwork | DeclaredEndpoint);
  const { hostname, port } = value as DhtBootstrapOption;
  return `${hostname}:${port}`;
}

function isAddress(value: object): boolean {
  return value instanceof IpAddress || value instanceof Cidr || value instanceof Endpoint ||
    value instanceof WebAddress;
}
