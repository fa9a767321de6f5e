/**
 * Making others leaders. It is done by one write of the leader that asks: before it the member does not lead, whatever it
 * has been sent; from it on it does, as soon as it hears of it. So whoever crashes, whenever, leaves one or the other.
 *
 *     leader                                                 member
 *     sets a slice aside
 *     promotion: seed sealed to the member, slice ─────────► keeps the offer
 *     signs its record: it leads ◄─────────────────── done ──
 *     the record ──────────────────────────────────────────► opens the offer, and states the slice as held
 *
 * A member of a former release leads, and signs its own record, as soon as it is asked.
 *
 * @module
 */

import type { StateStore } from "../../base/mod.ts";
import { type NodeId, sealFor } from "../identity/mod.ts";
import {
  type MemberRecord,
  NO_UPDATE,
  type ReplicaUpdate,
  type Signed,
  versionOfAct,
} from "../records/mod.ts";
import { decodeMeshMessage, encodeMeshMessage, type MemberRequest } from "../wire/mod.ts";
import type { LeadershipOptions, LeaderState } from "./leader_state.ts";
import { isLeader, type SliceTable } from "./slice_table.ts";

/** What the network's seed is sealed for. */
export const SEED_LABEL = "network seed";

const OFFERS = "network";
const OFFER = "offer";

/** A leader's request to lead. */
export type Promotion = Extract<MemberRequest, { kind: "promotion" }>;

/** Keeps an offer, in the place of any other, until the network says that this node leads; sealed as it came. */
export function keepOffer(store: StateStore, request: Promotion | undefined): void {
  if (request !== undefined) {
    store.put(OFFERS, OFFER, encodeMeshMessage({ kind: "request", number: 1, request }));
  } else if (store.get(OFFERS, OFFER) !== undefined) store.delete(OFFERS, OFFER);
}

/** @returns the offer that was kept last, if it was not taken */
export function readOffer(store: StateStore): Promotion | undefined {
  const bytes = store.get(OFFERS, OFFER);
  const message = bytes && decodeMeshMessage(bytes);
  return message?.kind === "request" && message.request.kind === "promotion" ? message.request : undefined;
}

/** What a leader has, and how its writes are undone together. */
interface PromotionParts extends Pick<LeadershipOptions, "replica" | "random"> {
  readonly table: SliceTable;
  /** @throws TypeError on a node that is no leader */
  leader(): LeaderState;
  undoable<T>(body: () => T): T;
  /** Has the network know what this leader holds now. @returns what is new of it */
  stateOwn(): Signed | undefined;
}

/** What a leader does for a member that is to lead. Each method throws TypeError on a node that is no leader. */
export class Promotions {
  readonly #parts: PromotionParts;

  constructor(parts: PromotionParts) {
    this.#parts = parts;
  }

  /**
   * @param member who is to lead; not this node, and no device
   * @returns the request to send it; the same slice again until it has answered, for an hour
   */
  offer(member: MemberRecord): Promotion {
    const { table, random, replica, undoable, stateOwn } = this.#parts;
    const { signingKey, ledger } = this.#parts.leader();
    const { nodeId, publicKey } = member;
    const sealedSeed = sealFor(publicKey, SEED_LABEL, signingKey.exposeBytes(), random);
    const [slices, entries] = undoable(() => {
      // Once that time is over, what was set aside is anybody's.
      if (!table.has(nodeId)) ledger.settle(nodeId);
      const slices = ledger.cutFor(nodeId);
      return [slices, [stateOwn(), table.state(nodeId, signingKey, "reserved", slices.ranges)]] as const;
    });
    replica.publish({ ...NO_UPDATE, entries: present(entries) });
    return { kind: "promotion", sealedSeed, slices, recordVersion: member.version, isOffer: true };
  }

  /**
   * Has a member lead that has taken the offer.
   * @returns what others are to be sent; undefined when it is no member any more
   */
  confirm(member: MemberRecord): ReplicaUpdate | undefined {
    const { undoable } = this.#parts;
    const { admission, ledger } = this.#parts.leader();
    const known = this.#known(member);
    return undoable(() => {
      const signed = isLeader(known) ? NO_UPDATE : admission.amend(known, { roles: ["leader", "member"] });
      if (typeof signed === "string") return undefined;
      ledger.settle(member.nodeId);
      return "signed" in signed ? { ...NO_UPDATE, records: [signed.signed] } : signed;
    });
  }

  /** Takes back what was set aside for a member that has refused to lead. @returns what others are to be sent */
  withdraw({ nodeId }: { readonly nodeId: NodeId }): ReplicaUpdate {
    const { table, undoable, stateOwn } = this.#parts;
    const { signingKey, ledger } = this.#parts.leader();
    return undoable(() => {
      ledger.reclaim(nodeId);
      const entries = [table.state(nodeId, signingKey, "reserved", undefined), stateOwn()];
      return { ...NO_UPDATE, entries: present(entries) };
    });
  }

  /**
   * Has a member of a former release that has not answered lead never, however late it hears that it was asked to: what the
   * network says of it from now on outranks what it would sign itself. What was set aside for it stays so for an hour.
   * @param member as it was when it was asked
   * @returns what others are to be sent; undefined when it leads by now, and only its answer was lost
   */
  takeBack(member: MemberRecord): ReplicaUpdate | undefined {
    const { admission } = this.#parts.leader();
    const known = this.#known(member);
    if (isLeader(known)) return undefined;
    // One act is what it may have signed already.
    const enrolled = admission.amend({ ...known, version: versionOfAct(known.version) }, {
      roles: ["member"],
    });
    return typeof enrolled === "string" ? NO_UPDATE : { ...NO_UPDATE, records: [enrolled.signed] };
  }

  #known(member: MemberRecord): MemberRecord {
    return this.#parts.replica.roster.recordById(member.nodeId) ?? member;
  }
}

function present(entries: readonly (Signed | undefined)[]): readonly Signed[] {
  return entries.filter((entry) => entry !== undefined);
}
