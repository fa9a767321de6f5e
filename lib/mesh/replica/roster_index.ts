/**
 * Finds members by what they call themselves.
 * @module
 */

import type { IpAddress } from "../../net/mod.ts";
import type { MemberRecord } from "../records/mod.ts";

/**
 * Names and addresses of the records that are not revoked. Leaders who cannot see each other may give the same name
 * twice; then the lowest node id has it, on every member alike.
 */
export class RosterIndex {
  readonly #byName = new Map<string, MemberRecord>();
  readonly #byAddress = new Map<string, MemberRecord>();

  constructor(records: Iterable<MemberRecord>) {
    for (const record of records) {
      if (record.revoked) continue;
      keepLowest(this.#byName, record.name, record);
      for (const address of record.addresses) keepLowest(this.#byAddress, address.toString(), record);
    }
  }

  byName(name: string): MemberRecord | undefined {
    return this.#byName.get(name);
  }

  byAddress(address: IpAddress): MemberRecord | undefined {
    return this.#byAddress.get(address.toString());
  }
}

function keepLowest(index: Map<string, MemberRecord>, key: string, record: MemberRecord): void {
  const holder = index.get(key);
  if (holder === undefined || record.nodeId < holder.nodeId) index.set(key, record);
}
