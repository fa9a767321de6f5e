/**
 * Longest-prefix match over IPv4 and IPv6.
 * @module
 */

import type { Cidr } from "./cidr.ts";
import type { IpAddress, IpFamily } from "./ip_address.ts";

/**
 * A binary trie with compressed paths, one for each family. A node is either a stored prefix or the point
 * where two of them part, so there are fewer than twice as many nodes as prefixes:
 *
 *             10.0.0.0/8 = a
 *            /              \
 *     10.0.0.0/9       10.200.0.0/15 (a fork)
 *       = b             /              \
 *               10.200.0.0/16     10.201.0.0/16
 *                   = c               = d
 *
 * A lookup compares whole words on its way down and allocates nothing.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Cidr, IpAddress, PrefixTrie } from "./mod.ts";
 * const routes = new PrefixTrie<string>();
 * const [wide, narrow] = [Cidr.parse("10.0.0.0/8"), Cidr.parse("10.200.0.0/16")];
 * const address = IpAddress.parse("10.200.0.7");
 * if (!wide || !narrow || !address) throw new Error("unreachable");
 * routes.insert(wide, "a");
 * routes.insert(narrow, "c");
 * assert.equal(routes.lookup(address), "c");
 * ```
 */
export class PrefixTrie<V> {
  #ipv4: Node<V> | undefined;
  #ipv6: Node<V> | undefined;

  /** Stores `value` under `cidr`. @returns the value it replaced, or undefined */
  insert(cidr: Cidr, value: V): V | undefined {
    const added = new Node<V>(cidr.address, cidr.prefixBits);
    added.cidr = cidr;
    added.value = value;
    let parent: Node<V> | undefined;
    let node = this.#root(cidr.family);
    while (node !== undefined) {
      const shared = Math.min(node.sharedBits(added), node.bits, added.bits);
      if (shared < node.bits) {
        this.#place(cidr.family, parent, added, joined(node, added, cidr.address, shared));
        return undefined;
      }
      if (node.bits === added.bits) {
        const replaced = node.value;
        node.cidr = cidr;
        node.value = value;
        return replaced;
      }
      parent = node;
      node = node.child(added);
    }
    this.#place(cidr.family, parent, added, added);
    return undefined;
  }

  /** Removes exactly `cidr`, not what lies within it. @returns its value, or undefined when it is not stored */
  remove(cidr: Cidr): V | undefined {
    const sought = new Node<V>(cidr.address, cidr.prefixBits);
    let grandparent: Node<V> | undefined;
    let parent: Node<V> | undefined;
    let node = this.#root(cidr.family);
    while (node !== undefined && node.bits < sought.bits && node.sharedBits(sought) >= node.bits) {
      grandparent = parent;
      parent = node;
      node = node.child(sought);
    }
    if (node?.cidr === undefined || !node.cidr.equals(cidr)) return undefined;
    const removed = node.value;
    node.cidr = node.value = undefined;
    this.#place(cidr.family, parent, sought, node.pruned());
    // A fork that lost one side is no fork any more.
    if (parent !== undefined) this.#place(cidr.family, grandparent, sought, parent.pruned());
    return removed;
  }

  /** @returns the value of the longest prefix that holds `address`, or undefined when none does */
  lookup(address: IpAddress): V | undefined {
    return this.lookupBytes(address.bytes, 0, address.family);
  }

  /**
   * Finds the longest prefix that holds the address within a packet. Allocates nothing.
   * @param at where the address starts; 4 or 16 bytes must follow
   * @returns its value, or undefined when no prefix holds it or `bytes` ends too early
   */
  lookupBytes(bytes: Uint8Array, at: number, family: IpFamily): V | undefined {
    if (at + (family === 4 ? 4 : 16) > bytes.length) return undefined;
    const word0 = wordAt(bytes, at);
    let word1 = 0, word2 = 0, word3 = 0;
    if (family === 6) {
      word1 = wordAt(bytes, at + 4);
      word2 = wordAt(bytes, at + 8);
      word3 = wordAt(bytes, at + 12);
    }
    let best: V | undefined;
    let node = family === 4 ? this.#ipv4 : this.#ipv6;
    while (node !== undefined && sharedBits(node, word0, word1, word2, word3) >= node.bits) {
      if (node.cidr !== undefined) best = node.value;
      const bits = node.bits;
      const word = bits < 32 ? word0 : bits < 64 ? word1 : bits < 96 ? word2 : word3;
      node = (word << (bits & 31)) < 0 ? node.one : node.zero;
    }
    return best;
  }

  #root(family: IpFamily): Node<V> | undefined {
    return family === 4 ? this.#ipv4 : this.#ipv6;
  }

  /** Hangs `node` where `key` belongs under `parent`, or makes it the root when there is no parent. */
  #place(family: IpFamily, parent: Node<V> | undefined, key: Node<V>, node: Node<V> | undefined): void {
    if (parent !== undefined) parent.setChild(key, node);
    else if (family === 4) this.#ipv4 = node;
    else this.#ipv6 = node;
  }
}

/** A stored prefix when `cidr` is set, else a fork. The prefix is kept as words, so that 32 bits compare at once. */
class Node<V> {
  cidr: Cidr | undefined = undefined;
  value: V | undefined = undefined;
  readonly bits: number;
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
  readonly word3: number;
  zero: Node<V> | undefined = undefined;
  one: Node<V> | undefined = undefined;

  /** @param bits how many leading bits of `address` count; no comparison looks at the others */
  constructor({ bytes }: IpAddress, bits: number) {
    this.bits = bits;
    this.word0 = wordAt(bytes, 0);
    this.word1 = wordAt(bytes, 4);
    this.word2 = wordAt(bytes, 8);
    this.word3 = wordAt(bytes, 12);
  }

  sharedBits(key: Node<V>): number {
    return sharedBits(this, key.word0, key.word1, key.word2, key.word3);
  }

  #leadsToOne(key: Node<V>): boolean {
    const bits = this.bits;
    const word = bits < 32 ? key.word0 : bits < 64 ? key.word1 : bits < 96 ? key.word2 : key.word3;
    return (word << (bits & 31)) < 0;
  }

  child(key: Node<V>): Node<V> | undefined {
    return this.#leadsToOne(key) ? this.one : this.zero;
  }

  setChild(key: Node<V>, child: Node<V> | undefined): void {
    if (this.#leadsToOne(key)) this.one = child;
    else this.zero = child;
  }

  /** @returns what should stand in this node's place: itself while it stores a prefix or forks */
  pruned(): Node<V> | undefined {
    if (this.cidr !== undefined) return this;
    if (this.zero === undefined) return this.one;
    return this.one === undefined ? this.zero : this;
  }
}

/** Joins two nodes that share `shared` bits, fewer than `lower` has: under `added` itself, or under a new fork. */
function joined<V>(lower: Node<V>, added: Node<V>, address: IpAddress, shared: number): Node<V> {
  const upper = shared === added.bits ? added : new Node<V>(address, shared);
  upper.setChild(lower, lower);
  if (upper !== added) upper.setChild(added, added);
  return upper;
}

/** How many leading bits agree. IPv4 leaves the last three words zero, so equal addresses share 128. */
function sharedBits<V>(node: Node<V>, word0: number, word1: number, word2: number, word3: number): number {
  let difference = node.word0 ^ word0;
  if (difference !== 0) return Math.clz32(difference);
  difference = node.word1 ^ word1;
  if (difference !== 0) return 32 + Math.clz32(difference);
  difference = node.word2 ^ word2;
  if (difference !== 0) return 64 + Math.clz32(difference);
  return 96 + Math.clz32(node.word3 ^ word3);
}

/** Four bytes in network order; bytes past the end count as zero. */
function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0);
}
