/**
 * What makes a member a leader, and how that is handed on: the network's signing key and a slice of its addresses.
 *
 *     leader                                   member
 *     sets a slice aside
 *     promotion: seed sealed to the member ──► keeps both, signs its own record anew
 *     forgets the slice ◄───────────── done ──
 *
 * @module
 */

import type { Environment, StateStore } from "../../base/mod.ts";
import { SigningKey } from "../../crypto/mod.ts";
import { AddressRange, type Cidr, type IpAddress } from "../../net/mod.ts";
import {
  type AddressPool,
  Admission,
  ArrivalCare,
  AuditLog,
  AuditWatch,
  EphemeralCare,
  TokenBook,
} from "../admission/mod.ts";
import { type NetworkIdentity, type NodeIdentity, openSealed, sealFor, SEED_BYTES } from "../identity/mod.ts";
import { type MemberRecord, NO_UPDATE, type ReplicaUpdate, type Role } from "../records/mod.ts";
import type { MemberAnswer, MemberRequest, SliceGrant } from "../wire/mod.ts";
import { dropSigningKey, keepSigningKey } from "../network_store.ts";
import type { Replica } from "../replica/mod.ts";
import { SliceLedger } from "./slice_ledger.ts";

const SEED_LABEL = "network seed";
/** So many records travel with slices that are handed over; with more, only what is above all of them is. */
const MAX_HANDED_RECORDS = 1000;

/** Whose leadership it is, and where its records and addresses come from. */
export interface LeadershipOptions extends Pick<Environment, "clock" | "random"> {
  readonly identity: () => NodeIdentity;
  readonly network: Pick<NetworkIdentity, "id" | "verifyingKey">;
  readonly replica: Replica;
  /** Makes a fresh pool for the overlay's block. */
  readonly newPool: () => AddressPool;
  /** The networks of the overlay. */
  readonly overlay: readonly Cidr[];
}

/** What only leaders have. */
interface LeaderState {
  readonly signingKey: SigningKey;
  readonly tokens: TokenBook;
  readonly admission: Admission;
  readonly ledger: SliceLedger;
  readonly audit: AuditLog;
  readonly ephemerals: EphemeralCare;
  readonly arrivals: ArrivalCare;
  /** Notes nothing any more of what other leaders change. */
  readonly unwatch: () => void;
}

/** A node's leadership, which it may have, be given and give away while it runs. */
export class Leadership {
  /** Set by whoever knows more names than those of members: what nobody is called who joins. */
  isNameTaken: (name: string) => boolean = () => false;
  readonly #store: StateStore;
  readonly #options: LeadershipOptions;
  #leader: LeaderState | undefined;

  /**
   * @param signingKey absent for one that is no leader now
   * @throws StateError when what is stored is damaged
   */
  constructor(store: StateStore, options: LeadershipOptions, signingKey?: SigningKey) {
    this.#store = store;
    this.#options = options;
    if (signingKey !== undefined) this.#leader = this.#open(signingKey);
  }

  get signingKey(): SigningKey | undefined {
    return this.#leader?.signingKey;
  }

  get tokens(): TokenBook | undefined {
    return this.#leader?.tokens;
  }

  get admission(): Admission | undefined {
    return this.#leader?.admission;
  }

  /** What happened to members, by whose word; leaders only. */
  get audit(): AuditLog | undefined {
    return this.#leader?.audit;
  }

  /** Which ephemeral members have been away for too long; leaders only. */
  get ephemerals(): EphemeralCare | undefined {
    return this.#leader?.ephemerals;
  }

  /** Who was let in and has not come; leaders only. */
  get arrivals(): ArrivalCare | undefined {
    return this.#leader?.arrivals;
  }

  /** What this leader allocates from; nothing on others. */
  get slices(): readonly AddressRange[] {
    return this.#leader?.ledger.slices ?? [];
  }

  /**
   * @param member who is to lead; not this node, and no device
   * @returns the request to send it; the same slice again until it has answered
   * @throws TypeError on a node that is no leader
   */
  promote(member: MemberRecord): Extract<MemberRequest, { kind: "promotion" }> {
    const { signingKey, ledger } = this.#required();
    const sealedSeed = sealFor(member.publicKey, SEED_LABEL, signingKey.exposeBytes(), this.#options.random);
    return { kind: "promotion", sealedSeed, slices: ledger.cutFor(member.nodeId) };
  }

  /** Forgets what was set aside for a member that has taken it. */
  settle(member: MemberRecord): void {
    this.#required().ledger.settle(member.nodeId);
  }

  /**
   * Becomes a leader, or a leader with more addresses.
   * @returns what others are to be sent, or undefined when the request cannot be followed
   */
  accept({ sealedSeed, slices }: Extract<MemberRequest, { kind: "promotion" }>): ReplicaUpdate | undefined {
    const { identity, network } = this.#options;
    const seed = openSealed(identity().privateKey, SEED_LABEL, sealedSeed);
    if (seed?.length !== SEED_BYTES) return undefined;
    const signingKey = SigningKey.fromSeed(seed);
    if (!signingKey.verifyingKey.equals(network.verifyingKey)) return undefined;
    return this.#undoable(() => {
      keepSigningKey(this.#store, signingKey);
      if (this.#leader === undefined) SliceLedger.begin(this.#store);
      const leader = this.#leader ??= this.#open(signingKey);
      leader.ledger.take(slices);
      return this.#signOwn(leader, ["leader", "member"]);
    });
  }

  /** Takes over addresses of a leader that gives them up, with the records of everybody who has one of them. */
  take(slices: SliceGrant, records: ReplicaUpdate = NO_UPDATE): void {
    const { ledger } = this.#required();
    this.#options.replica.merge(records);
    ledger.take(slices);
  }

  /**
   * What is given up in favour of another leader; the same again until this node has resigned.
   * @throws TypeError on a node that is no leader
   */
  handOver(to: MemberRecord): { readonly slices: SliceGrant; readonly records: ReplicaUpdate } {
    const slices = this.#required().ledger.allFor(to.nodeId);
    const { roster } = this.#options.replica;
    const holders = roster.allRecords().filter(({ addresses }) =>
      addresses.some((address) => slices.ranges.some((range) => range.contains(address)))
    );
    if (holders.length > MAX_HANDED_RECORDS) {
      const taken = holders.flatMap(({ addresses }) => addresses);
      const ranges = slices.ranges.map((range) => above(range, taken)).filter((range) => range !== undefined);
      return { slices: { ...slices, ranges }, records: NO_UPDATE };
    }
    const records = holders.map(({ nodeId }) => roster.signedRecord(nodeId));
    return { slices, records: { ...NO_UPDATE, records: records.filter((signed) => signed !== undefined) } };
  }

  /** Is no leader any more. @returns what others are to be sent */
  resign(): ReplicaUpdate {
    const leader = this.#required();
    const changes = this.#undoable(() => {
      const changes = this.#signOwn(leader, ["member"]);
      dropSigningKey(this.#store);
      this.#leader = undefined;
      return changes;
    });
    leader.unwatch();
    return changes;
  }

  /** Answers a leader that asks this node to be none any more; the same again when it asks again. `update` is for all. */
  demote(asker: MemberRecord): { readonly answer: MemberAnswer; readonly update: ReplicaUpdate } {
    if (this.#leader === undefined) {
      const { newPool, random } = this.#options;
      const slices = new SliceLedger(this.#store, { pool: newPool(), random }).pendingAllFor(asker.nodeId);
      return { answer: { kind: "done", ...slices && { slices } }, update: NO_UPDATE };
    }
    const { slices, records } = this.handOver(asker);
    return { answer: { kind: "done", slices, update: records }, update: this.resign() };
  }

  #open(signingKey: SigningKey): LeaderState {
    const { network, replica, clock, random, newPool } = this.#options;
    const { roster } = replica;
    const pool = newPool();
    const ledger = new SliceLedger(this.#store, { pool, random });
    const audit = new AuditLog(this.#store, clock);
    const tokens = new TokenBook(this.#store, { random, clock, audit });
    const admission = new Admission({
      store: this.#store,
      roster,
      tokens,
      network: { ...network, signingKey },
      clock,
      addresses: pool,
      overlay: this.#options.overlay,
      audit,
      isNameTaken: (name) => this.isNameTaken(name),
    });
    const ephemerals = new EphemeralCare(this.#store, { clock, roster });
    const arrivals = new ArrivalCare(this.#store, { clock, roster });
    const unwatch = replica.subscribe(new AuditWatch(roster, audit));
    return { signingKey, tokens, admission, ledger, audit, ephemerals, arrivals, unwatch };
  }

  /** Signs this node's own record anew, for other roles. */
  #signOwn({ admission }: LeaderState, roles: readonly Role[]): ReplicaUpdate {
    const { identity, replica: { roster } } = this.#options;
    const known = roster.recordById(identity().id);
    if (known === undefined || roster.isRevoked(known.publicKey) || known.roles.join() === roles.join()) {
      return NO_UPDATE;
    }
    const enrolled = admission.amend(known, { roles });
    return typeof enrolled === "string" ? NO_UPDATE : { ...NO_UPDATE, records: [enrolled.signed] };
  }

  /** Runs `body` in a transaction. When that is undone, this node leads or not as before. */
  #undoable<T>(body: () => T): T {
    const before = this.#leader;
    try {
      return this.#store.transaction(body);
    } catch (error) {
      if (this.#leader !== before) this.#leader?.unwatch();
      this.#leader = before;
      this.#options.replica.reload();
      throw error;
    }
  }

  #required(): LeaderState {
    if (this.#leader === undefined) throw new TypeError("Cannot do that: this node is no leader");
    return this.#leader;
  }
}

/** @returns what of a range lies above all of these addresses, or undefined when nothing does */
function above({ first, last, family }: AddressRange, taken: readonly IpAddress[]): AddressRange | undefined {
  let from = first.toBigInt();
  const to = last.toBigInt();
  for (const address of taken) {
    const value = address.toBigInt();
    if (address.family === family && value >= from && value <= to) from = value + 1n;
  }
  return from <= to ? AddressRange.fromBigInts(from, to, family) : undefined;
}
