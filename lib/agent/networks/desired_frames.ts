/**
 * What the plane is to carry: the networks in which this host has endpoints, and where everybody's are.
 * @module
 */

import type { PlaneBinding, PlaneNetwork, PlanePort, PlaneRemote } from "../../dataplane/mod.ts";
import type { MemberRecord } from "../../mesh/mod.ts";
import type { IpAddress } from "../../net/mod.ts";
import { endpointKey, type PlainUnderlayOptions } from "../../overlay/mod.ts";
import type { ReadyPort } from "./local_endpoints.ts";
import { GATEWAY_ENDPOINT, type KnownEndpoint, type KnownNetwork } from "./network_book.ts";

/** Everything of one host, by names that stay while it is changed. */
export interface DesiredFrames {
  readonly networks: ReadonlyMap<string, PlaneNetwork>;
  readonly ports: ReadonlyMap<string, PlanePort>;
  readonly remotes: ReadonlyMap<string, PlaneRemote>;
  readonly bindings: ReadonlyMap<string, PlaneBinding>;
}

/** What of the host and of members is needed for it. */
export interface FrameSurroundings {
  readonly ownId: string;
  /** Whether this node has no packet plane. */
  readonly isRootless: boolean;
  /** Whether a driver is on an Ethernet. */
  readonly isOnLink: (type: string) => boolean;
  readonly isRootlessMember: (record: MemberRecord) => boolean;
  /** Undefined where this release cannot carry the network. */
  readonly mtuOf: (network: KnownNetwork) => number | undefined;
  /** Of a plain network: the first of its interfaces that this host has. */
  readonly interfaceOf: (network: KnownNetwork) => string | undefined;
  readonly ready: ReadonlyMap<string, ReadyPort>;
  /** @returns the number that is kept for a network or a remote port */
  readonly numberOf: (kind: "network" | "remote", name: string) => number;
}

/** Whether an endpoint is of this host and believed. */
export function isOwn({ owner, conflict }: KnownEndpoint, ownId: string): boolean {
  return conflict === undefined && owner?.nodeId === ownId;
}

/** @returns the longest IP packet inside of a network; undefined when this host does not carry it */
export function carriedMtu(
  network: KnownNetwork,
  { ownId, mtuOf }: Pick<FrameSurroundings, "ownId" | "mtuOf">,
): number | undefined {
  const { definition, conflict, endpoints } = network;
  const isWanted = conflict === undefined && definition.active &&
    endpoints.values().some((endpoint) => isOwn(endpoint, ownId));
  return isWanted ? mtuOf(network) : undefined;
}

/** @returns what is to be carried of these networks */
export function desiredFrames(known: Iterable<KnownNetwork>, around: FrameSurroundings): DesiredFrames {
  const networks = new Map<string, PlaneNetwork>();
  const ports = new Map<string, PlanePort>();
  const remotes = new Map<string, PlaneRemote>();
  const bindings = new Map<string, PlaneBinding>();
  for (const network of known) {
    const mtuBytes = carriedMtu(network, around);
    if (mtuBytes === undefined) continue;
    const { definition, endpoints } = network;
    const { name } = definition;
    // One that was made anew under the same name is another one.
    const number = around.numberOf("network", `${name}/${definition.id}`);
    networks.set(name, { ...planeNetwork(network, number, around), mtuBytes });
    for (const address of foreignRemotes(network, around)) {
      const port = around.numberOf("remote", `${name}/${definition.id}/${address}`);
      // Whose addresses it has, nobody has signed.
      const via = { kind: "plain", address } as const;
      remotes.set(`${name}/${address}`, { port, network: number, allowsForeign: true, via });
    }
    for (const endpoint of endpoints.values()) {
      if (endpoint.owner === undefined || endpoint.conflict !== undefined) continue;
      const { definition: { mac, addresses, allowsForeign }, owner } = endpoint;
      const key = endpointKey(endpoint.definition);
      let port: number;
      if (owner.nodeId === around.ownId) {
        const ready = around.ready.get(key);
        if (ready === undefined) continue;
        port = ready.port;
        const { device } = ready;
        ports.set(key, { port, network: number, name: endpoint.definition.name, allowsForeign, device });
      } else {
        const via = viaOf(network, endpoint, owner, around);
        if (via === undefined) continue;
        // Behind a group, a link or a static remote are several.
        const host = via.kind === "plain" ? via.address : owner.nodeId;
        const remote = `${name}/${host}`;
        port = around.numberOf("remote", `${name}/${definition.id}/${host}`);
        const isForeign = allowsForeign || remotes.get(remote)?.allowsForeign === true;
        remotes.set(remote, { port, network: number, allowsForeign: isForeign, via });
      }
      const binding = { network: number, port, mac: mac.toString(), addresses: addresses.map(String) };
      bindings.set(`${name}/${binding.mac}`, binding);
    }
  }
  return { networks, ports, remotes, bindings };
}

function planeNetwork(
  network: KnownNetwork,
  number: number,
  around: FrameSurroundings,
): Omit<PlaneNetwork, "mtuBytes"> {
  const { definition: { name, type, vni, options, plain, stormLimit }, endpoints } = network;
  const gateway = endpoints.get(GATEWAY_ENDPOINT);
  const isThere = gateway?.owner !== undefined && gateway.conflict === undefined;
  const interfaceName = around.interfaceOf(network);
  return {
    network: number,
    name,
    driver: type,
    identifier: vni,
    options,
    underlay: plain === undefined ? { kind: "mesh" } : {
      kind: "plain",
      ...interfaceName !== undefined && { interfaceName },
      ...plain.port !== undefined && { port: plain.port },
      ...plain.group !== undefined && { group: plain.group },
      ...plain.hopLimit !== undefined && { hopLimit: plain.hopLimit },
    },
    ...isThere && {
      gateway: {
        mac: gateway.definition.mac.toString(),
        addresses: gateway.definition.addresses.map(String),
      },
    },
    ...stormLimit !== undefined && { stormLimit },
  };
}

/** Whether one remote port stands for all hosts: a multicast group, or an Ethernet. */
function isShared({ definition: { plain, type } }: KnownNetwork, { isOnLink }: FrameSurroundings): boolean {
  return plain !== undefined && (plain.group !== undefined || isOnLink(type));
}

function sharedAddress({ group }: PlainUnderlayOptions): string {
  return group ?? "link";
}

/** @returns what of a plain underlay nobody has signed endpoints for */
function foreignRemotes(network: KnownNetwork, around: FrameSurroundings): readonly string[] {
  const { plain } = network.definition;
  if (plain === undefined) return [];
  return isShared(network, around) ? [sharedAddress(plain)] : plain.remotes ?? [];
}

function viaOf(
  network: KnownNetwork,
  { definition: { underlayAddress } }: KnownEndpoint,
  owner: MemberRecord,
  around: FrameSurroundings,
): PlaneRemote["via"] | undefined {
  const { plain } = network.definition;
  if (plain !== undefined) {
    if (isShared(network, around)) return { kind: "plain", address: sharedAddress(plain) };
    return underlayAddress && { kind: "plain", address: underlayAddress.toString() };
  }
  const [address]: readonly (IpAddress | undefined)[] = owner.addresses;
  if (around.isRootless || around.isRootlessMember(owner) || address === undefined) {
    return { kind: "channel", nodeId: owner.nodeId };
  }
  return { kind: "member", publicKey: owner.publicKey.toString(), address: address.toString() };
}
