/**
 * The subjects of one network: those of the roster, and regions of addresses, so that each address has one subject.
 *
 * ```text
 *   prefixes    10.200.0.5/32 (of gw-1)   192.168.1.0/24 (behind gw-1)   192.168.1.128/25 (in a rule)   0.0.0.0/0
 *   subjects    gw-1                      a region of gw-1               another of gw-1                 a region of nobody
 * ```
 *
 * @module
 */

import { Cidr, type IpAddress } from "../../net/mod.ts";
import type { SelectorSubject } from "../selectors/mod.ts";

/** Somebody of the roster: a member or an endpoint. */
export interface Inhabitant extends SelectorSubject {
  readonly id: string;
  readonly blocks: readonly Cidr[];
  /** Overlay networks that it belongs to. */
  readonly networks: readonly string[];
}

/** A prefix and whose its addresses are, where no longer one says otherwise. */
export interface SubjectPrefix {
  readonly block: Cidr;
  readonly subject: number;
}

/** Subject 0 is everybody else, then come the inhabitants, then the regions. */
export interface AddressSpace {
  readonly inhabitants: readonly Inhabitant[];
  readonly size: number;
  /** By subject: the inhabitant's subject that it belongs to, its own for inhabitants; 0 for what is nobody's. */
  readonly owners: Uint32Array;
  readonly prefixes: readonly SubjectPrefix[];
}

/**
 * Gives every address a subject.
 * @param named blocks that selectors of the network's rules name
 */
export function layOut(inhabitants: readonly Inhabitant[], named: readonly Cidr[]): AddressSpace {
  const owners: number[] = [0];
  const prefixes = new Map<string, SubjectPrefix>();
  // Whose the addresses of a block are, by how long it is: the longest says so.
  const owned = new Map<number, Map<string, number>>();
  const own = (block: Cidr, owner: number): void => {
    const { prefixBits } = block;
    owned.set(prefixBits, (owned.get(prefixBits) ?? new Map<string, number>()).set(keyOf(block), owner));
  };
  for (const [i, { addresses }] of inhabitants.entries()) {
    owners.push(i + 1);
    for (const address of addresses) {
      const block = Cidr.host(address);
      // Of two that claim one address the first has it, as in the table of routes.
      if (prefixes.has(keyOf(block))) continue;
      prefixes.set(keyOf(block), { block, subject: i + 1 });
      own(block, i + 1);
    }
  }
  const region = (block: Cidr, owner: number): void => {
    if (prefixes.has(keyOf(block))) return;
    const subject = owners.length;
    owners.push(owner);
    prefixes.set(keyOf(block), { block, subject });
  };
  for (const [i, { blocks }] of inhabitants.entries()) {
    for (const block of blocks) {
      if (prefixes.has(keyOf(block))) continue;
      region(block, i + 1);
      own(block, i + 1);
    }
  }
  // Longer ones first is of no matter to owners: a named block never owns anything.
  for (const block of [...named, ...(named.length > 0 ? EVERYWHERE : [])]) {
    region(block, ownerOf(owned, block));
  }
  return {
    inhabitants,
    size: owners.length,
    owners: Uint32Array.from(owners),
    prefixes: [...prefixes.values()],
  };
}

const EVERYWHERE: readonly Cidr[] = ["0.0.0.0/0", "::/0"].map((text) => {
  const block = Cidr.parse(text);
  if (block === undefined) throw new Error(`${text} is a block`);
  return block;
});

function keyOf(block: Cidr): string {
  return `${block.address.bytes.toHex()}/${block.prefixBits}`;
}

/** @returns whose the whole block is: the owner of the longest owned prefix around it */
function ownerOf(owned: ReadonlyMap<number, ReadonlyMap<string, number>>, block: Cidr): number {
  for (let bits = block.prefixBits; bits >= 0; bits--) {
    const owner = owned.get(bits)?.get(keyOf(Cidr.of(block.address, bits)));
    if (owner !== undefined) return owner;
  }
  return 0;
}

/** @returns the address as text that sorts like it, within its family */
export function sortKey(address: IpAddress): string {
  return address.bytes.toHex();
}
