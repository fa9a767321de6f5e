/**
 * Which records belong to the chain of keys of one member, and what that means for each of them.
 * @module
 */

import {
  chainRootOf,
  isRemoval,
  type KeyChain,
  type KeyTag,
  keyTagOf,
  MAX_FORMER_KEYS,
  type MemberRecord,
  type Signed,
} from "../records/mod.ts";

/** What was signed, and the record in it. */
export interface RecordEntry {
  readonly signed: Signed;
  readonly record: MemberRecord;
}

/** What is known of a chain of keys, as the record that continues it has to say it. */
export type ChainSummary = Omit<KeyChain, "rotationsSpentUntil">;

/**
 * Follows from the set of records alone, in whatever order they came:
 *
 * - A chain is _removed_ when one of its records is a removal, or one of its keys has a removal of its own.
 * - Of a chain that is not, one record counts: the one of the highest generation, of several the one of the lowest key.
 * - A key that a record of another chain names counts in neither way, and neither does a chain that begins with it:
 *   a key that was replaced is never let in again, not by a leader either that did not know.
 * - A record is _covered_, and need not be kept, by a later one of its chain that names all it says. The direct
 *   predecessor is kept, so that whoever still uses it learns of its successor; a removal covers it too.
 */
export class KeyChains {
  /** The record of a key, whatever its chain. */
  readonly #recordOf: (key: KeyTag) => RecordEntry | undefined;
  /** By root: the records that say of which chain they are. */
  readonly #continued = new Map<KeyTag, Set<RecordEntry>>();
  /** By key: the roots of the chains that name it in such records. */
  readonly #claims = new Map<KeyTag, Map<KeyTag, number>>();
  /** Those that do not count, beside revoked ones. */
  readonly #dead = new Set<object>();

  readonly #base: KeyChains | undefined;

  /** @param base what is known in the beginning; it must not change from now on */
  constructor(recordOf: (key: KeyTag) => RecordEntry | undefined, base?: KeyChains) {
    this.#recordOf = recordOf;
    this.#base = base;
    this.reset();
  }

  /** Forgets all that it did not know in the beginning. */
  reset(): void {
    this.#continued.clear();
    this.#claims.clear();
    this.#dead.clear();
    const base = this.#base;
    if (base === undefined) return;
    for (const [root, entries] of base.#continued) this.#continued.set(root, new Set(entries));
    for (const [key, roots] of base.#claims) this.#claims.set(key, new Map(roots));
    for (const record of base.#dead) this.#dead.add(record);
  }

  /** Whether this record, one of those that `update` was told of, does not count although it is not revoked. */
  isDead(record: object): boolean {
    return this.#dead.size > 0 && this.#dead.has(record);
  }

  /** Whether a chain names this key as one of its own; its record may be gone. */
  isClaimed(key: KeyTag): boolean {
    return this.#claims.has(key);
  }

  /** Whether anything is known of the chain of this record. */
  isKnown(record: MemberRecord): boolean {
    return this.recordsOf(chainRootOf(record)).length > 0;
  }

  /** @returns the records of the chain that this key is of, the one that counts first; none for a key of no chain */
  chainOf(key: KeyTag): readonly RecordEntry[] {
    const [root = this.#rootOfRecord(key)] = this.#claims.get(key)?.keys() ?? [];
    return this.recordsOf(root).toSorted((a, b) => compareHeads(b, a));
  }

  /** Whether the whole chain of this record was removed. */
  isRemoved(record: MemberRecord): boolean {
    return this.#isRemoved(this.recordsOf(chainRootOf(record)));
  }

  /** @returns what a record says that continues the chain of this one; no former key when it is all there is */
  summary(record: MemberRecord): ChainSummary {
    const own = keyTagOf(record.publicKey);
    const root = chainRootOf(record);
    const entries = this.recordsOf(root).toSorted((a, b) => generationOf(a) - generationOf(b));
    const versions = new Map<KeyTag, number>();
    const note = (key: KeyTag, version: number) =>
      versions.set(key, Math.max(version, versions.get(key) ?? 0));
    for (const { record: { chain, publicKey, version, successor } } of entries) {
      chain?.formerKeys.forEach((key, i) => note(key, chain.formerVersions[i] ?? 1));
      // That it was replaced is a version of its own.
      note(keyTagOf(publicKey), successor === undefined ? version : Math.max(1, version - 1));
    }
    versions.delete(own);
    const former = [...versions].slice(-MAX_FORMER_KEYS);
    const generation = entries.reduce((most, entry) => Math.max(most, generationOf(entry)), 0) + 1;
    const [formerKeys, formerVersions] = [former.map(([key]) => key), former.map(([, version]) => version)];
    return { root, generation, formerKeys, formerVersions };
  }

  /** Whether a later record of its chain says all that this one says. */
  isCovered(entry: RecordEntry): boolean {
    for (const other of this.#continued.get(chainRootOf(entry.record)) ?? []) {
      if (covers(other, entry)) return true;
    }
    return false;
  }

  /** @returns the records that `entry` covers */
  coveredBy(entry: RecordEntry): readonly RecordEntry[] {
    if (entry.record.chain === undefined) return [];
    return this.recordsOf(entry.record.chain.root).filter((other) => covers(entry, other));
  }

  /**
   * Takes note that the record of a key has come, changed or gone; `recordOf` gives the new one already.
   * @returns the other records that count now and did not, or the other way round
   */
  update(former: RecordEntry | undefined, entry: RecordEntry | undefined): readonly RecordEntry[] {
    const keys = new Set<KeyTag>();
    for (const { record } of [former, entry].filter((each) => each !== undefined)) {
      for (const key of keysOf(record)) keys.add(key);
    }
    const roots = new Set(keys);
    this.#addClaimants(keys, roots);
    if (former !== undefined) {
      this.#dead.delete(former.record);
      this.#drop(former);
    }
    if (entry !== undefined) this.#add(entry);
    this.#addClaimants(keys, roots);
    const changed: RecordEntry[] = [];
    for (const root of roots) this.#judge(root, changed);
    return changed.filter((each) => each !== entry);
  }

  #addClaimants(keys: ReadonlySet<KeyTag>, roots: Set<KeyTag>): void {
    for (const key of keys) for (const root of this.#claims.get(key)?.keys() ?? []) roots.add(root);
  }

  /** The records of one chain: those that say so, and that of its first key when it says nothing else. */
  recordsOf(root: KeyTag): RecordEntry[] {
    const first = this.#recordOf(root);
    const entries = [...this.#continued.get(root) ?? []];
    if (first !== undefined && first.record.chain === undefined) entries.push(first);
    return entries;
  }

  #judge(root: KeyTag, changed: RecordEntry[]): void {
    // Most members have had one key only.
    if (!this.#continued.has(root) && !this.#claims.has(root)) {
      const only = this.#recordOf(root);
      if (only !== undefined && only.record.chain === undefined) this.#mark(only, false, changed);
      return;
    }
    const entries = this.recordsOf(root);
    const isRemoved = this.#isForeign(root, root) || this.#isRemoved(entries);
    const head = entries.reduce<RecordEntry | undefined>(
      (best, entry) => best === undefined || compareHeads(entry, best) > 0 ? entry : best,
      undefined,
    );
    for (const entry of entries) {
      const counts = !isRemoved && entry === head && !this.#isForeign(keyTagOf(entry.record.publicKey), root);
      this.#mark(entry, !counts, changed);
    }
  }

  #mark(entry: RecordEntry, isDead: boolean, changed: RecordEntry[]): void {
    if (this.#dead.has(entry.record) === isDead) return;
    if (isDead) this.#dead.add(entry.record);
    else this.#dead.delete(entry.record);
    changed.push(entry);
  }

  #isRemoved(entries: readonly RecordEntry[]): boolean {
    return entries.some(({ record }) =>
      isRemoval(record) || keysOf(record).some((key) => {
        const named = this.#recordOf(key)?.record;
        return named !== undefined && isRemoval(named);
      })
    );
  }

  /** Whether another chain names this key. */
  #isForeign(key: KeyTag, root: KeyTag): boolean {
    for (const other of this.#claims.get(key)?.keys() ?? []) if (other !== root) return true;
    return false;
  }

  #rootOfRecord(key: KeyTag): KeyTag {
    const known = this.#recordOf(key);
    return known === undefined ? key : chainRootOf(known.record);
  }

  #add(entry: RecordEntry): void {
    const { record } = entry;
    if (record.chain === undefined) return;
    const { root } = record.chain;
    const entries = this.#continued.get(root) ?? new Set();
    this.#continued.set(root, entries.add(entry));
    for (const key of keysOf(record)) {
      const roots = this.#claims.get(key) ?? new Map<KeyTag, number>();
      this.#claims.set(key, roots.set(root, (roots.get(root) ?? 0) + 1));
    }
  }

  #drop(entry: RecordEntry): void {
    const { record } = entry;
    if (record.chain === undefined) return;
    const { root } = record.chain;
    const entries = this.#continued.get(root);
    if (!entries?.delete(entry)) return;
    if (entries.size === 0) this.#continued.delete(root);
    for (const key of keysOf(record)) {
      const roots = this.#claims.get(key);
      const count = (roots?.get(root) ?? 1) - 1;
      if (count > 0) roots?.set(root, count);
      else if (roots?.delete(root) && roots.size === 0) this.#claims.delete(key);
    }
  }
}

/** @returns every key that a record names, each once */
function keysOf({ publicKey, chain }: MemberRecord): readonly KeyTag[] {
  const own = keyTagOf(publicKey);
  return chain === undefined ? [own] : [...new Set([own, chain.root, ...chain.formerKeys])];
}

function generationOf({ record: { chain } }: RecordEntry): number {
  return chain?.generation ?? 0;
}

/** @returns above 0 when `a` is the one of the two that counts */
function compareHeads(a: RecordEntry, b: RecordEntry): number {
  return generationOf(a) - generationOf(b) ||
    (keyTagOf(a.record.publicKey) < keyTagOf(b.record.publicKey) ? 1 : -1);
}

/** Both are of one chain. */
function covers(later: RecordEntry, { record }: RecordEntry): boolean {
  const { chain } = later.record;
  const generation = record.chain?.generation ?? 0;
  if (chain === undefined || chain.generation <= generation) return false;
  const ends = isRemoval(later.record);
  if (isRemoval(record) && !ends) return false;
  const { formerKeys } = chain;
  const key = keyTagOf(record.publicKey);
  if (!ends && formerKeys.at(-1) === key) return false;
  // Then it may have forgotten the oldest.
  if (formerKeys.length === MAX_FORMER_KEYS) return true;
  const own = keyTagOf(later.record.publicKey);
  return formerKeys.includes(key) &&
    (record.chain?.formerKeys ?? []).every((each) => each === own || formerKeys.includes(each));
}
