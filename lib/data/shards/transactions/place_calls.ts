/**
 * Reaches places of transactions, wherever they are now.
 * @module
 */

import type { CallOptions } from "../../../service/mod.ts";
import type { CommitPlace } from "../../engine.ts";
import { DataError } from "../../errors.ts";
import { collectionPath } from "../../service/mod.ts";
import { readLayoutOf, type ShardLayout } from "../layout/mod.ts";

/** The service by which members and programs reach the shards of a node. */
export const SHARDS_SERVICE = "$shards";
/** How long an answer is waited for. */
const TIMEOUT_MS = 2_000;

/** What places are reached by. */
export interface PlaceCallParts {
  readonly request: (path: string, params: unknown, options: CallOptions) => Promise<unknown>;
  /** What this node knows itself. */
  readonly layoutOf: (collection: string) => ShardLayout | undefined;
}

/** Calls actions of places. */
export class PlaceCalls {
  readonly #parts: PlaceCallParts;

  constructor(parts: PlaceCallParts) {
    this.#parts = parts;
  }

  /** @returns what the owner of a place answers @throws CallError, DataError */
  async call({ collection, shard }: CommitPlace, action: string, params: unknown): Promise<unknown> {
    const options = { timeoutMs: TIMEOUT_MS, retries: 0 };
    if (shard === undefined) {
      return await this.#parts.request(`${collectionPath(collection)}/${action}`, params, options);
    }
    const layout = this.#parts.layoutOf(collection) ?? await this.#describe(collection);
    const node = layout?.shards[shard]?.owner;
    if (node === undefined) {
      throw new DataError("OwnerAway", `Nobody says where shard ${shard} of ${collection} is`);
    }
    const asked = { ...params as object, collection, shard };
    return await this.#parts.request(`${SHARDS_SERVICE}/${action}`, asked, { ...options, node });
  }

  async #describe(collection: string): Promise<ShardLayout | undefined> {
    const options = { timeoutMs: TIMEOUT_MS, retries: 0 };
    const path = `${collectionPath(collection)}/describe`;
    const state = await this.#parts.request(path, undefined, options) as { readonly layout?: unknown } | null;
    return readLayoutOf(collection, state?.layout);
  }
}
