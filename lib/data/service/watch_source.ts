/**
 * The changes of a collection as a stream of items, read from what the engine keeps as fast as the watcher reads: nothing
 * is queued for it.
 * @module
 */

import type { Timers } from "../../base/mod.ts";
import type { JsonValue } from "../../query/mod.ts";
import { MAX_ENTRIES, MAX_UNREAD_MS } from "../bounds.ts";
import { changedProperties } from "../documents.ts";
import type { Change, DataEngine, Document } from "../engine.ts";
import { DataError } from "../errors.ts";
import { told } from "./failure.ts";

/** While nothing changes a copy's rights are looked at so often, in milliseconds. */
const RIGHTS_MS = 1_000;

/** What a watch sends of one change. */
export interface ChangeItem {
  readonly revision: number;
  readonly key: string;
  readonly kind: "created" | "changed" | "deleted";
  /** The properties that have changed: what they were and are. */
  readonly properties: Readonly<Record<string, { readonly old?: JsonValue; readonly new?: JsonValue }>>;
  /** What the entry is now, or was when it was deleted. */
  readonly value: Document;
  /** Milliseconds since 1970, by the owner's clock. */
  readonly at: number;
}

/** All changes up to this revision have been told of. */
export interface ProgressItem {
  readonly revision: number;
  readonly kind: "progress";
  /**
   * To a copy: when the change of this revision was, by which another history of the owner is known. Not the first time
   * where what the copy has may not be what it may read.
   */
  readonly at?: number;
  /** To a copy: what decides about what it may read. What is told behind this is told by that. */
  readonly rights?: string;
}

/** What a copy is told besides changes. */
export interface CopyRights {
  /** What decides now about what it may read. */
  readonly now: () => string;
  /** Whether that can be compared with what another run of this node says. */
  readonly isLasting: boolean;
}

/** What a watch is to tell. */
export interface WatchRequest {
  readonly collection: string;
  /** The revision after which it begins. */
  readonly after: number;
  /** Whether a change is told of. */
  readonly isWanted: (change: Change) => boolean;
  /** Of one that follows as a copy. */
  readonly rights?: CopyRights;
  /** Called once, when the watch is over. */
  readonly onEnd: () => void;
}

/** @returns the items; what it throws is for the caller */
export function watchSource(
  engine: DataEngine,
  timers: Timers,
  { collection, after, isWanted, rights, onEnd }: WatchRequest,
): AsyncIterableIterator<ChangeItem | ProgressItem> {
  let wake = () => {};
  let isEnded = false;
  let isStuck = false;
  const end = () => {
    if (isEnded) return;
    isEnded = true;
    unfollow();
    onEnd();
  };
  const unfollow = engine.follow(collection, () => wake());
  // Set while an item waits to be read.
  let cancel = () => {};
  const offer = <Item>(item: Item): Item => {
    cancel = timers.setTimer(MAX_UNREAD_MS, () => {
      isStuck = true;
      end();
    });
    return item;
  };
  const checkTaken = (revision: number) => {
    cancel();
    if (!isStuck) return;
    throw new DataError(
      "WatchTooSlow",
      `Changes of ${collection} were not read for ${MAX_UNREAD_MS / 1_000} s`,
      {
        hint: "Watch again from the last revision that was read.",
        revision,
      },
    );
  };
  const items = read();
  // Who never reads has it no longer than who ceases to.
  offer(undefined);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => told(() => items.next()),
    // It may be waiting for a change, which need not come.
    return: () => {
      end();
      wake();
      return items.return(undefined);
    },
  };

  async function* read(): AsyncGenerator<ChangeItem | ProgressItem> {
    try {
      let last = after;
      let told = after;
      checkTaken(last);
      let known = rights?.now();
      let at = rights?.isLasting === true ? await timeOf(engine, collection, last) : undefined;
      const progress = (): ProgressItem => ({
        ...{ kind: "progress", revision: last },
        ...known !== undefined && { rights: known, ...at !== undefined && { at } },
      });
      yield offer(progress());
      checkTaken(last);
      for (;;) {
        const changed = new Promise<void>((resolve) => wake = resolve);
        const changes = await engine.changes(collection, last, MAX_ENTRIES);
        if (changes.length === 0) {
          const stop = rights && timers.setTimer(RIGHTS_MS, () => wake());
          await changed;
          stop?.();
          if (isEnded) return;
        }
        for (const change of changes) {
          // What has come to be hidden must not be passed over unsaid.
          if (rights !== undefined && rights.now() !== known) {
            known = rights.now();
            yield offer(progress());
            checkTaken(told = last);
          }
          ({ revision: last, at } = change);
          if (!isWanted(change)) continue;
          yield offer(itemOf(change));
          checkTaken(told = last);
        }
        // Who resumes need not read again what does not concern it.
        const now = rights?.now();
        if (told !== last || now !== known) {
          known = now;
          yield offer(progress());
          checkTaken(told = last);
        }
      }
    } finally {
      cancel();
      end();
    }
  }
}

/** @returns when the change of a revision was; undefined when it is not kept, or there is none */
async function timeOf(engine: DataEngine, collection: string, revision: number): Promise<number | undefined> {
  if (revision === 0) return undefined;
  try {
    const [change] = await engine.changes(collection, revision - 1, 1);
    return change?.revision === revision ? change.at : undefined;
  } catch (error) {
    if (error instanceof DataError && error.code === "Compacted") return undefined;
    throw error;
  }
}

function itemOf({ revision, key, old, new: now, at }: Change): ChangeItem {
  const kind = old === undefined ? "created" : now === undefined ? "deleted" : "changed";
  return { revision, key, kind, properties: changedProperties(old, now), value: now ?? old ?? {}, at };
}
