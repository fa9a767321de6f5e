/**
 * Selectors asked of all subjects of a network at once.
 * @module
 */

import type { Cidr } from "../../net/mod.ts";
import type { Expression, Selector } from "../selectors/mod.ts";
import { type AddressSpace, sortKey } from "./address_space.ts";
import { SubjectBits } from "./subject_bits.ts";

/** Of whom an expression is true, and of whom it is false; of strangers most are neither. */
interface Truth {
  readonly isTrue: SubjectBits;
  readonly isFalse: SubjectBits;
}

interface KnownAddress {
  readonly key: string;
  readonly prefixBits: number;
  readonly subject: number;
}

/**
 * Finds the subjects that selectors mean, by what they have: one pass over the roster, then a few hundred words for each step of an
 * expression.
 *
 * What is known of an address that nobody has is the address alone: what depends on a label, a name, a service or a role is
 * neither true nor false of it, so that neither it nor its opposite means it (Kleene's logic). Nothing is known of subject
 * 0, which `*` alone means.
 */
export class SubjectIndex {
  readonly #space: AddressSpace;
  readonly #groups: (name: string) => Selector;
  // By what is had, whose it is; regions have what their owner has.
  readonly #labels = new Map<string, Map<string, number[]>>();
  readonly #names = new Map<string, number[]>();
  readonly #services = new Map<string, number[]>();
  readonly #roles = new Map<string, number[]>();
  readonly #networks = new Map<string, number[]>();
  readonly #addresses: Readonly<Record<4 | 6, KnownAddress[]>> = { 4: [], 6: [] };
  readonly #everybody: SubjectBits;
  readonly #nobody: SubjectBits;
  /** Whose labels are known. */
  readonly #known: SubjectBits;
  /** Whose addresses are known. */
  readonly #placed: SubjectBits;
  readonly #groupTruths = new Map<string, Truth>();

  /** @param groups what `group:NAME` stands for */
  constructor(space: AddressSpace, groups: (name: string) => Selector) {
    this.#space = space;
    this.#groups = groups;
    const { size, owners, inhabitants } = space;
    this.#nobody = new SubjectBits(size);
    this.#everybody = SubjectBits.of(size, Array(size).keys());
    this.#placed = SubjectBits.of(size, Array(size).keys().drop(1));
    this.#known = new SubjectBits(size);
    for (let subject = 1; subject < size; subject++) {
      const inhabitant = inhabitants[(owners[subject] ?? 0) - 1];
      if (inhabitant === undefined) continue;
      this.#known.add(subject);
      const { labels, name, services, roles, networks } = inhabitant;
      for (const [key, value] of labels instanceof Map ? labels : Object.entries(labels)) {
        append(
          this.#labels.get(key) ?? entry(this.#labels, key, new Map<string, number[]>()),
          value,
          subject,
        );
      }
      append(this.#names, name, subject);
      for (const service of new Set(services)) append(this.#services, service, subject);
      for (const role of new Set(roles)) append(this.#roles, role, subject);
      for (const network of new Set(networks)) append(this.#networks, network, subject);
    }
    this.#indexAddresses();
  }

  /** How many there are of the roster: subjects 1 and up. */
  get inhabitantCount(): number {
    return this.#space.inhabitants.length;
  }

  /** @returns those that offer a service, or one above or below it */
  offering(path: string): SubjectBits {
    const found = [...this.#services]
      .filter(([service]) =>
        service === path || service.startsWith(`${path}/`) || path.startsWith(`${service}/`)
      )
      .flatMap(([, subjects]) => subjects);
    return SubjectBits.of(this.#space.size, found);
  }

  /** @returns the subjects that a selector means */
  find(selector: Selector): SubjectBits {
    return this.#truth(selector.expression).isTrue;
  }

  #indexAddresses(): void {
    for (const { block, subject } of this.#space.prefixes) {
      const { address, prefixBits } = block;
      this.#addresses[block.family].push({ key: sortKey(address), prefixBits, subject });
    }
    // Of two members that claim one address each has it for selectors, whoever packets are taken to be from.
    for (const [i, { addresses }] of this.#space.inhabitants.entries()) {
      for (const address of addresses) {
        const prefixBits = address.bytes.length * 8;
        this.#addresses[address.family].push({ key: sortKey(address), prefixBits, subject: i + 1 });
      }
    }
    for (const list of [this.#addresses[4], this.#addresses[6]]) {
      list.sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : a.prefixBits - b.prefixBits);
    }
  }

  #truth(expression: Expression): Truth {
    switch (expression.kind) {
      case "everything":
        return { isTrue: this.#everybody, isFalse: this.#nobody };
      case "has-label":
        return this.#has([...this.#labels.get(expression.key)?.values() ?? []].flat());
      case "comparison": {
        const { key, values, isNegated } = expression;
        const byValue = key === "name" ? this.#names : this.#labels.get(key);
        const truth = this.#has(values.flatMap((value) => byValue?.get(value) ?? []));
        return isNegated ? opposite(truth) : truth;
      }
      case "address":
        return this.#within(expression.block);
      case "service":
        return this.#has(this.#services.get(expression.path) ?? []);
      case "role":
        return this.#has(this.#roles.get(expression.role) ?? []);
      case "network":
        return this.#has(this.#networks.get(expression.name) ?? []);
      case "group":
        return this.#group(expression.name);
      case "not":
        return opposite(this.#truth(expression.inner));
      case "all":
        return expression.terms.map((term) => this.#truth(term)).reduce((a, b) => ({
          isTrue: a.isTrue.and(b.isTrue),
          isFalse: a.isFalse.or(b.isFalse),
        }));
      case "any":
        return expression.terms.map((term) => this.#truth(term)).reduce((a, b) => ({
          isTrue: a.isTrue.or(b.isTrue),
          isFalse: a.isFalse.and(b.isFalse),
        }));
    }
  }

  #group(name: string): Truth {
    const known = this.#groupTruths.get(name);
    if (known !== undefined) return known;
    // A group that names itself means nobody, rather than being asked for ever.
    this.#groupTruths.set(name, this.#has([]));
    const truth = this.#truth(this.#groups(name).expression);
    this.#groupTruths.set(name, truth);
    return truth;
  }

  #has(subjects: readonly number[]): Truth {
    const isTrue = SubjectBits.of(this.#space.size, subjects);
    return { isTrue, isFalse: this.#known.without(isTrue) };
  }

  #within(block: Cidr): Truth {
    const [first, last] = [sortKey(block.network), sortKey(block.broadcast)];
    const list = this.#addresses[block.family];
    const isTrue = new SubjectBits(this.#space.size);
    for (let i = lowerBound(list, first); i < list.length; i++) {
      const { key, prefixBits, subject } = list[i] ?? { key: "~", prefixBits: 0, subject: 0 };
      if (key > last) break;
      if (prefixBits >= block.prefixBits) isTrue.add(subject);
    }
    return { isTrue, isFalse: this.#placed.without(isTrue) };
  }
}

function opposite({ isTrue, isFalse }: Truth): Truth {
  return { isTrue: isFalse, isFalse: isTrue };
}

function entry<V>(map: Map<string, V>, key: string, value: V): V {
  map.set(key, value);
  return value;
}

function append(map: Map<string, number[]>, key: string, subject: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [subject]);
  else list.push(subject);
}

function lowerBound(list: readonly KnownAddress[], key: string): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle]?.key ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
