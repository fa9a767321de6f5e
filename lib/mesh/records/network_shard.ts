/**
 * Origins of entries that the network's key signs and of which there are many. What one origin has is compared as a whole, in
 * one vector; so these are divided among 64 origins, one in each part of the ids, by a hash of their keys.
 * @module
 */

import { encodeHex, utf8Bytes } from "../../base/mod.ts";
import { blake2s } from "../../crypto/mod.ts";
import { ID_BYTES, idBytes, type NetworkId } from "../identity/mod.ts";

/** Among how many origins entries are divided: as many as a digest has parts. */
export const SHARDS = 64;
/** The kinds that are divided. */
export const SHARDED_KINDS: ReadonlySet<string> = new Set(["endpoint", "policy-part"]);

const LABEL = utf8Bytes("weft network shard v1");

/** The 64 origins of one network; each id begins with the six bits of its number. */
export class NetworkShards {
  /** Whose they are; a process with many nodes of one network derives them once. */
  static #last: { readonly networkId: NetworkId; readonly shards: NetworkShards } | undefined;
  readonly #origins: readonly NetworkId[];
  readonly #known: ReadonlySet<string>;

  private constructor(networkId: NetworkId) {
    this.#origins = Array.from({ length: SHARDS }, (_, index) => {
      const id = blake2s(Uint8Array.of(...LABEL, index, ...idBytes(networkId))).slice(0, ID_BYTES);
      id[0] = (index << 2) | ((id[0] ?? 0) & 3);
      return encodeHex(id) as NetworkId;
    });
    this.#known = new Set(this.#origins);
  }

  /** @returns those of a network, which never change */
  static ofNetwork(networkId: NetworkId): NetworkShards {
    if (NetworkShards.#last?.networkId !== networkId) {
      NetworkShards.#last = { networkId, shards: new NetworkShards(networkId) };
    }
    return NetworkShards.#last.shards;
  }

  /** Whether it is one of them. */
  has(origin: string): boolean {
    return this.#known.has(origin);
  }

  /** @returns the only one that has entries with this key */
  of(key: string): NetworkId {
    const [first = 0] = blake2s(utf8Bytes(key));
    return this.#origins[first >> 2] as NetworkId;
  }

  [Symbol.iterator](): Iterator<NetworkId> {
    return this.#origins[Symbol.iterator]();
  }
}
