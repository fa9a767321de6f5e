/**
 * What one member has of one sharded collection: the layout that it goes by, and its copies.
 * @module
 */

import type { Clock, Timers } from "../../base/mod.ts";
import type { MessagePolicy, PeerId, ServiceDefinition } from "../../service/mod.ts";
import type { CopyStore, DataEngine, TransactionStore } from "../engine.ts";
import { collectionService, CommitRights, type RightsPeers } from "../service/mod.ts";
import {
  canFollow,
  isSameSpread,
  type LayoutSignatures,
  membersOf,
  type ShardLayout,
  type ShardRecord,
} from "./layout/mod.ts";
import type { CallMember, MemberStatus } from "./messages.ts";
import { copyName, ShardCopy } from "./shard_copy.ts";
import { ShardEngine } from "./shard_engine.ts";
import { type LayoutNote, newest, NO_NOTE, type ShardNotes } from "./shard_notes.ts";
import type { TermStart } from "./term_starts.ts";

/** What the sharded collections of a member share. */
export interface HeldParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly peers: RightsPeers;
  readonly policy: MessagePolicy;
  readonly engine: DataEngine;
  readonly copies: CopyStore;
  readonly notes: ShardNotes;
  readonly signatures: Pick<LayoutSignatures, "mayTake">;
  readonly call: CallMember;
  /** How many watches there are, of each caller. */
  readonly watches: Map<PeerId | undefined, number>;
}

/** A copy, and the services by which it answers. */
export interface HeldShard {
  readonly copy: ShardCopy;
  /** As its owner. */
  readonly fresh: ServiceDefinition;
  /** What of transactions over several places is there. */
  readonly transactions: TransactionStore | undefined;
  /** As one that follows, too. */
  readonly cached: ServiceDefinition;
}

/** A sharded collection, as far as one member has it. */
export class HeldCollection {
  readonly name: string;
  readonly #parts: HeldParts;
  readonly #shards = new Map<number, HeldShard>();
  #note: LayoutNote;
  /** One change after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(parts: HeldParts, name: string, note: LayoutNote = NO_NOTE) {
    this.#parts = parts;
    this.name = name;
    this.#note = note;
  }

  /** The layout that this member goes by. */
  get layout(): ShardLayout | undefined {
    return this.#note.layout;
  }

  /** The generation that it has promised to wait for. */
  get promised(): number {
    return this.#note.promised;
  }

  /** The newest layout that it has seen; it may not be decided. */
  get newest(): ShardLayout | undefined {
    return newest(this.#note.layout, this.#note.kept);
  }

  /** The copies that it has, by the numbers of their shards. */
  get shards(): ReadonlyMap<number, HeldShard> {
    return this.#shards;
  }

  shard(shard: number): HeldShard | undefined {
    return this.#shards.get(shard);
  }

  /** Goes on with the copies of an earlier run. */
  async resume(starts: ReadonlyMap<string, readonly TermStart[]>): Promise<void> {
    const { layout } = this.#note;
    for (const [shard, record] of layout?.shards.entries() ?? []) {
      if (layout === undefined || !membersOf(record).includes(this.#parts.peers.self)) continue;
      await this.#hold(layout, shard, record, starts.get(copyName(this.name, shard)) ?? [], false);
    }
  }

  async status(): Promise<MemberStatus> {
    const { generation = 0, version = 0 } = this.#note.layout ?? {};
    const copies = await Promise.all(Array.from(this.#shards.values(), ({ copy }) => copy.status()));
    return { generation, version, copies };
  }

  /** Takes nothing of an earlier generation from now on. @returns what it keeps; undefined when it has promised a later one */
  promise(generation: number): Promise<LayoutNote | undefined> {
    return this.#inTurn(async () => {
      const { promised } = this.#note;
      if (generation <= promised || !canFollow(generation, promised)) return undefined;
      await this.#setNote({ ...this.#note, promised: generation });
      return this.#note;
    });
  }

  /** Keeps a layout for who comes later. @returns whether it did */
  keep(layout: ShardLayout): Promise<boolean> {
    return this.#inTurn(async () => {
      if (!this.#mayTake(layout)) return false;
      const kept = newest(this.newest, layout);
      await this.#setNote({ ...this.#note, promised: layout.generation, kept });
      return true;
    });
  }

  /**
   * Goes by a layout that was decided.
   * @param released shards whose last owners answer no more
   * @param only only these shards change owner now; all unless given
   * @returns whether it did: not when there is a later one
   */
  apply(layout: ShardLayout, released: readonly number[], only?: readonly number[]): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#isClosed || !this.#mayTake(layout)) return false;
      if (newest(this.#note.layout, layout) !== layout && !isSame(layout, this.#note.layout)) return false;
      const kept = newest(this.#note.kept, layout);
      await this.#setNote({ promised: layout.generation, kept, layout });
      const { self } = this.#parts.peers;
      const changes = layout.shards.map(async (record, shard) => {
        if (only?.includes(shard) === false) return;
        const held = this.#shards.get(shard);
        if (!membersOf(record).includes(self)) await this.#drop(shard);
        else if (held === undefined) await this.#hold(layout, shard, record, [], true);
        else if (JSON.stringify(held.copy.record) !== JSON.stringify(record)) {
          await held.copy.handleRecord(record, released.includes(shard));
        }
      });
      await Promise.all(changes);
      return true;
    });
  }

  /** Forgets all of it. */
  async drop(): Promise<void> {
    this.close();
    for (const shard of [...this.#shards.keys()]) await this.#drop(shard);
    await this.#parts.notes.forget(this.name);
  }

  /** Answers no more. */
  close(): void {
    this.#isClosed = true;
    for (const { copy } of this.#shards.values()) copy.close();
  }

  /** Not what comes before a promise, is out of all bounds, another collection by the same name, or not signed by its home. */
  #mayTake(layout: ShardLayout): boolean {
    const { promised } = this.#note;
    const { newest } = this;
    return layout.generation >= promised && canFollow(layout.generation, promised) &&
      (newest === undefined || isSameSpread(layout, newest)) &&
      // The last one, since it costs most.
      this.#parts.signatures.mayTake(layout, [newest, this.#note.layout]);
  }

  async #setNote(note: LayoutNote): Promise<void> {
    if (JSON.stringify(note) === JSON.stringify(this.#note)) return;
    await this.#parts.notes.noteLayout(this.name, note);
    this.#note = note;
  }

  async #hold(
    layout: ShardLayout,
    shard: number,
    record: ShardRecord,
    starts: readonly TermStart[],
    isNew: boolean,
  ): Promise<void> {
    const { peers, engine, copies, notes } = this.#parts;
    const { spec, options: { durability, count } } = layout;
    const stored = copyName(this.name, shard);
    if (isNew) await engine.drop(stored);
    await engine.create({ ...spec, name: stored });
    const copy = new ShardCopy(
      {
        ...this.#parts,
        ...{ self: () => peers.self, spec, shard, durability },
        noteStarts: (starts) => notes.noteStarts(stored, starts),
      },
      record,
      starts,
      isNew,
    );
    const parts = { engine, copies, spec, count };
    const rights = new CommitRights({ ...this.#parts, specOf: () => spec, mayCommit: () => false });
    const service = (engine: ShardEngine) =>
      collectionService(
        { ...this.#parts, engine, rights },
        spec,
      );
    const fresh = new ShardEngine(parts, copy);
    this.#shards.set(shard, {
      copy,
      fresh: service(fresh),
      transactions: fresh.prepared,
      cached: service(new ShardEngine(parts, copy, true)),
    });
  }

  async #drop(shard: number): Promise<void> {
    const { engine, notes } = this.#parts;
    const held = this.#shards.get(shard);
    if (held === undefined) return;
    held.copy.close();
    this.#shards.delete(shard);
    await engine.drop(held.copy.stored);
    await engine.drop(`${held.copy.stored}.next`);
    await notes.forget(held.copy.stored);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

function isSame(a: ShardLayout, b: ShardLayout | undefined): boolean {
  return a.generation === b?.generation && a.version === b.version;
}
