/**
 * Everything that all members agree on: the roster, and the entries beside it.
 * @module
 */

import { Counters, equalBytes, type StateStore } from "../../base/mod.ts";
import { EntryBook, type EntryEvent } from "./entry_book.ts";
import { OriginBudget } from "./origin_budget.ts";
import {
  emptyUpdate,
  NO_UPDATE,
  PLAIN_READER,
  type ReplicaUpdate,
  type Signed,
  type SignedReader,
  updateSize,
} from "../records/mod.ts";
import { type BudgetedOutcome, MERGE_REFUSALS, type MergeRefusal } from "./merge_outcome.ts";
import { NetworkClock } from "./network_clock.ts";
import { Roster, type RosterBase, type RosterOptions } from "./roster.ts";
import { isAboutStatement, type RosterEvent } from "./roster_event.ts";
import { type BucketPool, VersionIndex } from "../versions/mod.ts";

/** A change that is pushed comes by a dozen links; of so few items it is asked first whether they are here already. */
const FEW_ITEMS = 4;
const NOTHING_NEW: MergeResult = { changes: NO_UPDATE, rejected: 0, isForged: false };

/** Why something that a member sent was refused; each reason is counted. */
export type UpdateRefusal = MergeRefusal | "throttled" | "oversized" | "unreadable";

/** What came of an update. */
export interface MergeResult {
  /** What was new in it, which is worth passing on. */
  readonly changes: ReplicaUpdate;
  /** How many items an honest member would not have sent. */
  readonly rejected: number;
  /** Whether a signature was false: nobody honest passes such a thing on. The rest of the update was not looked at. */
  readonly isForged: boolean;
}

/** What follows a replica; each method is called in the turn in which changes are published or delivered. */
export interface ReplicaSubscriber {
  /** This node has changed something: others are to be sent it. */
  handleOwnUpdate?(update: ReplicaUpdate): void;
  /** An entry has come, gone or changed. */
  handleEntryEvent?(event: EntryEvent): void;
  /** A member has come, gone or changed. */
  handleRosterEvent?(event: RosterEvent): void;
  /** Members have come, gone or changed; once, after the events that say which. */
  handleMembersChange?(): void;
}

/** What a replica begins with, when many in one process begin with the same. */
export interface ReplicaBase extends Pick<RosterBase, "changes"> {
  /** It has no entries, and must not change any more. */
  readonly replica: Replica;
  /** The same one for all of them. */
  readonly pool: BucketPool;
}

/** Whose records a replica takes, by which clock, and what it begins with. */
export interface ReplicaOptions extends Omit<RosterOptions, "versions" | "base"> {
  /** What the store holds but for `changes`; absent when that is unknown. */
  readonly base?: ReplicaBase;
}

/** One node's copy. What is merged into it is in its store when the call returns. */
export class Replica {
  readonly roster: Roster;
  readonly entries: EntryBook;
  readonly versions: VersionIndex;
  /** By which records expire, and entries that are good for a month or more. */
  readonly networkClock: NetworkClock;
  /** What was refused since this process started. */
  readonly refusals: Counters<UpdateRefusal> = new Counters([
    ...MERGE_REFUSALS,
    "throttled",
    "oversized",
    "unreadable",
  ]);
  readonly #store: StateStore;
  readonly #reader: SignedReader;
  readonly #budget: OriginBudget;
  readonly #subscribers = new Set<ReplicaSubscriber>();
  #isDelivering = false;

  /** @throws StateError when what is stored is damaged */
  constructor(store: StateStore, { base, ...options }: ReplicaOptions) {
    this.#store = store;
    this.#budget = new OriginBudget(options.clock);
    const versions = this.versions = new VersionIndex(
      base && { versions: base.replica.versions, pool: base.pool },
    );
    const networkClock = this.networkClock = new NetworkClock(options.clock, options.networkId);
    const reader = this.#reader = options.reader ?? PLAIN_READER;
    const rosterBase = base && { base: { roster: base.replica.roster, changes: base.changes } };
    this.roster = new Roster(store, { ...options, reader, versions, networkClock, ...rosterBase });
    const { roster } = this;
    this.entries = new EntryBook(store, { ...options, reader, versions, networkClock, roster });
    // By which time records expire stood among the entries.
    roster.beginEvents();
  }

  /**
   * Merges an update in one transaction, records first. The first false signature ends it, because each costs a
   * check that is a hundred times dearer than what it costs to send one. Of an origin that changes more than it may,
   * the excess waits: it is asked for again when versions are compared.
   * @throws StateError when the store is full or broken; then nothing has changed
   */
  merge(update: ReplicaUpdate): MergeResult {
    if (updateSize(update) <= FEW_ITEMS && this.#holds(update)) return NOTHING_NEW;
    const changes = emptyUpdate();
    const { roster, entries } = this;
    let rejected = 0;
    /** @returns whether to go on */
    const note = (signed: Signed, outcome: BudgetedOutcome, fresh: Signed[]): boolean => {
      if (outcome === "added" || outcome === "updated") fresh.push(signed);
      else if (outcome !== "unchanged") {
        this.refusals.count(outcome.slice("rejected:".length) as UpdateRefusal);
        // What is only old has crossed with something newer on its way, and nobody answers for what others write.
        if (outcome !== "rejected:replayed" && outcome !== "rejected:throttled") rejected++;
      }
      return outcome !== "rejected:signature";
    };
    try {
      const isForged = this.#store.transaction(() => {
        const isForged = !update.records.every((signed) =>
          note(signed, roster.merge(signed), changes.records)
        ) ||
          !update.statements.every((signed) =>
            note(signed, roster.mergeStatement(signed, this.#budget), changes.statements)
          ) ||
          !update.entries.every((signed) =>
            note(signed, entries.merge(signed, this.#budget), changes.entries)
          );
        this.#forgetEnded();
        return isForged;
      });
      return { changes, rejected, isForged };
    } catch (error) {
      this.reload();
      throw error;
    }
  }

  /** Has a subscriber follow what changes from now on. @returns a function that ends it; harmless when repeated */
  subscribe(subscriber: ReplicaSubscriber): () => void {
    this.#subscribers.add(subscriber);
    return () => void this.#subscribers.delete(subscriber);
  }

  /** Has others be sent what this node has changed in its replica, and delivers the events of it. */
  publish(update: ReplicaUpdate): void {
    this.#forgetEnded();
    for (const subscriber of this.#subscribers) subscriber.handleOwnUpdate?.(update);
    this.deliverEvents();
  }

  /**
   * Hands subscribers what has changed since the last time: entries, then members, until nothing changes any more. A
   * subscriber may publish: what it changes is delivered after what is being delivered, not within it.
   */
  deliverEvents(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    try {
      while (this.#deliverRound());
    } finally {
      this.#isDelivering = false;
    }
  }

  /** Whether this is a record that cuts somebody off. */
  isRevocation(signed: Signed): boolean {
    return this.#reader.record(signed.payload)?.revoked ?? false;
  }

  /** Reads everything from the store again, for after a transaction that was undone. */
  reload(): void {
    this.versions.reset();
    // The entries say by which time records expire.
    this.entries.reload();
    this.roster.reload();
  }

  /** @returns everything that another member may lack, revocations included */
  snapshot(): ReplicaUpdate {
    return { ...this.roster.signed(), entries: this.entries.signed() };
  }

  /** Takes note of what has expired; early and repeated calls are harmless. */
  handleTimeout(): void {
    this.roster.handleTimeout();
    this.entries.handleTimeout();
  }

  /** What was written under keys that are gone would be kept for nobody, and a rotation begins anew. */
  #forgetEnded(): void {
    for (const nodeId of this.roster.takeEnded()) this.entries.forget(nodeId);
  }

  /** Whether all of this is here already, byte for byte. */
  #holds({ records, statements, entries }: ReplicaUpdate): boolean {
    const reader = this.#reader;
    for (const signed of statements) {
      const statement = reader.statement(signed.payload);
      if (!isSame(statement && this.roster.signedStatement(statement.nodeId), signed)) return false;
    }
    for (const signed of records) {
      const record = reader.record(signed.payload);
      if (!isSame(record && this.roster.signedRecord(record.nodeId), signed)) return false;
    }
    for (const signed of entries) {
      const entry = reader.entry(signed.payload);
      if (!isSame(entry && this.entries.signedEntry(entry.origin, entry.kind, entry.key), signed)) {
        return false;
      }
    }
    return true;
  }

  /** @returns whether there was anything to deliver */
  #deliverRound(): boolean {
    const { roster, entries } = this;
    const subscribers = this.#subscribers;
    let hadEvents = false;
    let haveMembersChanged = false;
    for (let event = entries.pollEvent(); event !== undefined; event = entries.pollEvent()) {
      hadEvents = true;
      for (const subscriber of subscribers) subscriber.handleEntryEvent?.(event);
    }
    for (let event = roster.pollEvent(); event !== undefined; event = roster.pollEvent()) {
      hadEvents = true;
      haveMembersChanged ||= !isAboutStatement(event);
      for (const subscriber of subscribers) subscriber.handleRosterEvent?.(event);
    }
    if (haveMembersChanged) { for (const subscriber of subscribers) subscriber.handleMembersChange?.(); }
    return hadEvents;
  }
}

/** Whether it says the same as what is kept; whose signature it has beside that does not matter. */
function isSame(kept: Signed | undefined, { payload }: Signed): boolean {
  return kept !== undefined && equalBytes(kept.payload, payload);
}
