/**
 * Signing a record and giving it a name and addresses, all of it in one transaction.
 * @module
 */

import { type Clock, type StateStore, type UnixMillis, unixMillis, WeftError } from "../../base/mod.ts";
import type { SigningKey } from "../../crypto/mod.ts";
import type { AddressRange, Cidr, IpAddress } from "../../net/mod.ts";
import {
  isReservedName,
  type NetworkIdentity,
  nodeIdOf,
  numberedName,
  overlayIpv6For,
  overlayIpv6Prefix,
  toNodeName,
} from "../identity/mod.ts";
import { type MemberRecord, signRecord } from "../records/mod.ts";
import type { RecordEntry, Roster } from "../replica/mod.ts";

/** How long a record is good for; leaders renew those of members that are there. */
export const RECORD_LIFETIME_MS: number = 90 * 86_400_000;

/** Hands out the addresses of the overlay. */
export interface AddressPool {
  /** @throws WeftError when none is free */
  allocate(): IpAddress;
  /** @throws WeftError when it is taken or not in the pool */
  allocateSpecific(address: IpAddress): void;
  /** @returns false when it was not allocated */
  release(address: IpAddress): boolean;
  /** What `allocate` takes from; the whole pool before `setSlices`. */
  readonly slices: readonly AddressRange[];
  /** Lets `allocate` take from these only. */
  setSlices(ranges: readonly AddressRange[]): void;
  /** Gives up a part that has no allocated address. @returns it, or undefined when there is too little */
  cutSlice(): AddressRange | undefined;
}

/** Why nobody was let in: for the leader's own log and counters, never for whoever asked. */
export type AdmissionRefusal = `refused:${
  | "key-mismatch"
  | "revoked"
  | "token"
  | "other-identity"
  | "no-address"
  | "roster-full"}`;

/** Where records are kept and addresses come from. */
export interface EnrolmentOptions {
  readonly store: StateStore;
  readonly roster: Roster;
  readonly network: NetworkIdentity & { readonly signingKey: SigningKey };
  readonly clock: Clock;
  /** Fresh; the addresses of the roster's members are taken from it here. */
  readonly addresses: AddressPool;
  /** Whether a name means something already that is no member. */
  isNameTaken?(name: string): boolean;
}

/** The fields of a new record; what is absent is chosen for it. */
export type NewRecord =
  & Pick<MemberRecord, "name" | "publicKey" | "roles" | "labels" | "grants">
  & Partial<MemberRecord>;

/** Makes records: `add` and `sign` are called within `transact`, which undoes them together. */
export class Enrolment {
  readonly #options: EnrolmentOptions;
  readonly #ipv6Prefix: Cidr;
  /** What the transaction that runs has allocated. */
  #allocated: IpAddress[] = [];

  constructor(options: EnrolmentOptions) {
    this.#options = options;
    this.#ipv6Prefix = overlayIpv6Prefix(options.network.id);
    for (const record of options.roster.allRecords()) {
      if (!options.roster.isRevoked(record.publicKey)) this.#reserve(record);
    }
  }

  /** Runs `body` in a transaction. When it is refused or throws, nothing was signed and no address is taken. */
  transact<T extends object>(body: () => T | AdmissionRefusal): T | AdmissionRefusal {
    const { store, roster } = this.#options;
    this.#allocated = [];
    try {
      return store.transaction(() => {
        const result = body();
        if (typeof result === "string") throw new Refused(result);
        return result;
      });
    } catch (error) {
      this.release(this.#allocated);
      if (error instanceof Refused) return error.refusal;
      roster.reload();
      throw error;
    }
  }

  /** Signs the first record of a key, with a free name and free addresses. */
  add(fields: NewRecord): RecordEntry | AdmissionRefusal {
    const { roster, network } = this.#options;
    if (!roster.hasRoom()) return "refused:roster-full";
    const address = this.#allocate();
    if (address === undefined) return "refused:no-address";
    return this.sign({
      networkId: network.id,
      nodeId: nodeIdOf(fields.publicKey, fields.verifyingKey),
      addresses: address.family === 4 ? [address, overlayIpv6For(this.#ipv6Prefix, address)] : [address],
      allowedIps: [],
      version: 1,
      revoked: false,
      ...this.lifetime(),
      ...fields,
      name: this.#freeName(fields.name),
    });
  }

  /** Signs a record and puts it into the roster: as it is, but for a reserved name of the former release. */
  sign(fields: MemberRecord): RecordEntry {
    const { roster, network } = this.#options;
    const isRenamed = !fields.revoked && isReservedName(fields.name);
    const record = isRenamed ? { ...fields, name: this.#freeName(fields.name) } : fields;
    const signed = signRecord(record, network.signingKey);
    if (roster.merge(signed) === "rejected:full") throw new Refused("refused:roster-full");
    return { record, signed };
  }

  /** Lets `add` give these addresses out again. */
  release(addresses: readonly IpAddress[]): void {
    for (const address of addresses) this.#options.addresses.release(address);
  }

  /** @returns 90 days from now */
  lifetime(): { readonly issuedAt: UnixMillis; readonly expiresAt: UnixMillis } {
    const issuedAt = this.#options.clock.wall();
    return { issuedAt, expiresAt: unixMillis(issuedAt + RECORD_LIFETIME_MS) };
  }

  #allocate(): IpAddress | undefined {
    const { addresses, roster } = this.#options;
    for (let hasReclaimed = false;;) {
      try {
        const address = addresses.allocate();
        // Another leader's record may have come since; then the address stays taken.
        if (roster.holderOfAddress(address) !== undefined) continue;
        this.#allocated.push(address);
        return address;
      } catch (error) {
        if (!(error instanceof WeftError)) throw error;
        if (hasReclaimed) return undefined;
        this.#reclaim();
        hasReclaimed = true;
      }
    }
  }

  /** Frees the addresses of members that other leaders have removed. */
  #reclaim(): void {
    const { addresses, roster } = this.#options;
    for (const { revoked, successor, addresses: freed } of roster.allRecords()) {
      if (!revoked || (successor !== undefined && roster.recordById(successor) === undefined)) continue;
      for (const address of freed) {
        if (roster.holderOfAddress(address) === undefined) addresses.release(address);
      }
    }
  }

  #reserve(record: MemberRecord): void {
    for (const address of record.addresses) {
      try {
        this.#options.addresses.allocateSpecific(address);
      } catch (error) {
        // The IPv6 half is not of the pool, and what is taken twice is taken.
        if (!(error instanceof WeftError)) throw error;
      }
    }
  }

  #freeName(wanted: string): string {
    const name = toNodeName(wanted);
    const { roster, isNameTaken } = this.#options;
    const isFree = (each: string) => roster.holderOfName(each) === undefined && !isNameTaken?.(each);
    if (isFree(name)) return name;
    for (let number = 2;; number++) {
      // The second `node-1` would be `node-1-2`, which is an address.
      const numbered = toNodeName(numberedName(name, number));
      if (isFree(numbered)) return numbered;
    }
  }
}

/** Carries a refusal out of a transaction, so that it is undone. */
class Refused extends Error {
  readonly refusal: AdmissionRefusal;

  constructor(refusal: AdmissionRefusal) {
    super(refusal);
    this.refusal = refusal;
  }
}
