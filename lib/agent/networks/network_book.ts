/**
 * Which overlay networks and endpoints there are: what the network's key has signed, read on every node in the same way.
 *
 *     entries `network`, `endpoint`, member records --> NetworkBook --> operations, NetworkSync, leaders' upkeep
 *
 * @module
 */

import type { MemberRecord, MeshState, NodeId, StateEntry } from "../../mesh/mod.ts";
import {
  type Conflict,
  ENDPOINT_KIND,
  endpointConflicts,
  type EndpointDefinition,
  NETWORK_KIND,
  networkConflicts,
  type NetworkDefinition,
  UnknownEndpointError,
} from "../../overlay/mod.ts";
import { Selector } from "../../policy/mod.ts";
import { decodeEndpoint, decodeNetwork } from "./entry_codec.ts";

/** The name of a gateway's endpoint; its addresses are those that each block keeps for it. */
export const GATEWAY_ENDPOINT = "gateway";

/** Bounds how many keys of one member are followed. */
const MAX_SUCCESSORS = 32;

/** An endpoint, and what keeps it from being believed. */
export interface KnownEndpoint {
  readonly definition: EndpointDefinition;
  /** The member that has it now, under whatever keys; undefined when it is none any more, or may have none here. */
  readonly owner: MemberRecord | undefined;
  /** Whose its MAC or IP address is. */
  readonly conflict?: Conflict<EndpointDefinition>;
}

/** A network, and what keeps it from being carried. */
export interface KnownNetwork {
  readonly definition: NetworkDefinition;
  /** Whose its identifier is. */
  readonly conflict?: Conflict<NetworkDefinition>;
  /** All endpoints that are signed for it, by name, also those that are not believed. */
  readonly endpoints: ReadonlyMap<string, KnownEndpoint>;
}

/** Reads entries, and keeps what it has read until one of them or a member changes. */
export class NetworkBook {
  readonly #mesh: MeshState;
  /** Of entries, which never change themselves. */
  readonly #read = new WeakMap<StateEntry, NetworkDefinition | EndpointDefinition | false>();
  readonly #selectors = new Map<string, Selector | undefined>();
  #networks: ReadonlyMap<string, KnownNetwork> | undefined;
  /** Endpoints of the networks that are known, by network and name, as they are signed now. */
  #signed = new Map<string, Map<string, EndpointDefinition>>();
  /** Networks of which endpoints have changed. */
  readonly #changed = new Set<string>();
  #lost: readonly EndpointDefinition[] = [];

  constructor(mesh: MeshState) {
    this.#mesh = mesh;
  }

  /** Something has changed; what is asked next is read anew. */
  forget(): void {
    this.#networks = undefined;
    this.#changed.clear();
  }

  /** One entry has changed; of the others, those of its network alone are looked at again. */
  forgetEntry(kind: string, key: string): void {
    const [network = "", name = ""] = key.split("/");
    const signed = this.#signed.get(network);
    const definition = this.#networks?.get(network)?.definition;
    if (kind !== ENDPOINT_KIND || signed === undefined || definition === undefined) return this.forget();
    const { entries } = this.#mesh.replica;
    const entry = entries.get(kind, entries.networkOrigin(kind, key), key);
    const endpoint = entry && this.#readOnce(entry, decodeEndpoint);
    if (endpoint !== undefined && endpoint.networkId !== definition.id) return this.forget();
    if (endpoint === undefined) signed.delete(name);
    else signed.set(name, endpoint);
    this.#changed.add(network);
  }

  /** All networks by name; another map when something has changed. */
  get networks(): ReadonlyMap<string, KnownNetwork> {
    const known = this.#networks;
    if (known === undefined) return this.#networks = this.#readAll();
    if (this.#changed.size === 0) return known;
    const networks = new Map(known);
    for (const name of this.#changed) {
      const network = known.get(name);
      if (network === undefined) continue;
      const endpoints = this.#endpointsOf(network.definition, [...this.#signed.get(name)?.values() ?? []]);
      networks.set(name, { ...network, endpoints });
    }
    this.#changed.clear();
    return this.#networks = networks;
  }

  /** Endpoints of networks that are no more, or are others by now. */
  get lost(): readonly EndpointDefinition[] {
    this.#networks ??= this.#readAll();
    return this.#lost;
  }

  /** @param text a name or an id */
  find(text: string): KnownNetwork | undefined {
    const { networks } = this;
    return networks.get(text) ?? networks.values().find(({ definition }) => definition.id === text);
  }

  /** @returns a network's endpoint that is signed, believed or not */
  endpoint({ network, name }: Pick<EndpointDefinition, "network" | "name">): KnownEndpoint | undefined {
    return this.networks.get(network)?.endpoints.get(name);
  }

  /** Whether a member may have endpoints in a network, by what the network's key has signed of both. */
  mayJoin(record: MemberRecord, { members }: Pick<NetworkDefinition, "members">): boolean {
    if (record.roles.includes("wireguard")) return false;
    if (members === undefined) return true;
    const selector = this.#selectorOf(members);
    // What somebody offers, he says himself.
    return selector?.matches({ ...record, services: [] }) ?? false;
  }

  /** @returns the record under which a member goes on that was known by this id; undefined when it is none any more */
  ownerOf(nodeId: NodeId): MemberRecord | undefined {
    const { roster } = this.#mesh;
    let id: NodeId | undefined = nodeId;
    for (let i = 0; i <= MAX_SUCCESSORS && id !== undefined; i++) {
      const member = roster.get(id);
      if (member !== undefined) return member.record;
      id = roster.recordById(id)?.successor;
    }
    return undefined;
  }

  #readAll(): ReadonlyMap<string, KnownNetwork> {
    const { entries } = this.#mesh.replica;
    const definitions: NetworkDefinition[] = [];
    for (const entry of entries.list(NETWORK_KIND)) {
      const definition = this.#readOnce(entry, decodeNetwork);
      if (definition !== undefined) definitions.push(definition);
    }
    const byNetwork = new Map(
      definitions.map((definition) => [definition.name, new Map<string, EndpointDefinition>()]),
    );
    const ids = new Map(definitions.map(({ name, id }) => [name, id]));
    const lost: EndpointDefinition[] = [];
    for (const entry of entries.list(ENDPOINT_KIND)) {
      const endpoint = this.#readOnce(entry, decodeEndpoint);
      if (endpoint === undefined) continue;
      if (ids.get(endpoint.network) !== endpoint.networkId) lost.push(endpoint);
      else byNetwork.get(endpoint.network)?.set(endpoint.name, endpoint);
    }
    this.#lost = lost;
    this.#signed = byNetwork;
    const conflicts = networkConflicts(definitions);
    return new Map(definitions.map((definition) => {
      const conflict = conflicts.get(definition.name);
      const endpoints = this.#endpointsOf(definition, [...byNetwork.get(definition.name)?.values() ?? []]);
      return [definition.name, { definition, ...conflict && { conflict }, endpoints }];
    }));
  }

  #endpointsOf(
    network: NetworkDefinition,
    definitions: readonly EndpointDefinition[],
  ): ReadonlyMap<string, KnownEndpoint> {
    const owners = new Map(definitions.map((definition) => {
      const record = this.ownerOf(definition.nodeId as NodeId);
      return [definition, record && this.mayJoin(record, network) ? record : undefined];
    }));
    // What is nobody's takes no address from anybody.
    const conflicts = endpointConflicts(
      definitions.filter((definition) => owners.get(definition) !== undefined),
    );
    return new Map(definitions.map((definition) => {
      const conflict = conflicts.get(definition.name);
      return [definition.name, { definition, owner: owners.get(definition), ...conflict && { conflict } }];
    }));
  }

  #readOnce<T extends NetworkDefinition | EndpointDefinition>(
    entry: StateEntry,
    decode: (key: string, body: Uint8Array) => T | undefined,
  ): T | undefined {
    let read = this.#read.get(entry);
    if (read === undefined) this.#read.set(entry, read = decode(entry.key, entry.body) ?? false);
    return read === false ? undefined : read as T;
  }

  #selectorOf(text: string): Selector | undefined {
    if (!this.#selectors.has(text)) {
      // Of networks that there were.
      if (this.#selectors.size > 1024) this.#selectors.clear();
      this.#selectors.set(text, Selector.tryParse(text));
    }
    return this.#selectors.get(text);
  }
}

/** @returns a network's endpoint that is signed, believed or not @throws UnknownEndpointError */
export function requireEndpoint({ definition, endpoints }: KnownNetwork, name: string): KnownEndpoint {
  const endpoint = endpoints.get(name);
  if (endpoint !== undefined) return endpoint;
  throw new UnknownEndpointError(`Cannot find the endpoint ${definition.name}/${name}: there is none`, {
    hint: "`weft endpoint list` shows all.",
  });
}
