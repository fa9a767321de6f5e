/**
 * Which prefix is whose: cryptokey routing (WireGuard paper §2).
 * @module
 */

import { type Cidr, type IpFamily, PrefixTrie } from "../net/mod.ts";

/** What keeps its own prefixes, in the order in which they came, under their texts. */
export interface PrefixOwner {
  readonly prefixes: Map<string, Cidr>;
}

/** The prefixes of all peers; each belongs to one. All changes take a time that does not depend on how many there are. */
export class AllowedIps<Owner extends PrefixOwner> {
  readonly #trie = new PrefixTrie<Owner>();

  /** Gives `owner` a prefix, which whoever has it loses. */
  add(cidr: Cidr, owner: Owner): void {
    const text = cidr.toString();
    this.#trie.insert(cidr, owner)?.prefixes.delete(text);
    owner.prefixes.set(text, cidr);
  }

  /** Takes exactly this prefix from `owner`; harmless when it is another's. */
  remove(cidr: Cidr, owner: Owner): void {
    if (owner.prefixes.delete(cidr.toString())) this.#trie.remove(cidr);
  }

  /** Takes all prefixes from `owner`. */
  clear(owner: Owner): void {
    for (const cidr of owner.prefixes.values()) this.#trie.remove(cidr);
    owner.prefixes.clear();
  }

  /** @returns whose the address at `at` is, by the longest prefix */
  lookupBytes(bytes: Uint8Array, at: number, family: IpFamily): Owner | undefined {
    return this.#trie.lookupBytes(bytes, at, family);
  }
}
