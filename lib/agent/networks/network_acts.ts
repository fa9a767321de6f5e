/**
 * What leaders do with overlay networks: they make them, change them and take them back, for everybody.
 * @module
 */

import { type Clock, encodeHex, utf8Bytes } from "../../base/mod.ts";
import { blake2s } from "../../crypto/mod.ts";
import type { AuditKind } from "../../mesh/mod.ts";
import { MAX_ENTRY_LIFETIME_MS, type MeshState, NO_UPDATE, type Signed } from "../../mesh/mod.ts";
import {
  blocksOf,
  checkNetwork,
  completeNetwork,
  DuplicateNetworkError,
  ENDPOINT_KIND,
  type EndpointDefinition,
  endpointKey,
  InvalidNetworkError,
  isSameOnWire,
  leastMtu,
  MAX_NETWORK_MTU,
  MtuRangeError,
  NETWORK_KIND,
  type NetworkDefinition,
  NetworkInUseError,
  type NewOverlayNetwork,
  type OverlayDriver,
  UnknownNetworkError,
} from "../../overlay/mod.ts";
import { Selector } from "../../policy/mod.ts";
import { encodeEndpoint, encodeNetwork } from "./entry_codec.ts";
import { GATEWAY_ENDPOINT, type KnownNetwork, type NetworkBook } from "./network_book.ts";
import { networkMtuBytes } from "./underlay_place.ts";

/** How many networks a mesh has. */
export const MAX_NETWORKS = 256;

/** What leaders' acts need. */
export interface ActParts {
  readonly mesh: MeshState;
  readonly book: NetworkBook;
  readonly clock: Pick<Clock, "wall">;
  /** @throws UnknownDriverError */
  readonly driverOf: (type: string) => OverlayDriver;
  /** The longest IP packet of the mesh on this node. */
  readonly meshMtuBytes: number;
}

/** What of a network can change; the name, the driver, the identifier and the blocks stay. */
export type NetworkAmendment = {
  readonly [Field in "mtu" | "active" | "plain" | "members" | "gateway" | "stormLimit"]?:
    | NetworkDefinition[Field]
    | undefined;
};

/** Signs entries, and tells everybody. */
export class EntrySigner {
  readonly #mesh: MeshState;
  readonly #book: NetworkBook;

  constructor(mesh: MeshState, book: NetworkBook) {
    this.#mesh = mesh;
    this.#book = book;
  }

  /** @returns the signed entry; undefined when it is there as it is. @throws RangeError when there are too many */
  network(network: NetworkDefinition): Signed | undefined {
    return this.#write(NETWORK_KIND, network.name, encodeNetwork(network));
  }

  /** @returns the signed entry; undefined when it is there as it is. @throws RangeError when there are too many */
  endpoint(endpoint: EndpointDefinition): Signed | undefined {
    return this.#write(ENDPOINT_KIND, endpointKey(endpoint), encodeEndpoint(endpoint));
  }

  /** @returns what says that it is gone; undefined when it is */
  removal(kind: string, key: string): Signed | undefined {
    return this.#write(kind, key, undefined);
  }

  /** Notes in the audit log what this leader has done, by the word of whoever it names. */
  note(kind: AuditKind, detail: Readonly<Record<string, string>>): void {
    this.#mesh.leadership.audit?.append({ kind, detail });
  }

  /** Has others be sent it. */
  publish(entries: readonly (Signed | undefined)[]): void {
    const there = entries.filter((signed) => signed !== undefined);
    if (there.length > 0) this.#mesh.replica.publish({ ...NO_UPDATE, entries: there });
  }

  #write(kind: string, key: string, body: Uint8Array | undefined): Signed | undefined {
    const { network: { signingKey }, replica: { entries } } = this.#mesh;
    if (signingKey === undefined) return undefined;
    const entry = { kind, key, body, lifetimeMs: MAX_ENTRY_LIFETIME_MS };
    const signed = entries.write(entries.networkOrigin(kind, key), signingKey, entry);
    this.#book.forgetEntry(kind, key);
    return signed;
  }
}

/** Makes and unmakes networks, on leaders. */
export class NetworkActs {
  readonly #parts: ActParts;
  readonly #signer: EntrySigner;

  constructor(parts: ActParts, signer: EntrySigner) {
    this.#parts = parts;
    this.#signer = signer;
  }

  /**
   * @param given without an identifier the lowest free one of the driver
   * @throws DuplicateNetworkError, UnknownDriverError, IdentifierRangeError, MtuRangeError, InvalidNetworkError,
   * InvalidDriverOptionError
   */
  create(given: Omit<NewOverlayNetwork, "vni"> & { readonly vni?: number }): NetworkDefinition {
    const { book, clock, driverOf } = this.#parts;
    const what = `Cannot make the network ${given.name}`;
    const driver = driverOf(given.type);
    if (book.networks.has(given.name)) {
      throw new DuplicateNetworkError(`${what}: there is one of this name`, {
        hint: "`weft network list` shows all; `weft network delete` takes one back.",
      });
    }
    if (book.networks.size >= MAX_NETWORKS) {
      throw new InvalidNetworkError(`${what}: there are ${MAX_NETWORKS} networks already`);
    }
    const createdAt = clock.wall();
    const vni = given.vni ?? this.#freeIdentifier(given.type, driver);
    const network = { ...completeNetwork({ ...given, vni }, this.#newId(given.name, createdAt)), createdAt };
    this.#check(network, driver);
    const same = book.networks.values().find(({ definition }) =>
      definition.id === network.id || isSameOnWire(definition, network)
    )?.definition;
    if (same !== undefined) {
      const problem = same.id === network.id
        ? `${same.name} has the id ${same.id}`
        : `${same.name} has ${same.type} ${same.vni}, which is the same on the wire`;
      throw new DuplicateNetworkError(`${what}: ${problem}`, {
        hint: "Without an identifier, a free one is chosen.",
      });
    }
    const signed = this.#signer.network(network);
    this.#signer.note("network-created", {
      network: network.name,
      type: network.type,
      identifier: String(vni),
    });
    this.#signer.publish([signed]);
    return network;
  }

  /** @throws InvalidNetworkError, MtuRangeError */
  change({ definition, endpoints }: KnownNetwork, amendment: NetworkAmendment): NetworkDefinition {
    // What is undefined is taken away.
    const fields = Object.entries({ ...definition, ...amendment }).filter(([, value]) => value !== undefined);
    const changed = Object.fromEntries(fields) as unknown as NetworkDefinition;
    this.#check(changed, this.#parts.driverOf(definition.type));
    const signed = this.#signer.network(changed);
    if (signed === undefined) return changed;
    this.#signer.note("network-changed", {
      network: definition.name,
      changed: Object.keys(amendment).join(" "),
    });
    const gateway = endpoints.get(GATEWAY_ENDPOINT);
    const isOther = gateway !== undefined && changed.gateway !== definition.gateway;
    // The new one asks for it by itself.
    const gone = isOther ? this.#signer.removal(ENDPOINT_KIND, endpointKey(gateway.definition)) : undefined;
    this.#signer.publish([gone, signed]);
    return changed;
  }

  /** @param isForced with its endpoints @throws NetworkInUseError, UnknownNetworkError */
  delete({ definition: { name }, endpoints }: KnownNetwork, isForced: boolean): void {
    if (endpoints.size > 0 && !isForced) {
      throw new NetworkInUseError(
        `Cannot delete the network ${name}: it has ${endpoints.size} endpoint${
          endpoints.size === 1 ? "" : "s"
        }`,
        {
          hint: "`weft endpoint remove` takes one back; --force takes them all.",
        },
      );
    }
    const removal = this.#signer.removal(NETWORK_KIND, name);
    if (removal === undefined) throw new UnknownNetworkError(`Cannot delete the network ${name}: it is gone`);
    const gone = [...endpoints.values()].map(({ definition }) =>
      this.#signer.removal(ENDPOINT_KIND, endpointKey(definition))
    );
    this.#signer.note("network-deleted", { network: name, endpoints: String(endpoints.size) });
    this.#signer.publish([...gone, removal]);
  }

  #check(network: NetworkDefinition, driver: OverlayDriver): void {
    const what = `Cannot make the network ${network.name}`;
    checkNetwork(network, driver.capabilities);
    driver.encapsulation(network.vni, network.options);
    const own = this.#parts.mesh.cidr;
    const { mtu } = network;
    const longest = { ...network, mtu: MAX_NETWORK_MTU };
    const room = networkMtuBytes(driver, longest, this.#parts.meshMtuBytes, own.family);
    const where = network.plain === undefined ? "the mesh" : "a packet of the underlay";
    if (mtu !== undefined && mtu > room) {
      throw new MtuRangeError(`${what}: its MTU is ${mtu}, and ${where} leaves ${room}`, {
        hint: "Without an MTU, the longest that fits is chosen.",
      });
    }
    const least = leastMtu(network);
    if (room < least) {
      throw new MtuRangeError(`${what}: ${where} leaves ${room} bytes, and it needs ${least}`, {
        hint: network.cidr6 === undefined
          ? "Give the mesh a longer MTU (`mtu`)."
          : "Leave out its IPv6 block, or give the mesh a longer MTU (`mtu`).",
      });
    }
    const overlap = blocksOf(network).find((block) => block.overlaps(own));
    if (overlap !== undefined) {
      throw new InvalidNetworkError(`${what}: ${overlap} overlaps ${own}, the block of the mesh itself`, {
        hint: "Choose another block; networks of their own may have the same.",
      });
    }
    if (network.members === undefined) return;
    const selector = Selector.parse(network.members);
    if (selector.toString().includes("service:")) {
      throw new InvalidNetworkError(`${what}: what a member offers says nothing of what it may`, {
        hint: "Select members by name, label, address or role.",
      });
    }
  }

  #freeIdentifier(type: string, { capabilities: { identifier: { min, max } } }: OverlayDriver): number {
    const networks = [...this.#parts.book.networks.values()];
    for (let vni = Math.max(1, min); vni <= max; vni++) {
      if (!networks.some(({ definition }) => isSameOnWire(definition, { type, vni }))) return vni;
    }
    throw new InvalidNetworkError(`Cannot make a network of ${type}: no identifier is free`);
  }

  /** Of another leader that makes one of this name at this moment, another one. */
  #newId(name: string, createdAt: number): string {
    const { id } = this.#parts.mesh.identity;
    return encodeHex(blake2s(utf8Bytes(`weft network id v1/${id}/${name}/${createdAt}`)).subarray(0, 8));
  }
}
