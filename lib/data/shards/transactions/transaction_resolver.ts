/**
 * Ends what the client of a transaction over several places has left behind: parts ask the owner of their record how it has
 * ended, and who owns a record asks its parts whether all of them know.
 *
 * @module
 */

import { type Clock, type Environment, repeat } from "../../../base/mod.ts";
import type { CommitPlace, OpenTransaction, Outcome, TransactionStore } from "../../engine.ts";
import { isInnerName } from "../../documents.ts";
import { RESOLVE_AFTER_MS, RESOLVE_EACH_MS, RESOLVE_FOREIGN_MS } from "../bounds.ts";
import type { ShardCopy } from "../shard_copy.ts";

/** A place where this node answers. */
export interface ServedPlace {
  readonly place: CommitPlace;
  readonly store: TransactionStore;
}

/** A collection with shards, and those of which this node has a copy, by number. */
export interface ShardsHere {
  readonly name: string;
  readonly shards: ReadonlyMap<number, {
    readonly copy: Pick<ShardCopy, "stored" | "whyNotServing">;
    readonly transactions: TransactionStore | undefined;
  }>;
}

/** What ending transactions stands on. */
export interface ResolverParts extends Pick<Environment, "clock" | "timers" | "log"> {
  /** Those where something may be open. */
  readonly served: () => Promise<readonly ServedPlace[]>;
  /** Calls an action of a place, wherever that is. @throws when nobody answers */
  readonly call: (place: CommitPlace, action: string, params: unknown) => Promise<unknown>;
}

/** Ends transactions of one node. */
export class TransactionResolver {
  readonly #parts: ResolverParts;
  readonly #clock: Clock;
  /** Since when something is open, as far as this node has seen, by its place, state and attempt. */
  #seen = new Map<string, number>();
  #isBusy = false;
  #end: () => void = () => {};

  constructor(parts: ResolverParts) {
    this.#parts = parts;
    this.#clock = parts.clock;
  }

  start(): void {
    const problem = "what transactions have left open can't be looked at";
    this.#end = repeat(this.#parts, { intervalMs: RESOLVE_EACH_MS, problem }, () => void this.look());
  }

  close(): void {
    this.#end();
  }

  /** Looks at all that is open. Harmless while it does so already. */
  async look(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      const seen = new Map<string, number>();
      const served = await this.#parts.served();
      await Promise.all(served.map((at) => this.#lookAt(at, seen).catch(() => {})));
      this.#seen = seen;
    } catch (error) {
      this.#parts.log.debug("what transactions have left open can't be ended", { error });
    } finally {
      this.#isBusy = false;
    }
  }

  async #lookAt(at: ServedPlace, seen: Map<string, number>): Promise<void> {
    const now = this.#clock.now();
    const { collection, shard } = at.place;
    await Promise.all((await at.store.open(collection)).map(async (one) => {
      const name = `${collection} ${shard} ${one.state} ${one.attempt}`;
      const since = this.#seen.get(name) ?? now;
      seen.set(name, since);
      if (now - since >= RESOLVE_AFTER_MS) await this.#resolve(at, one, now - since).catch(() => {});
    }));
  }

  async #resolve({ place, store }: ServedPlace, one: OpenTransaction, openMs: number): Promise<void> {
    const { collection } = place;
    const { id, attempt } = one;
    if (one.state === "open") return void await store.outcome(collection, one);
    if (one.state === "prepared") {
      const isForeign = one.record.collection !== collection;
      const outcome = await this.#ask(one.record, { id, attempt }) ??
        // A record that is another collection's must not lock keys of this one for ever.
        (isForeign && openMs >= RESOLVE_FOREIGN_MS ? this.#giveUp(place, one.record) : undefined);
      if (outcome !== undefined) await store.finish(collection, one, outcome);
      return;
    }
    const answers = await Promise.all(
      one.places.map((part) => this.#parts.call(part, "isPrepared", { id, attempt })),
    );
    const isKnown = answers.every((answer) => (answer as { isPrepared?: unknown })?.isPrepared === false);
    if (isKnown) await store.settle(collection, one);
  }

  async #ask(record: CommitPlace, of: { id: string; attempt: string }): Promise<Outcome | undefined> {
    const answer = await this.#parts.call(record, "outcome", of).catch(() => undefined);
    const outcome = (answer as { outcome?: unknown } | undefined)?.outcome;
    return outcome === "committed" || outcome === "rolled-back" ? outcome : undefined;
  }

  #giveUp(place: CommitPlace, record: CommitPlace): Outcome {
    this.#parts.log.warn("a part of a transaction is rolled back: nobody says how that has ended", {
      collection: place.collection,
      record: record.collection,
    });
    return "rolled-back";
  }
}

/** @returns where a node may have to end transactions: shards that it owns, and collections of its own */
export async function servedPlaces(
  store: TransactionStore | undefined,
  collections: readonly ShardsHere[],
): Promise<readonly ServedPlace[]> {
  const named = new Set(await store?.places());
  const plain = [...named].flatMap((collection) =>
    store === undefined || isInnerName(collection) ? [] : [{ place: { collection }, store }]
  );
  const shards = collections.flatMap(({ name: collection, shards }) =>
    [...shards].flatMap(([shard, { copy, transactions }]) =>
      transactions !== undefined && named.has(copy.stored) && copy.whyNotServing() === undefined
        ? [{ place: { collection, shard }, store: transactions }]
        : []
    )
  );
  return [...plain, ...shards];
}
