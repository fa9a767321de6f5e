/**
 * What a copy has of one owner's entries: all of them as they were at one revision, and since when that is known. It reads no
 * clock and calls nobody.
 *
 * ```
 *   handleOpened ─▶ resumed ──────────────────────────────────────────────▶ following
 *        └────────▶ to be filled ─ handlePage … handleListed ─ handleState ──▶ following: all at once
 *   handleChange, handleProgress move the position on, while it is filled too
 *   handleState: the owner was at a revision when it was asked; the copy is of then once its position is there
 * ```
 *
 * Pages are read while changes come, each a little later than the one before. So of two that tell of one key the higher
 * revision counts, deletions are remembered while it is filled, and what is made is shown when its position has come to where
 * the owner was after the last page.
 * @module
 */

import type { Document } from "../../engine.ts";
import { DataError } from "../../errors.ts";

/** One entry of a copy. */
export interface CopyRow {
  readonly key: string;
  /** Frozen. */
  readonly value: Document;
  readonly revision: number;
  /** In bytes, about: two for a character of its JSON. */
  readonly size: number;
}

/** What has become of one key. */
export interface CopyChange {
  readonly revision: number;
  readonly key: string;
  /** Undefined where there is none any more that is wanted. */
  readonly row: CopyRow | undefined;
}

/** Where an owner's watch is, as it says itself. */
export interface WatchPlace {
  readonly revision: number;
  /** When the change of that revision was; undefined where the owner does not say. */
  readonly at?: number | undefined;
  readonly rights?: string | undefined;
}

/** What all states of one copy may hold together. */
export class CopyRoom {
  readonly #maxRows: number;
  readonly #maxBytes: number;
  #rows = 0;
  #bytes = 0;

  constructor(maxRows: number, maxBytes: number) {
    this.#maxRows = maxRows;
    this.#maxBytes = maxBytes;
  }

  /** @throws DataError with code `TooLarge` */
  take(rows: number, bytes: number): void {
    this.#rows += rows;
    this.#bytes += bytes;
    const isMore = rows > 0 || bytes > 0;
    if (!isMore || (this.#rows <= this.#maxRows && this.#bytes <= this.#maxBytes)) return;
    throw new DataError(
      "TooLarge",
      `The copy would have more than ${this.#maxRows} entries, or ${this.#maxBytes} bytes`,
      { hint: "Copy less of it by `where`, or let the copy have more by `maxRows` and `maxBytes`." },
    );
  }
}

/** Entries while they are gathered, and what they take. */
class CopyRows {
  readonly rows = new Map<string, CopyRow>();
  /** Revisions at which keys came to be not there, as long as pages may come that are older. */
  readonly gone = new Map<string, number>();
  readonly #room: CopyRoom;
  #bytes = 0;
  #isReleased = false;

  constructor(room: CopyRoom) {
    this.#room = room;
  }

  /** @throws DataError with code `TooLarge` */
  put(row: CopyRow): void {
    const before = this.rows.get(row.key);
    if ((before?.revision ?? this.gone.get(row.key) ?? -1) >= row.revision) return;
    this.rows.set(row.key, row);
    if (this.gone.delete(row.key)) this.#take(-1, 0);
    this.#take(before === undefined ? 1 : 0, row.size - (before?.size ?? 0));
  }

  remove(key: string, revision: number, isRemembered: boolean): void {
    const before = this.rows.get(key);
    if (before !== undefined && before.revision >= revision) return;
    if (this.rows.delete(key)) this.#take(-1, -(before?.size ?? 0));
    if (!isRemembered) return;
    if (!this.gone.has(key)) this.#take(1, 0);
    this.gone.set(key, revision);
  }

  forgetGone(): void {
    this.#take(-this.gone.size, 0);
    this.gone.clear();
  }

  /** Gives back what it takes, once; it changes no more. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#room.take(-(this.rows.size + this.gone.size), -this.#bytes);
  }

  #take(rows: number, bytes: number): void {
    this.#bytes += bytes;
    this.#room.take(rows, bytes);
  }
}

/** The copy of one owner's entries. */
export class CopyState {
  readonly #room: CopyRoom;
  #shown: CopyRows | undefined;
  /** While it is filled. */
  #next: CopyRows | undefined;
  #isListed = false;
  #place: WatchPlace | undefined;
  #needsFill = true;
  /** Since when what is shown is known to be so, and what would make that later. */
  #asOf: number | undefined;
  #asked: { readonly at: number; readonly revision: number } | undefined;

  constructor(room: CopyRoom) {
    this.#room = room;
  }

  /** What is shown, by key; undefined until it was filled. */
  get rows(): ReadonlyMap<string, CopyRow> | undefined {
    return this.#shown?.rows;
  }

  /** What is shown was so at this time, or later: one that `handleState` was given. */
  get asOf(): number | undefined {
    return this.#asOf;
  }

  /** The revision after which the owner is to tell of changes; undefined for from now on, to be filled. */
  get resumeAfter(): number | undefined {
    return this.#needsFill ? undefined : this.#place?.revision;
  }

  /** Whether what is known can't be gone on from: the watch is to be opened anew, without a revision. */
  get needsFill(): boolean {
    return this.#needsFill;
  }

  /** Whether all entries are to be read: the watch stands for that. */
  get isFilling(): boolean {
    return this.#next !== undefined;
  }

  /**
   * The owner tells of changes from here on.
   * @returns what is to be done: go on, read all entries, or open the watch anew without a revision
   */
  handleOpened(place: WatchPlace): "resumed" | "fill" | "reopen" {
    this.#asked = undefined;
    if (this.#needsFill) {
      this.#drop();
      this.#next = new CopyRows(this.#room);
      // Of the two only what is made counts: else nothing of more than half of the room could be filled anew.
      this.#shown?.release();
      this.#isListed = false;
      this.#place = place;
      this.#needsFill = false;
      return "fill";
    }
    const known = this.#place;
    const isSame = known?.revision === place.revision && known.rights === place.rights &&
      (place.revision === 0 || (place.at !== undefined && known.at === place.at));
    if (isSame) return "resumed";
    this.#needsFill = true;
    return "reopen";
  }

  /** Entries as they were some time after it was opened. @throws DataError with code `TooLarge` */
  handlePage(rows: readonly CopyRow[]): void {
    for (const row of rows) this.#next?.put(row);
  }

  /** All entries were read; a state that is asked for from now on says where that ended. */
  handleListed(): void {
    this.#isListed = true;
    this.#asked = undefined;
  }

  /** @throws DataError with code `TooLarge` */
  handleChange({ revision, key, row }: CopyChange, at: number): void {
    const rows = this.#next ?? this.#shown;
    if (row === undefined) rows?.remove(key, revision, this.#next !== undefined);
    else rows?.put(row);
    this.#place = { ...this.#place, revision, at };
    this.#settle();
  }

  /** Nothing that is wanted was changed up to here. With other rights everything is to be read anew. */
  handleProgress(place: WatchPlace): void {
    if (place.rights !== this.#place?.rights) this.#needsFill = true;
    this.#place = place;
    this.#settle();
  }

  /**
   * The owner has said at which revision it is.
   * @param askedAt when it was asked, by the reader's clock
   * @param position where this was then
   */
  handleState(askedAt: number, position: number | undefined, revision: number): void {
    // An owner that has come back from a backup.
    if (position !== undefined && revision < position) {
      this.#needsFill = true;
      return;
    }
    // What was asked earlier comes to be true first.
    if (this.#asked === undefined || revision <= this.#asked.revision) {
      this.#asked = { at: askedAt, revision };
    }
    this.#settle();
  }

  /** The revision up to which everything was told. */
  get position(): number | undefined {
    return this.#place?.revision;
  }

  /** The link is lost: it goes on from where it was, unless it was not whole yet. */
  handleLost(): void {
    this.#asked = undefined;
    if (this.#next === undefined) return;
    this.#drop();
    this.#needsFill = true;
  }

  /** Has nothing any more, and is to be filled. */
  empty(): void {
    this.#drop();
    this.#shown?.release();
    this.#shown = undefined;
    this.#asOf = undefined;
    this.#place = undefined;
    this.#needsFill = true;
  }

  /** Everything is to be read anew; what is shown stays until then. */
  refill(): void {
    this.#needsFill = true;
  }

  #settle(): void {
    const asked = this.#asked;
    if (asked === undefined || this.#needsFill || (this.#place?.revision ?? 0) < asked.revision) return;
    if (this.#next !== undefined) {
      if (!this.#isListed) return;
      this.#next.forgetGone();
      this.#shown = this.#next;
      this.#next = undefined;
    }
    this.#asked = undefined;
    this.#asOf = Math.max(this.#asOf ?? -Infinity, asked.at);
  }

  /** Ends what is being filled. */
  #drop(): void {
    if (this.#next === undefined) return;
    this.#next.release();
    this.#next = undefined;
  }
}
