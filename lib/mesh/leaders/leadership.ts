/**
 * What makes a node a leader, and how that is given up: the network's signing key, and a slice of its addresses.
 *
 * @module
 */

import type { StateStore } from "../../base/mod.ts";
import { SigningKey } from "../../crypto/mod.ts";
import type { AddressRange } from "../../net/mod.ts";
import type { Admission, ArrivalCare, AuditLog, EphemeralCare, TokenBook } from "../admission/mod.ts";
import { type NodeId, openSealed, SEED_BYTES } from "../identity/mod.ts";
import {
  isActAfter,
  type MemberRecord,
  NO_UPDATE,
  type ReplicaUpdate,
  type Role,
  type Signed,
} from "../records/mod.ts";
import type { MemberAnswer, SliceGrant } from "../wire/mod.ts";
import {
  dropSigningKey,
  keepRecovering,
  keepSigningKey,
  readRecovering,
  type RecoveredFrom,
} from "../network_store.ts";
import { type LeadershipOptions, type LeaderState, openLeader } from "./leader_state.ts";
import { keepOffer, type Promotion, Promotions, readOffer, SEED_LABEL } from "./promotions.ts";
import { SliceLedger } from "./slice_ledger.ts";
import { SliceSettlement } from "./slice_settlement.ts";
import { above, fitting, isLeader, joined, SliceTable, without } from "./slice_table.ts";

/** So many records travel with slices that are handed over; with more, only what is above all of them is. */
const MAX_HANDED_RECORDS = 1000;

/** A node's leadership, which it may have, be given and give away while it runs. */
export class Leadership {
  /** Set by whoever knows more names than those of members: what nobody is called who joins. */
  isNameTaken: (name: string) => boolean = () => false;
  readonly #store: StateStore;
  readonly #options: LeadershipOptions;
  readonly #table: SliceTable;
  readonly #settlement: SliceSettlement;
  /** What this leader does for members that are to lead. */
  readonly promotions: Promotions;
  #leader: LeaderState | undefined;
  /** What a leader has asked of this node, which does not lead. */
  #offer: Promotion | undefined;

  /**
   * @param signingKey absent for one that is no leader now
   * @throws StateError when what is stored is damaged
   */
  constructor(store: StateStore, options: LeadershipOptions, signingKey?: SigningKey) {
    this.#store = store;
    this.#options = options;
    const { replica: { roster }, clock, newPool } = options;
    const table = this.#table = new SliceTable(options.replica, options.network.id);
    this.#settlement = new SliceSettlement({ table, roster, clock, newPool });
    this.promotions = new Promotions({
      ...options,
      table,
      leader: () => this.#required(),
      undoable: (body) => this.#undoable(body),
      stateOwn: () => this.#stateOwn(),
    });
    this.#offer = readOffer(store);
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

  /** @returns whether a member has said what it gives out */
  isHeldBy(nodeId: NodeId): boolean {
    return this.#table.told(nodeId) !== undefined;
  }

  /**
   * Takes an offer to lead, which counts when the network says that this node leads; a leader takes more addresses, and whom
   * a leader of a former release asks leads at once.
   * @returns what others are to be sent, or undefined when the request cannot be followed, or was taken back meanwhile
   */
  accept(request: Promotion): ReplicaUpdate | undefined {
    const { identity, replica: { roster } } = this.#options;
    const { version = 0 } = roster.recordById(identity().id) ?? {};
    const { recordVersion, slices } = request;
    if (this.#leader === undefined && recordVersion !== undefined && isActAfter(version, recordVersion)) {
      return undefined;
    }
    const signingKey = this.#openSeed(request);
    if (signingKey === undefined) return undefined;
    if (this.#leader !== undefined || request.isOffer !== true) {
      return this.#undoable(() => this.#lead(signingKey, slices));
    }
    keepOffer(this.#store, request);
    this.#offer = request;
    return this.takeOffer() ?? NO_UPDATE;
  }

  /**
   * Begins to lead when the network says so and this node has been offered it. Early and repeated calls are harmless.
   * @returns what others are to be sent; undefined when it is not so
   */
  takeOffer(): ReplicaUpdate | undefined {
    const offer = this.#offer;
    const { identity, replica: { roster } } = this.#options;
    if (offer === undefined || this.#leader !== undefined) return undefined;
    // It may be about to go on under new keys.
    const [head] = roster.chainOf(identity().publicKey);
    if (head === undefined || !isLeader(head.record) || roster.isRevoked(head.record.publicKey)) {
      return undefined;
    }
    const signingKey = this.#openSeed(offer);
    return signingKey && this.#undoable(() => this.#lead(signingKey, offer.slices));
  }

  #openSeed({ sealedSeed }: Promotion): SigningKey | undefined {
    const { identity, network } = this.#options;
    const seed = openSealed(identity().privateKey, SEED_LABEL, sealedSeed);
    if (seed?.length !== SEED_BYTES) return undefined;
    const signingKey = SigningKey.fromSeed(seed);
    return signingKey.verifyingKey.equals(network.verifyingKey) ? signingKey : undefined;
  }

  /**
   * Becomes a leader by the network's key itself, without any addresses. Harmless on one that is a leader already.
   * @returns what others are to be sent; undefined when it is another network's key
   */
  recover(signingKey: SigningKey): ReplicaUpdate | undefined {
    if (!signingKey.verifyingKey.equals(this.#options.network.verifyingKey)) return undefined;
    return this.#undoable(() => {
      if (this.#leader === undefined) keepRecovering(this.#store, "member");
      return this.#lead(signingKey);
    });
  }

  /** Of what a recovery has made this leader, until it has taken over what is nobody's; it survives a restart. */
  get recoveringFrom(): RecoveredFrom | undefined {
    return this.#leader === undefined ? undefined : readRecovering(this.#store);
  }

  /** Ends a recovery that has nothing to take over, because another leader is there. */
  endRecovery(): void {
    keepRecovering(this.#store, undefined);
  }

  /**
   * Takes all addresses that no other leader gives out who is there; a recovery ends with it. Who comes back finds out that
   * it gives out none, and goes on as any leader.
   * @param lost leaders that are gone
   * @returns what others are to be sent
   */
  takeOver(lost: readonly NodeId[]): ReplicaUpdate {
    const { signingKey, ledger } = this.#required();
    return this.#undoable(() => {
      keepRecovering(this.#store, undefined);
      const entries = lost.map((nodeId) => this.#table.state(nodeId, signingKey, "held", []));
      const others = this.#table.othersThan(this.#options.identity().id);
      ledger.replace(without(this.#options.newPool().slices, others.flatMap(({ ranges }) => ranges)));
      entries.push(this.#stateOwn());
      return { ...NO_UPDATE, entries: entries.filter((entry) => entry !== undefined) };
    });
  }

  /** Keeps the key, and begins to lead with nothing but what is given; within a transaction. */
  #lead(signingKey: SigningKey, slices?: SliceGrant): ReplicaUpdate {
    keepSigningKey(this.#store, signingKey);
    if (this.#leader === undefined) SliceLedger.begin(this.#store);
    const leader = this.#leader ??= this.#open(signingKey);
    keepOffer(this.#store, undefined);
    this.#offer = undefined;
    // An offer may have waited for long.
    const others = this.#table.othersThan(this.#options.identity().id);
    if (slices !== undefined) leader.ledger.take(slices, others.flatMap(({ ranges }) => ranges));
    const changes = this.#signOwn(leader, ["leader", "member"]);
    const stated = this.#stateOwn();
    return stated === undefined ? changes : { ...changes, entries: [stated] };
  }

  /**
   * Takes over addresses of a leader that gives them up, with the records of everybody who has one of them.
   * @param from who gives them up; what it still states as its own counts no more
   */
  take(slices: SliceGrant, records?: ReplicaUpdate, from?: MemberRecord): void {
    const { ledger } = this.#required();
    if (records !== undefined) this.#options.replica.merge(records);
    const { id: self } = this.#options.identity();
    // They may have been claimed meanwhile: this may be an answer to who has asked again.
    const others = this.#table.othersThan(self).filter(({ holder }) => holder !== from?.nodeId);
    ledger.take(slices, others.flatMap(({ ranges }) => ranges));
  }

  /**
   * What is given up in favour of another leader; the same again until this node has resigned.
   * @throws TypeError on a node that is no leader
   */
  handOver(to: MemberRecord): { readonly slices: SliceGrant; readonly records: ReplicaUpdate } {
    const { ledger } = this.#required();
    const [slices, stated] = this.#undoable(() => [ledger.allFor(to.nodeId), this.#stateOwn()] as const);
    const entries = stated === undefined ? [] : [stated];
    const { roster } = this.#options.replica;
    const holders = roster.allRecords().filter(({ addresses }) =>
      addresses.some((address) => slices.ranges.some((range) => range.contains(address)))
    );
    if (holders.length > MAX_HANDED_RECORDS) {
      const taken = holders.flatMap(({ addresses }) => addresses);
      const ranges = slices.ranges.map((range) => above(range, taken)).filter((range) => range !== undefined);
      return { slices: { ...slices, ranges }, records: { ...NO_UPDATE, entries } };
    }
    const records = holders.map(({ nodeId }) => roster.signedRecord(nodeId));
    return {
      slices,
      records: { ...NO_UPDATE, records: records.filter((each) => each !== undefined), entries },
    };
  }

  /** Is no leader any more. @returns what others are to be sent */
  resign(): ReplicaUpdate {
    const leader = this.#required();
    const changes = this.#undoable(() => {
      const changes = this.#signOwn(leader, ["member"]);
      const { id } = this.#options.identity();
      const gone = this.#table.state(id, leader.signingKey, "held", undefined);
      this.#end(leader);
      return gone === undefined ? changes : { ...changes, entries: [gone] };
    });
    leader.unwatch();
    return changes;
  }

  /**
   * Is no leader any more when the network's key says so: another leader has demoted this one while it was away.
   * @returns whether that is so
   */
  yield(): boolean {
    const leader = this.#leader;
    const { identity, replica: { roster } } = this.#options;
    const own = roster.recordById(identity().id);
    if (leader === undefined || own === undefined || own.revoked || isLeader(own)) return false;
    this.#undoable(() => this.#end(leader));
    leader.unwatch();
    return true;
  }

  /**
   * Says of a leader that is dead that it leads no more, and takes over what it has stated as its own.
   * @returns what others are to be sent; undefined when the network says no more of that member
   */
  depose(member: MemberRecord): ReplicaUpdate | undefined {
    const { admission, signingKey, ledger } = this.#required();
    return this.#undoable(() => {
      const holdings = this.#table.holdings();
      const former = holdings.filter(({ holder }) => holder === member.nodeId).flatMap(({ ranges }) =>
        ranges
      );
      const others = holdings.filter(({ holder }) => holder !== member.nodeId).flatMap(({ ranges }) =>
        ranges
      );
      const enrolled = admission.amend(member, { roles: ["member"] });
      if (typeof enrolled === "string") return undefined;
      const gone = this.#table.state(member.nodeId, signingKey, "held", undefined);
      ledger.replace(joined([...ledger.slices, ...without(former, others)]));
      const entries = [gone, this.#stateOwn()].filter((signed) => signed !== undefined);
      return { ...NO_UPDATE, records: [enrolled.signed], entries };
    });
  }

  /**
   * Holds this leader's addresses against what others hold: of what two hold, the lower node id keeps it; what nobody
   * holds, the elected leader claims after 20 s, unless there is a leader that has not said what it holds. Early and
   * repeated calls are harmless, and on others than leaders nothing happens.
   * @returns what others are to be sent
   */
  settleSlices(isElected: boolean): ReplicaUpdate {
    if (this.#leader === undefined) return NO_UPDATE;
    const { ledger, signingKey } = this.#leader;
    const { id: self } = this.#options.identity();
    const { ranges, silent, isAlone } = this.#settlement.settle(self, ledger.slices, isElected);
    try {
      return this.#undoable(() => {
        if (ranges.join() !== joined(ledger.slices).join()) ledger.replace(ranges);
        // The only leader there ever was has nobody to tell.
        if (isAlone && !this.#table.has(self)) return NO_UPDATE;
        // A reservation that has lapsed may stand in the way of what its leader states since: it states that anew.
        const lapsed = silent.map((nodeId) => this.#table.state(nodeId, signingKey, "held", undefined));
        const entries = [this.#stateOwn(), ...lapsed].filter((signed) => signed !== undefined);
        return entries.length === 0 ? NO_UPDATE : { ...NO_UPDATE, entries };
      });
    } catch (error) {
      // There are too many entries: all stays as it is.
      if (!(error instanceof RangeError)) throw error;
      return NO_UPDATE;
    }
  }

  /** Has the network know what this leader holds now. @returns what is new of it */
  #stateOwn(): Signed | undefined {
    const { signingKey, ledger } = this.#required();
    return this.#table.state(this.#options.identity().id, signingKey, "held", fitting(ledger.slices));
  }

  /** Forgets key and addresses; within a transaction. */
  #end({ ledger }: LeaderState): void {
    ledger.replace([]);
    dropSigningKey(this.#store);
    this.#leader = undefined;
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
    return openLeader(this.#store, this.#options, {
      signingKey,
      isNameTaken: (name) => this.isNameTaken(name),
    });
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
    const slices = before?.ledger.slices ?? [];
    try {
      return this.#store.transaction(body);
    } catch (error) {
      if (this.#leader !== before) this.#leader?.unwatch();
      this.#leader = before;
      before?.ledger.revert(slices);
      this.#offer = readOffer(this.#store);
      this.#options.replica.reload();
      throw error;
    }
  }

  #required(): LeaderState {
    if (this.#leader === undefined) throw new TypeError("Cannot do that: this node is no leader");
    return this.#leader;
  }
}
