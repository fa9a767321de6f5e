/**
 * Signing a record and giving it a name and addresses, all of it in one transaction.
 * @module
 */

import { type Clock, type StateStore, type UnixMillis, unixMillis, WeftError } from "../../base/mod.ts";
import type { PublicKey, SigningKey } from "../../crypto/mod.ts";
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
import type { JoinRequest } from "../wire/mod.ts";
import type { AuditLog } from "./audit_log.ts";
import type { RecordEntry, Roster } from "../replica/mod.ts";

/** How long a record is good for; leaders renew those of members that are there. */
export const RECORD_LIFETIME_MS: number = 90 * 86_400_000;
/** How long that of an ephemeral member is good for at least, so that what is left of it is forgotten sooner. */
const EPHEMERAL_RECORD_LIFETIME_MS = 7 * 86_400_000;

/** @returns how long the record of such a member is good for, in milliseconds */
export function recordLifetimeMs({ ephemeralMs }: Pick<MemberRecord, "ephemeralMs">): number {
  if (ephemeralMs === undefined) return RECORD_LIFETIME_MS;
  return Math.min(RECORD_LIFETIME_MS, EPHEMERAL_RECORD_LIFETIME_MS + ephemeralMs);
}

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
  | "address-not-allowed"
  | "address-not-here"
  | "address-taken"
  | "clock"
  | "name"
  | "name-taken"
  | "network"
  | "not-approved"
  | "too-many-wait"
  | "roster-full"}`;

/** Where records are kept and addresses come from. */
export interface EnrolmentOptions {
  readonly store: StateStore;
  readonly roster: Roster;
  readonly network: NetworkIdentity & { readonly signingKey: SigningKey };
  readonly clock: Clock;
  /** Fresh; the addresses of the roster's members are taken from it here. */
  readonly addresses: AddressPool;
  /** The networks of the overlay, which can't be behind a device. */
  readonly overlay?: readonly Cidr[];
  /** Where every change of a record is noted, in its transaction. */
  readonly audit?: AuditLog;
  /** Whether a name means something already that is no member. */
  isNameTaken?(name: string): boolean;
}

/** A join request with what the channel knows of its sender. */
export interface AdmissionRequest extends JoinRequest {
  readonly tokenId: string;
  /** The key that the channel's handshake has proven. */
  readonly remotePublicKey: PublicKey;
  /** Where it asks from, `address:port`. */
  readonly from?: string;
  /** The same without what one sender has many of for free. */
  readonly origin?: string;
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

  /**
   * Signs the first record of a key, with a free name and free addresses.
   * @param wanted the address that it is to have; any free one when absent
   */
  add(fields: NewRecord, wanted?: IpAddress): RecordEntry | AdmissionRefusal {
    const { roster, network } = this.#options;
    if (!roster.hasRoom()) return "refused:roster-full";
    const address = wanted === undefined ? this.#allocate() : this.take(wanted);
    if (address === undefined) return "refused:no-address";
    if (typeof address === "string") return address;
    const lifetime = this.lifetime(fields);
    return this.sign({
      networkId: network.id,
      nodeId: nodeIdOf(fields.publicKey, fields.verifyingKey),
      addresses: this.bothFamilies(address),
      allowedIps: [],
      version: 1,
      revoked: false,
      namedAt: lifetime.issuedAt,
      ...lifetime,
      ...fields,
      name: this.freeName(fields.name),
    });
  }

  /** Signs a record and puts it into the roster: as it is, but for a reserved name of the former release. */
  sign(fields: MemberRecord): RecordEntry {
    const { roster, network, audit } = this.#options;
    const isRenamed = !fields.revoked && isReservedName(fields.name);
    const record = isRenamed
      ? { ...fields, name: this.freeName(fields.name), namedAt: fields.issuedAt }
      : fields;
    const signed = signRecord(record, network.signingKey);
    const before = roster.recordByKey(record.publicKey);
    if (roster.merge(signed) === "rejected:full") throw new Refused("refused:roster-full");
    audit?.noteSigned(before, record);
    return { record, signed };
  }

  /** Takes this very address, which has to be one that this leader gives out; within `transact`. */
  take(address: IpAddress): IpAddress | AdmissionRefusal {
    const { addresses, roster } = this.#options;
    if (!addresses.slices.some((slice) => slice.contains(address))) return "refused:address-not-here";
    if (roster.holderOfAddress(address) !== undefined) return "refused:address-taken";
    for (let hasReclaimed = false;;) {
      try {
        addresses.allocateSpecific(address);
        this.#allocated.push(address);
        return address;
      } catch (error) {
        if (!(error instanceof WeftError)) throw error;
        if (hasReclaimed) return "refused:address-taken";
        this.#reclaim();
        hasReclaimed = true;
      }
    }
  }

  /** @returns an address with its IPv6 counterpart, if it is IPv4 */
  bothFamilies(address: IpAddress): readonly IpAddress[] {
    return address.family === 4 ? [address, overlayIpv6For(this.#ipv6Prefix, address)] : [address];
  }

  /** Lets `add` give these addresses out again. */
  release(addresses: readonly IpAddress[]): void {
    for (const address of addresses) this.#options.addresses.release(address);
  }

  /** @returns 90 days from now, less for an ephemeral member */
  lifetime(
    record: Pick<MemberRecord, "ephemeralMs"> = {},
  ): { readonly issuedAt: UnixMillis; readonly expiresAt: UnixMillis } {
    const issuedAt = this.#options.clock.wall();
    return { issuedAt, expiresAt: unixMillis(issuedAt + recordLifetimeMs(record)) };
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

  /** @returns the name, or the first with a number behind it that nobody and nothing is called */
  freeName(wanted: string): string {
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
