/**
 * Whose an identifier, a MAC address or an IP address is when two have it, because leaders that could not see each other have
 * given it twice: the older one's, and of two of one age the one whose key comes first. Every node finds the same.
 * @module
 */

import { type EndpointDefinition, endpointKey, type NetworkDefinition } from "./definitions.ts";

/** What somebody else has. */
export interface Conflict<T> {
  /** What both want, in words. */
  readonly what: string;
  readonly owner: T;
}

/**
 * Whether packets of both look the same on the wire. GRE's key of 32 bits is NVGRE's VSID and FlowID (RFC 7637 §3.2), and
 * both are IP protocol 47.
 */
export function isSameOnWire(
  a: Pick<NetworkDefinition, "type" | "vni">,
  b: Pick<NetworkDefinition, "type" | "vni">,
): boolean {
  if (a.type === b.type) return a.vni === b.vni;
  const [gre, nvgre] = a.type === "gre" ? [a, b] : [b, a];
  return gre.type === "gre" && nvgre.type === "nvgre" && gre.vni >>> 8 === nvgre.vni;
}

/** @returns of each network that is not to be carried, which other one has its identifier; by name */
export function networkConflicts(
  networks: Iterable<NetworkDefinition>,
): ReadonlyMap<string, Conflict<NetworkDefinition>> {
  const conflicts = new Map<string, Conflict<NetworkDefinition>>();
  const owners: NetworkDefinition[] = [];
  for (const network of [...networks].sort((a, b) => byAge<NetworkDefinition>(a, b, ({ name }) => name))) {
    const owner = owners.find((other) => isSameOnWire(other, network));
    if (owner === undefined) owners.push(network);
    else conflicts.set(network.name, { what: `the identifier ${network.vni}`, owner });
  }
  return conflicts;
}

/** @returns of each endpoint of one network that is not believed, which other one has its MAC or IP address; by name */
export function endpointConflicts(
  endpoints: Iterable<EndpointDefinition>,
): ReadonlyMap<string, Conflict<EndpointDefinition>> {
  const conflicts = new Map<string, Conflict<EndpointDefinition>>();
  const owners = new Map<string, EndpointDefinition>();
  for (const endpoint of [...endpoints].sort((a, b) => byAge<EndpointDefinition>(a, b, endpointKey))) {
    const wanted = wantedOf(endpoint);
    const what = wanted.find((text) => owners.has(text));
    const owner = what === undefined ? undefined : owners.get(what);
    if (what !== undefined && owner !== undefined) conflicts.set(endpoint.name, { what, owner });
    else for (const text of wanted) owners.set(text, endpoint);
  }
  return conflicts;
}

function wantedOf({ mac, addresses }: EndpointDefinition): readonly string[] {
  return [mac.toString(), ...addresses.map(String)];
}

function byAge<T extends { readonly createdAt: number }>(a: T, b: T, keyOf: (item: T) => string): number {
  return a.createdAt - b.createdAt || (keyOf(a) < keyOf(b) ? -1 : 1);
}
