/**
 * The entries of all origins: names, services, policies, and kinds that this version knows nothing of.
 * @module
 */

import { StateError, type StateStore, unixMillis } from "../../base/mod.ts";
import type { SigningKey, VerifyingKey } from "../../crypto/mod.ts";
import type { NodeId } from "../identity/mod.ts";
import {
  FULL_SHARES,
  MAX_NODE_ENTRY_BYTES,
  MAX_NODE_SPENT,
  MAX_NODE_SPENT_BYTES,
  maxEntriesOf,
  NETWORK_KINDS,
} from "./entry_bounds.ts";
import { type BudgetedOutcome, compareBytes } from "./merge_outcome.ts";
import { isPaused, MARK_SLOT } from "./network_clock.ts";
import type { OriginBudget } from "./origin_budget.ts";
import type { Roster, RosterOptions } from "./roster.ts";
import {
  ENTRY_LABEL,
  MAX_CLOCK_AHEAD_MS,
  MAX_ENTRY_LIFETIME_MS,
  MAX_PAYLOAD_BYTES,
  NetworkShards,
  type Origin,
  SHARDED_KINDS,
  type Signed,
  signEntry,
  type StateEntry,
} from "../records/mod.ts";

const ENTRIES = "entry";
/** What expired longer ago is forgotten; before, a clock may have been set wrong. */
const FORGET_AFTER_MS = 86_400_000;

/** What was signed, and the entry in it. */
interface BookEntry {
  readonly signed: Signed;
  readonly entry: StateEntry;
}

interface Sized {
  readonly entry: StateEntry;
  /** Of what was signed. */
  readonly lengthBytes: number;
}

/** Whose entries a book takes, and by which clock. */
export interface EntryBookOptions extends Required<Omit<RosterOptions, "base">> {
  /** Knows the keys of nodes. */
  readonly roster: Roster;
}

/** An entry to write; what is absent is chosen for it. */
export interface NewEntry extends Pick<StateEntry, "kind" | "key"> {
  /** Undefined takes the entry back. */
  readonly body: Uint8Array | undefined;
  /** At most 90 days, which it is when absent. */
  readonly lifetimeMs?: number;
}

/** It has come, gone or changed. */
export type EntryEvent = Pick<StateEntry, "kind" | "origin" | "key">;

/**
 * One entry for each origin, kind and key: the greatest in the order "higher version, then greater bytes". Of an origin
 * that has written too much, everybody keeps the same: of what is there, those whose `kind/key` comes first, and of what
 * was taken back, what was last. That follows from the entries alone, not from the order in which they come, so two
 * books that have sent each other everything are the same. An origin's share of bytes follows from how many origins
 * there are, in steps of two, so that all of them together are bounded.
 */
export class EntryBook {
  readonly #store: StateStore;
  readonly #options: EntryBookOptions;
  readonly #shards: NetworkShards;
  // The same as the store holds.
  readonly #byOrigin = new Map<Origin, Map<string, BookEntry>>();
  // Not polled yet, one for each entry.
  readonly #events = new Map<string, EntryEvent>();

  /** @throws StateError when what is stored is damaged */
  constructor(store: StateStore, options: EntryBookOptions) {
    this.#store = store;
    this.#options = options;
    this.#shards = NetworkShards.ofNetwork(options.networkId);
    this.reload();
  }

  /** Reads everything from the store again, for after a transaction that was undone. */
  reload(): void {
    const { reader } = this.#options;
    for (const [origin, slots] of [...this.#byOrigin]) {
      for (const slot of [...slots.keys()]) this.#drop(origin, slot);
    }
    for (const [key, bytes] of this.#store.entries(ENTRIES)) {
      const signed = reader.signed(bytes);
      const entry = signed && reader.entry(signed.payload);
      if (signed === undefined || entry === undefined) {
        throw new StateError(`Cannot read the entry ${key} from the state: it is damaged`);
      }
      this.#keep({ signed, entry });
    }
  }

  /**
   * Takes an entry in if its origin signed it and it is newer. Never throws on what it is offered.
   * @param budget what its origin may change; without one nothing is refused for that
   */
  merge(signed: Signed, budget?: OriginBudget): BudgetedOutcome {
    const { reader, networkId, clock } = this.#options;
    const entry = reader.entry(signed.payload);
    if (entry === undefined) return "rejected:malformed";
    if (entry.networkId !== networkId) return "rejected:network";
    const key = this.#keyOf(entry.origin);
    if (typeof key === "string") return key;
    if (NETWORK_KINDS.has(entry.kind) && entry.origin !== networkId) return "rejected:authority";
    const isSharded = SHARDED_KINDS.has(entry.kind);
    if (isSharded !== this.#shards.has(entry.origin)) return "rejected:authority";
    if (isSharded && entry.origin !== this.#shards.of(entry.key)) return "rejected:authority";
    const known = this.#byOrigin.get(entry.origin)?.get(slotOf(entry));
    if (known !== undefined) {
      const difference = entry.version - known.entry.version ||
        compareBytes(signed.payload, known.signed.payload);
      if (difference === 0) return "unchanged";
      if (difference < 0) return "rejected:replayed";
    }
    if (!this.#isGood(entry)) return "rejected:expired";
    if (entry.issuedAt > clock.wall() + MAX_CLOCK_AHEAD_MS) return "rejected:future";
    const tooMany = this.#overflow(entry, signed.payload.length);
    if (tooMany.includes(entry) && known === undefined) return "rejected:full";
    // Before the signature, which costs a hundred times as much as all that came before.
    // Leaders are believed to need what they write.
    const spending = this.#isNetwork(entry.origin) ? undefined : budget;
    if (spending?.allows(entry.origin) === false) return "rejected:throttled";
    if (!reader.isSignedBy(ENTRY_LABEL, signed, key)) return "rejected:signature";
    this.#store.transaction(() => {
      this.#store.put(ENTRIES, `${entry.origin}/${slotOf(entry)}`, reader.stored(signed));
      // It may be this one itself; then what it has replaced goes all the same.
      for (const other of tooMany) this.#store.delete(ENTRIES, `${entry.origin}/${slotOf(other)}`);
    });
    this.#keep({ signed, entry });
    for (const other of tooMany) this.#drop(entry.origin, slotOf(other));
    this.#note(entry);
    for (const other of tooMany) if (other !== entry) this.#note(other);
    spending?.spend(entry.origin, signed.payload.length);
    return known === undefined ? "added" : "updated";
  }

  /**
   * Writes an entry in the name of `origin`.
   * @returns it, to be sent to others; undefined when there is nothing to take back, or nothing differs and it is fresh
   * @throws RangeError when a field is out of bounds or the origin has too many entries
   */
  write(
    origin: Origin,
    signingKey: SigningKey,
    { kind, key, body, lifetimeMs }: NewEntry,
  ): Signed | undefined {
    const { networkId, clock } = this.#options;
    const known = this.#byOrigin.get(origin)?.get(`${kind}/${key}`)?.entry;
    const issuedAt = clock.wall();
    if (body === undefined && (known === undefined || known.isDeleted)) return undefined;
    const isFresh = known !== undefined &&
      known.expiresAt - issuedAt > (known.expiresAt - known.issuedAt) / 3;
    if (isFresh && body !== undefined && !known.isDeleted && compareBytes(body, known.body) === 0) {
      return undefined;
    }
    const end = issuedAt + (lifetimeMs ?? MAX_ENTRY_LIFETIME_MS);
    const entry: StateEntry = {
      networkId,
      origin,
      kind,
      key,
      // The wall clock, so that a node whose state was restored from a copy is not behind itself.
      version: Math.max((known?.version ?? 0) + 1, issuedAt),
      issuedAt,
      // What is taken back must not come back from somebody who was away.
      expiresAt: unixMillis(body === undefined ? Math.max(known?.expiresAt ?? 0, end) : end),
      isDeleted: body === undefined,
      body: body ?? new Uint8Array(0),
    };
    const signed = signEntry(entry, signingKey);
    if (body !== undefined && this.#overflow(entry, signed.payload.length).length > 0) {
      throw new RangeError(`Cannot write ${kind}/${key}: there are too many entries`);
    }
    const outcome = this.merge(signed);
    if (outcome === "added" || outcome === "updated") return signed;
    throw new RangeError(`Cannot write ${kind}/${key}: it is ${outcome}`);
  }

  /** @returns the origin under which the network's key signs an entry of this kind and key */
  networkOrigin(kind: string, key: string): Origin {
    return SHARDED_KINDS.has(kind) ? this.#shards.of(key) : this.#options.networkId;
  }

  /** @returns the entries of a kind whose origins are members, those that were taken back left out */
  list(kind: string): readonly StateEntry[] {
    const found: StateEntry[] = [];
    for (const [origin, slots] of this.#byOrigin) {
      if (!this.#isLive(origin)) continue;
      for (const { entry } of slots.values()) {
        if (entry.kind === kind && this.#isThere(entry)) found.push(entry);
      }
    }
    return found.sort((a, b) => a.key < b.key || (a.key === b.key && a.origin < b.origin) ? -1 : 1);
  }

  /** @returns the entry, or undefined when there is none, it was taken back, or its origin is no member */
  get(kind: string, origin: Origin, key: string): StateEntry | undefined {
    const entry = this.#byOrigin.get(origin)?.get(`${kind}/${key}`)?.entry;
    return entry !== undefined && this.#isThere(entry) && this.#isLive(origin) ? entry : undefined;
  }

  /** @returns the entry as it was signed, also one that was taken back */
  signedEntry(origin: Origin, kind: string, key: string): Signed | undefined {
    return this.#byOrigin.get(origin)?.get(`${kind}/${key}`)?.signed;
  }

  /** @returns the entries of one origin, whatever their kind */
  of(origin: Origin): readonly StateEntry[] {
    return [...this.#byOrigin.get(origin)?.values() ?? []].map(({ entry }) => entry)
      .filter((entry) => this.#isThere(entry));
  }

  /** @returns every entry as it was signed */
  signed(): Signed[] {
    return [...this.#byOrigin.values()].flatMap((slots) => [...slots.values()].map(({ signed }) => signed));
  }

  /** Forgets what expired long ago and what nodes wrote that were removed; early and repeated calls are harmless. */
  handleTimeout(): void {
    for (const [origin, slots] of this.#byOrigin) {
      const isGone = this.#keyOf(origin) === "rejected:revoked";
      for (const [slot, { entry }] of [...slots]) {
        if (isGone || !this.#isGood(entry, FORGET_AFTER_MS)) this.#remove(entry, slot);
      }
      if (this.#isSmall(origin, slots.size)) continue;
      // The shares have become smaller, or entries have passed from one sort to the other.
      const sized = Array.from(slots.values(), ({ entry, signed }) => {
        return { entry, lengthBytes: signed.payload.length };
      });
      for (const areThere of [true, false]) {
        const ofSort = sized.filter(({ entry }) => this.#isThere(entry) === areThere);
        for (const entry of this.#excess(origin, ofSort, areThere)) this.#remove(entry, slotOf(entry));
      }
    }
  }

  /** Forgets all that an origin has written, who is to write no more. */
  forget(origin: Origin): void {
    const slots = this.#byOrigin.get(origin);
    if (slots === undefined) return;
    this.#store.transaction(() => {
      for (const slot of slots.keys()) this.#store.delete(ENTRIES, `${origin}/${slot}`);
    });
    for (const { entry } of slots.values()) this.#note(entry);
    for (const slot of [...slots.keys()]) this.#drop(origin, slot);
  }

  /** @returns which entry has changed, at most one event for each; undefined when none has */
  pollEvent(): EntryEvent | undefined {
    const [first] = this.#events;
    if (first !== undefined) this.#events.delete(first[0]);
    return first?.[1];
  }

  #keyOf(origin: Origin): VerifyingKey | "rejected:unknown-node" | "rejected:revoked" {
    const { verifyingKey, roster } = this.#options;
    if (this.#isNetwork(origin)) return verifyingKey;
    const record = roster.recordById(origin as NodeId);
    if (record?.verifyingKey === undefined) return "rejected:unknown-node";
    return roster.isRevoked(record.publicKey) ? "rejected:revoked" : record.verifyingKey;
  }

  #isLive(origin: Origin): boolean {
    return this.#isNetwork(origin) || this.#options.roster.get(origin as NodeId) !== undefined;
  }

  /** Whether the network's key signs what is of this origin. */
  #isNetwork(origin: Origin): boolean {
    return origin === this.#options.networkId || this.#shards.has(origin);
  }

  #isThere(entry: StateEntry): boolean {
    return !entry.isDeleted && this.#isGood(entry);
  }

  /** Whether it has not expired for so long. */
  #isGood({ issuedAt, expiresAt }: StateEntry, agoMs = 0): boolean {
    return expiresAt + agoMs > this.#options.networkClock.nowFor(expiresAt - issuedAt);
  }

  /** @returns what has to go when `entry` is kept, which may be itself; nothing when there is room */
  #overflow(entry: StateEntry, lengthBytes: number): readonly StateEntry[] {
    const slot = slotOf(entry);
    const isThere = this.#isThere(entry);
    const slots = this.#byOrigin.get(entry.origin);
    if (slots === undefined || this.#isSmall(entry.origin, slots.size + 1)) return [];
    const others: Sized[] = [];
    for (const [otherSlot, { entry: other, signed }] of slots) {
      if (otherSlot === slot || this.#isThere(other) !== isThere) continue;
      others.push({ entry: other, lengthBytes: signed.payload.length });
    }
    return this.#excess(entry.origin, [...others, { entry, lengthBytes }], isThere);
  }

  /** @returns of entries of one origin and sort those that are over its bounds, the first to go first */
  #excess(origin: Origin, sized: Sized[], areThere: boolean): readonly StateEntry[] {
    const max = this.#maxEntries(origin, areThere);
    const maxBytes = this.#isNetwork(origin) ? Infinity : this.#shareBytes(areThere);
    let bytes = sized.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    const excess: StateEntry[] = [];
    while (sized.length - excess.length > max || bytes > maxBytes) {
      let last: Sized | undefined;
      for (const each of sized) {
        if (excess.includes(each.entry)) continue;
        if (last === undefined || this.#isKeptBefore(last.entry, each.entry)) last = each;
      }
      if (last === undefined) break;
      excess.push(last.entry);
      bytes -= last.lengthBytes;
    }
    return excess;
  }

  /** Whether so many entries are within all bounds, however long they are; most origins have a few. */
  #isSmall(origin: Origin, count: number): boolean {
    if (this.#isNetwork(origin)) return count <= this.#maxEntries(origin, false);
    return count <= MAX_NODE_SPENT && count * MAX_PAYLOAD_BYTES <= this.#shareBytes(false);
  }

  #maxEntries(origin: Origin, areThere: boolean): number {
    if (origin === this.#options.networkId) return maxEntriesOf("network", areThere);
    return maxEntriesOf(this.#shards.has(origin) ? "shard" : "node", areThere);
  }

  /** @returns bytes for each node; half as many whenever there are twice as many nodes as have a full share */
  #shareBytes(areThere: boolean): number {
    let nodes = this.#byOrigin.size;
    for (const shard of this.#shards) if (this.#byOrigin.has(shard)) nodes--;
    const doublings = Math.max(0, Math.ceil(Math.log2(nodes / FULL_SHARES)));
    return (areThere ? MAX_NODE_ENTRY_BYTES : MAX_NODE_SPENT_BYTES) / 2 ** doublings;
  }

  /** Both are there, or neither is. */
  #isKeptBefore(a: StateEntry, b: StateEntry): boolean {
    if (this.#isThere(a)) return slotOf(a) < slotOf(b);
    // What has expired is sent to nobody any more, and others may not have it.
    const isOldB = !this.#isGood(b);
    if (this.#isGood(a) === isOldB) return isOldB;
    return a.version > b.version || (a.version === b.version && slotOf(a) < slotOf(b));
  }

  #keep({ signed, entry }: BookEntry): void {
    const { reader, versions } = this.#options;
    const { origin, version, issuedAt, expiresAt } = entry;
    const slot = slotOf(entry);
    let slots = this.#byOrigin.get(origin);
    if (slots === undefined) this.#byOrigin.set(origin, slots = new Map());
    slots.set(slot, { signed, entry });
    versions.set(origin, {
      slot,
      version,
      mark: reader.mark(signed.payload),
      isFinal: false,
      expiresAt,
      isPaused: isPaused(expiresAt - issuedAt),
      signed,
    });
    if (slot === MARK_SLOT) this.#options.networkClock.note(origin, entry);
  }

  #remove(entry: StateEntry, slot: string): void {
    this.#store.delete(ENTRIES, `${entry.origin}/${slot}`);
    this.#drop(entry.origin, slot);
    this.#note(entry);
  }

  #drop(origin: Origin, slot: string): void {
    const slots = this.#byOrigin.get(origin);
    slots?.delete(slot);
    if (slots?.size === 0) this.#byOrigin.delete(origin);
    this.#options.versions.delete(origin, slot);
    if (slot === MARK_SLOT) this.#options.networkClock.note(origin, undefined);
  }

  #note({ kind, origin, key }: StateEntry): void {
    this.#events.set(`${origin}/${kind}/${key}`, { kind, origin, key });
  }
}

function slotOf({ kind, key }: StateEntry): string {
  return `${kind}/${key}`;
}
