/**
 * Who is in a network, of all that are in a roster.
 * @module
 */

import { Selector } from "../selectors/mod.ts";
import { type Inhabitant, layOut } from "./address_space.ts";
import { MESH, type PolicyRoster } from "./roster.ts";
import { SubjectIndex } from "./subject_index.ts";

/** @returns those of a network, in one order for all members, whichever of them they learnt of first */
export function inhabitantsOf(roster: PolicyRoster, name: string): readonly Inhabitant[] {
  const found = name === MESH ? membersOf(roster) : endpointsOf(roster, name);
  return found.sort((a, b) => a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** Finds those whom selectors mean. */
export class InhabitantFinder {
  readonly #inhabitants: readonly Inhabitant[];
  readonly #index: SubjectIndex;

  /** @param groups selectors by name */
  constructor(inhabitants: readonly Inhabitant[], groups: Readonly<Record<string, string>>) {
    this.#inhabitants = inhabitants;
    const selectorOf = (name: string): string => Object.hasOwn(groups, name) ? groups[name] ?? "!*" : "!*";
    this.#index = new SubjectIndex(
      layOut(inhabitants, []),
      (name) => Selector.parse(selectorOf(name), { isOfPolicy: true }),
    );
  }

  /** Whether anybody is meant, or an address of a network behind somebody. @throws InvalidSelectorError */
  findsAny(selector: string): boolean {
    return !this.#index.find(Selector.parse(selector, { isOfPolicy: true })).isEmpty;
  }

  /** @returns those who are meant, in order. @throws InvalidSelectorError */
  find(selector: string): readonly Inhabitant[] {
    const found = this.#index.find(Selector.parse(selector, { isOfPolicy: true }));
    return this.#inhabitants.filter((_, i) => found.has(i + 1));
  }
}

function membersOf(roster: PolicyRoster): Inhabitant[] {
  const networks = new Map<string, string[]>();
  for (const network of roster.networks) {
    for (const member of new Set(network.endpoints.map((endpoint) => endpoint.member))) {
      const known = networks.get(member);
      if (known === undefined) networks.set(member, [network.name]);
      else known.push(network.name);
    }
  }
  return roster.members.map(({ id, name, labels, addresses, services, roles, blocks }) => ({
    id,
    name,
    labels,
    addresses,
    services,
    roles,
    blocks,
    networks: networks.get(id) ?? [],
  }));
}

function endpointsOf(roster: PolicyRoster, name: string): Inhabitant[] {
  return roster.networks.filter((network) => network.name === name).flatMap((network) =>
    network.endpoints.map(({ name: id, labels, addresses, services, roles }) => ({
      id,
      name: id,
      labels,
      addresses,
      services,
      roles,
      blocks: [],
      networks: [name],
    }))
  );
}
