/**
 * How a leader lets machines in and sends them out.
 * @module
 */

import { type Clock, type StateStore, type UnixMillis, unixMillis, WeftError } from "../../base/mod.ts";
import type { PublicKey, SigningKey, VerifyingKey } from "../../crypto/mod.ts";
import type { AddressRange, Cidr, Endpoint, IpAddress } from "../../net/mod.ts";
import {
  isNodeName,
  mergeLabels,
  type NetworkIdentity,
  type NodeId,
  nodeIdOf,
  numberedName,
  overlayIpv6For,
  overlayIpv6Prefix,
  toNodeName,
} from "../identity/mod.ts";
import { isRotationOf } from "./key_rotation.ts";
import type { KeyRotation } from "../wire/mod.ts";
import {
  MAX_CLOCK_AHEAD_MS,
  type MemberRecord,
  type SignedRecord,
  type SignedStatement,
  signRecord,
  type TokenSecret,
  verifyStatement,
} from "../records/mod.ts";
import { MAX_MEMBERS, type Roster } from "../replica/mod.ts";
import type { TokenBook } from "./token_book.ts";

/** How long a record is good for; leaders renew those of members that are there. */
export const RECORD_LIFETIME_MS: number = 90 * 86_400_000;
/** A record is renewed when it is good for no longer than this, so that a leader may be away for two months. */
export const RENEW_BEFORE_MS: number = 60 * 86_400_000;

/** How many records are renewed in one go: each costs a signature. */
const MAX_RENEWALS = 16;

/** Hands out the addresses of the overlay. */
export interface AddressPool {
  /** @throws WeftError when none is free */
  allocate(): IpAddress;
  /** @throws WeftError when it is taken or not in the pool */
  allocateSpecific(address: IpAddress): void;
  /** @returns false when it was not allocated */
  release(address: IpAddress): boolean;
  /** What `allocate` takes from; all of it unless it was said. */
  readonly slices: readonly AddressRange[];
  /** Lets `allocate` take from these only. */
  setSlices(ranges: readonly AddressRange[]): void;
  /** Gives up a part that has no allocated address. @returns it, or undefined when there is too little */
  cutSlice(): AddressRange | undefined;
}

/** A join request with what the channel knows of its sender. */
export interface AdmissionRequest {
  readonly tokenId: string;
  readonly secret: TokenSecret;
  readonly name: string;
  readonly publicKey: PublicKey;
  readonly verifyingKey: VerifyingKey;
  readonly labels: Readonly<Record<string, string>>;
  readonly statement?: SignedStatement;
  /** The key that the channel's handshake has proven. */
  readonly remotePublicKey: PublicKey;
}

/** A record that was just signed and is in the roster. */
export interface Enrolled {
  readonly record: MemberRecord;
  readonly signed: SignedRecord;
}

/** Why nobody was let in: for the leader's own log and counters, never for the one who asked. */
export type Refusal = `refused:${
  | "key-mismatch"
  | "revoked"
  | "token"
  | "other-identity"
  | "no-address"
  | "roster-full"}`;

/** A WireGuard device that does not run weft. */
export interface NewDevice {
  readonly name: string;
  readonly publicKey: PublicKey;
  /** Prefixes behind the device. */
  readonly allowedIps?: readonly Cidr[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly endpoint?: Endpoint | undefined;
  readonly persistentKeepaliveSeconds?: number | undefined;
}

/** What an admission stands on. */
export interface AdmissionOptions {
  readonly store: StateStore;
  readonly roster: Roster;
  readonly tokens: TokenBook;
  readonly network: NetworkIdentity & { readonly signingKey: SigningKey };
  readonly clock: Clock;
  /** Fresh; the addresses of the roster's members are taken from it here. */
  readonly addresses: AddressPool;
}

type NewRecord = Pick<MemberRecord, "name" | "publicKey" | "roles" | "labels"> & Partial<MemberRecord>;

/** Decides who is a member. Every decision is one transaction: token, address and record, or nothing. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #ipv6Prefix: Cidr;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#ipv6Prefix = overlayIpv6Prefix(options.network.id);
    for (const record of options.roster.records()) if (!record.revoked) this.#reserve(record);
  }

  /** Lets a machine in that holds a token; the same machine again gets the same name and addresses. */
  admit(request: AdmissionRequest): Enrolled | Refusal {
    const { roster, tokens } = this.#options;
    const { publicKey, verifyingKey } = request;
    if (!publicKey.equals(request.remotePublicKey)) return "refused:key-mismatch";
    const known = roster.record(publicKey);
    if (known?.revoked) return "refused:revoked";
    // One key under two ids would be two members with the same WireGuard peer.
    if (known !== undefined && !known.verifyingKey?.equals(verifyingKey)) return "refused:other-identity";
    return this.#enrol((release) => {
      const token = tokens.redeem(request.tokenId, request.secret, publicKey);
      if (token === undefined) return "refused:token";
      const labels = mergeLabels(request.labels, token.labels);
      const enrolled = known === undefined
        ? this.#add({ name: request.name, publicKey, verifyingKey, labels, roles: ["member"] }, release)
        : this.#renew(known, labels);
      if (typeof enrolled !== "string" && request.statement !== undefined) {
        // A statement that is malformed or another's costs nobody the admission: it is only left out.
        if (verifyStatement(request.statement, verifyingKey)?.nodeId === enrolled.record.nodeId) {
          roster.mergeStatement(request.statement);
        }
      }
      return enrolled;
    });
  }

  /** Makes the record of the machine that starts the network. */
  addLeader(
    leader: {
      readonly name: string;
      readonly publicKey: PublicKey;
      readonly verifyingKey: VerifyingKey;
      readonly labels: Readonly<Record<string, string>>;
    },
  ): Enrolled | Refusal {
    return this.#enrol((release) => this.#add({ ...leader, roles: ["leader", "member"] }, release));
  }

  /**
   * Adds a device; the same key again changes what is known of it and keeps its name and addresses.
   * @throws RangeError when a field is out of bounds
   */
  addDevice(device: NewDevice): Enrolled | Refusal {
    const { name, publicKey, labels = {}, allowedIps = [], endpoint, persistentKeepaliveSeconds } = device;
    const known = this.#options.roster.record(publicKey);
    if (known?.revoked) return "refused:revoked";
    if (known?.verifyingKey !== undefined) return "refused:other-identity";
    const fields = {
      labels,
      allowedIps,
      ...endpoint && { endpoint },
      ...persistentKeepaliveSeconds && { persistentKeepaliveSeconds },
    };
    if (known === undefined) {
      return this.#enrol((release) =>
        this.#add({ name, publicKey, roles: ["wireguard"], ...fields }, release)
      );
    }
    const { endpoint: _, persistentKeepaliveSeconds: __, ...kept } = known;
    return this.#enrol(() =>
      this.#sign({ ...kept, ...fields, version: known.version + 1, ...this.#lifetime() })
    );
  }

  /**
   * Signs records anew that are good for 60 days or less, or that a clock has dated into the future: those of devices,
   * and of members who are there.
   * @param isHere whether a member is there; its record may have expired
   * @returns what was signed, at most 16 records a call
   */
  renewDue(isHere: (nodeId: NodeId) => boolean): Enrolled[] {
    const wall = this.#options.clock.wall();
    const due: MemberRecord[] = [];
    for (const record of this.#options.roster.records()) {
      if (record.revoked) continue;
      const isDue = record.expiresAt - wall <= RENEW_BEFORE_MS || record.issuedAt - wall > MAX_CLOCK_AHEAD_MS;
      if (isDue && (record.verifyingKey === undefined || isHere(record.nodeId))) due.push(record);
      if (due.length === MAX_RENEWALS) break;
    }
    return due.map((record) => this.renew(record)).filter((renewed) => typeof renewed === "object");
  }

  /** Signs a record anew as it is; its holder may have been away until it expired. */
  renew(record: MemberRecord): Enrolled | Refusal {
    if (record.revoked) return "refused:revoked";
    return this.#enrol(() => this.#sign({ ...record, version: record.version + 1, ...this.#lifetime() }));
  }

  /**
   * Lets a member go on under new keys, with its name, addresses and roles; the old key is revoked.
   * @param from whose keys they replace
   * @returns both records, the new one first; the same again for the same keys
   */
  rotate(from: MemberRecord, to: KeyRotation): readonly [Enrolled, Enrolled] | Refusal {
    const { roster } = this.#options;
    const successor = nodeIdOf(to.publicKey, to.verifyingKey);
    const kept = from.successor === successor ? this.#entriesOf(successor, from.nodeId) : undefined;
    if (kept !== undefined) return kept;
    if (from.revoked) return "refused:revoked";
    if (roster.record(to.publicKey) !== undefined || !isRotationOf(from.nodeId, to)) {
      return "refused:key-mismatch";
    }
    const { publicKey, verifyingKey } = to;
    let both: readonly [Enrolled, Enrolled] | undefined;
    const outcome = this.#enrol(() => {
      // The new record first, so that nobody sees the name and the addresses free.
      const next = this.#sign({
        ...from,
        nodeId: successor,
        publicKey,
        verifyingKey,
        version: 1,
        ...this.#lifetime(),
      });
      const issuedAt = this.#options.clock.wall();
      const old = this.#sign({ ...from, version: from.version + 1, issuedAt, revoked: true, successor });
      if (to.statement !== undefined && verifyStatement(to.statement, verifyingKey)?.nodeId === successor) {
        roster.mergeStatement(to.statement);
      }
      both = [next, old];
      return next;
    });
    return typeof outcome === "string" ? outcome : both ?? "refused:key-mismatch";
  }

  /**
   * Revokes a key for ever and frees its addresses.
   * @returns the revoked record, or undefined when nobody goes by that
   */
  revoke(who: NodeId | string | PublicKey): Enrolled | undefined {
    const { roster, addresses } = this.#options;
    const known = typeof who === "string"
      ? (roster.find(who)?.record ?? roster.holderOfName(who))
      : roster.record(who);
    if (known === undefined || known.revoked) return undefined;
    const revoked = this.#enrol(() =>
      this.#sign({
        ...known,
        version: known.version + 1,
        issuedAt: this.#options.clock.wall(),
        revoked: true,
      })
    );
    if (typeof revoked === "string") return undefined;
    for (const address of known.addresses) addresses.release(address);
    return revoked;
  }

  /**
   * Runs `body` in a transaction. What it allocated is released when it comes to nothing.
   * @param body calls its argument with every address that it took
   */
  #enrol(body: (taken: (address: IpAddress) => void) => Enrolled | Refusal): Enrolled | Refusal {
    const { store, roster, addresses } = this.#options;
    const taken: IpAddress[] = [];
    const release = () => taken.forEach((address) => addresses.release(address));
    try {
      return store.transaction(() => {
        const result = body((address) => void taken.push(address));
        if (typeof result === "string") throw new Refused(result);
        return result;
      });
    } catch (error) {
      release();
      if (error instanceof Refused) return error.refusal;
      roster.reload();
      throw error;
    }
  }

  #add(fields: NewRecord, taken: (address: IpAddress) => void): Enrolled | Refusal {
    const { roster, network } = this.#options;
    if (roster.records().length >= MAX_MEMBERS) return "refused:roster-full";
    const address = this.#allocate(taken);
    if (address === undefined) return "refused:no-address";
    return this.#sign({
      networkId: network.id,
      nodeId: nodeIdOf(fields.publicKey, fields.verifyingKey),
      addresses: this.#bothFamilies(address),
      allowedIps: [],
      version: 1,
      revoked: false,
      ...this.#lifetime(),
      ...fields,
      name: this.#freeName(fields.name),
    });
  }

  /** Signs again only when something differs, so that a retry is no news to anybody. */
  #renew(known: MemberRecord, labels: Readonly<Record<string, string>>): Enrolled {
    const signed = this.#options.roster.signedRecord(known.nodeId);
    const isSame = JSON.stringify(Object.entries(labels).sort()) ===
      JSON.stringify(Object.entries(known.labels).sort());
    const lifetime = this.#lifetime();
    const isFresh = known.expiresAt > lifetime.issuedAt + RECORD_LIFETIME_MS / 2;
    if (isSame && isFresh && signed !== undefined) return { record: known, signed };
    return this.#sign({ ...known, labels, version: known.version + 1, ...lifetime });
  }

  #sign(record: MemberRecord): Enrolled {
    const { roster, network } = this.#options;
    const signed = signRecord(record, network.signingKey);
    const outcome = roster.merge(signed);
    if (outcome === "rejected:full") throw new Refused("refused:roster-full");
    return { record, signed };
  }

  #allocate(taken: (address: IpAddress) => void): IpAddress | undefined {
    const { addresses, roster } = this.#options;
    for (let hasReclaimed = false;;) {
      try {
        const address = addresses.allocate();
        // Another leader's record may have come since; then the address stays taken.
        if (roster.holderOfAddress(address) !== undefined) continue;
        taken(address);
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
    for (const { revoked, successor, addresses: freed } of roster.records()) {
      if (!revoked || (successor !== undefined && roster.recordOf(successor) === undefined)) continue;
      for (const address of freed) {
        if (roster.holderOfAddress(address) === undefined) addresses.release(address);
      }
    }
  }

  /** @returns what was signed of these two, or undefined when one is not known */
  #entriesOf(first: NodeId, second: NodeId): readonly [Enrolled, Enrolled] | undefined {
    const { roster } = this.#options;
    const [a, b] = [first, second].map((nodeId) => {
      const [record, signed] = [roster.recordOf(nodeId), roster.signedRecord(nodeId)];
      return record && signed && { record, signed };
    });
    return a && b && [a, b];
  }

  #bothFamilies(address: IpAddress): readonly IpAddress[] {
    return address.family === 4 ? [address, overlayIpv6For(this.#ipv6Prefix, address)] : [address];
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
    const name = isNodeName(wanted) ? wanted : toNodeName(wanted);
    const { roster } = this.#options;
    if (roster.holderOfName(name) === undefined) return name;
    for (let number = 2;; number++) {
      const numbered = numberedName(name, number);
      if (roster.holderOfName(numbered) === undefined) return numbered;
    }
  }

  #lifetime(): { readonly issuedAt: UnixMillis; readonly expiresAt: UnixMillis } {
    const issuedAt = this.#options.clock.wall();
    return { issuedAt, expiresAt: unixMillis(issuedAt + RECORD_LIFETIME_MS) };
  }
}

/** Carries a refusal out of a transaction, so that it is undone. */
class Refused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal);
    this.refusal = refusal;
  }
}
