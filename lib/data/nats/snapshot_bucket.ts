/**
 * Snapshots in a bucket of the object store.
 * @module
 */

import type { ObjectStore } from "@nats-io/obj";
import { DataError } from "../errors.ts";
import type { LogSnapshot } from "../replicated/mod.ts";

const NAME = "snapshot";
const SEQUENCE = "sequence";

/** The one that is stored; storing another replaces it. */
export class SnapshotBucket {
  readonly #open: () => Promise<ObjectStore>;
  #bucket: Promise<ObjectStore> | undefined;

  /** @param open makes the bucket when it is not there; called when it is first used */
  constructor(open: () => Promise<ObjectStore>) {
    this.#open = open;
  }

  /** @throws what the client throws */
  async newest(): Promise<LogSnapshot | undefined> {
    const bucket = await this.#get();
    const info = await bucket.info(NAME);
    const sequence = Number(info?.metadata?.[SEQUENCE]);
    if (info === null || info.deleted || !Number.isSafeInteger(sequence)) return undefined;
    return { sequence, chunks: chunksOf(bucket) };
  }

  /** @throws what the client throws */
  async store({ sequence, chunks }: LogSnapshot): Promise<void> {
    const bucket = await this.#get();
    await bucket.put({ name: NAME, metadata: { [SEQUENCE]: `${sequence}` } }, ReadableStream.from(chunks));
  }

  #get(): Promise<ObjectStore> {
    const bucket = this.#bucket ??= this.#open();
    bucket.catch(() => this.#bucket = undefined);
    return bucket;
  }
}

/** Ends by throwing when the digest is not that of the snapshot. */
async function* chunksOf(bucket: ObjectStore): AsyncGenerator<Uint8Array> {
  const found = await bucket.get(NAME);
  if (found === null) throw new DataError("Failed", "The snapshot of the collections is gone");
  for await (const chunk of found.data) yield chunk;
  const error = await found.error;
  if (error !== null) throw new DataError("Failed", "The snapshot of the collections is damaged", { cause: error });
}
