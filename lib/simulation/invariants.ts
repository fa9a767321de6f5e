/**
 * What every node of a mesh must hold true of its members, whatever has happened.
 * @module
 */

import type { VerifyingKey } from "../crypto/mod.ts";
import { type NodeId, PLAIN_READER, RECORD_LABEL, type Roster, type Signed } from "../mesh/mod.ts";

/** Checks rosters, and each signature once, however many of them hold the record. */
export class Invariants {
  readonly #verifyingKey: VerifyingKey;
  readonly #verified = new WeakSet<Signed>();

  /** @param verifyingKey the network's */
  constructor(verifyingKey: VerifyingKey) {
    this.#verifyingKey = verifyingKey;
  }

  /**
   * Checks that no two members share a name, an address, a key or an id, and that the network's key has signed whatever
   * gives somebody a right.
   * @returns what does not hold, one line each
   */
  violationsOf(roster: Roster): string[] {
    const found: string[] = [];
    const holders = new Map<string, NodeId>();
    for (const { nodeId, name, addresses, publicKey } of roster.liveRecords()) {
      const held = [`the id ${nodeId}`, `the name ${name}`, `the key ${publicKey}`];
      for (const what of [...held, ...addresses.map((address) => `the address ${address}`)]) {
        const other = holders.get(what);
        if (other !== undefined) found.push(`${other} and ${nodeId} share ${what}`);
        holders.set(what, nodeId);
      }
      const signed = roster.signedRecord(nodeId);
      if (signed === undefined || !this.#isSigned(signed)) found.push(`nobody has signed who ${nodeId} is`);
    }
    return found;
  }

  #isSigned(signed: Signed): boolean {
    if (this.#verified.has(signed)) return true;
    const isSigned = PLAIN_READER.isSignedBy(RECORD_LABEL, signed, this.#verifyingKey);
    if (isSigned) this.#verified.add(signed);
    return isSigned;
  }
}
