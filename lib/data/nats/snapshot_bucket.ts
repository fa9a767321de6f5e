/**
 * Snapshots in a bucket of the object store.
 * @module
 */

import type { ObjectInfo, ObjectStore } from "@nats-io/obj";
import { DataError } from "../errors.ts";
import { jetStreamCode } from "./nats_failure.ts";
import type { LogSnapshot } from "../replicated/mod.ts";

const NAME = "snapshot";
const SEQUENCE = "sequence";
const REPLAY_FROM = "replay-from";
const VERSION = "version";
/** JSStreamWrongLastSequenceErrF of nats-server's errors.json. */
const WRONG_LAST_SEQUENCE = 10071;

/** The one that is stored; storing another replaces it. */
export class SnapshotBucket {
  readonly #open: () => Promise<ObjectStore>;
  readonly #closed: Promise<unknown>;
  #bucket: Promise<ObjectStore> | undefined;

  /**
   * @param open makes the bucket when it is not there; called when it is first used
   * @param closed resolves when the connection is gone
   */
  constructor(open: () => Promise<ObjectStore>, closed: Promise<unknown>) {
    this.#open = open;
    this.#closed = closed;
  }

  /** @throws what the client throws */
  async newest(): Promise<LogSnapshot | undefined> {
    const bucket = await this.#get();
    const info = await bucket.info(NAME);
    const position = info === null ? undefined : positionOf(info);
    return position && { ...position, chunks: chunksOf(bucket, this.#closed) };
  }

  /**
   * Replaces the one that is stored, unless that reaches further, or another one is stored at the same time: messages
   * are forgotten up to what the stored one needs.
   * @returns whether it was stored
   * @throws what the client throws
   */
  async store({ version, sequence, replayFrom, chunks }: LogSnapshot): Promise<boolean> {
    const bucket = await this.#get();
    const before = await bucket.info(NAME);
    if (before !== null && (positionOf(before)?.replayFrom ?? 0) > replayFrom) return false;
    const metadata = { [VERSION]: `${version}`, [SEQUENCE]: `${sequence}`, [REPLAY_FROM]: `${replayFrom}` };
    try {
      await bucket.put({ name: NAME, metadata }, ReadableStream.from(chunks), {
        previousRevision: before?.revision ?? 0,
      });
      return true;
    } catch (error) {
      if (jetStreamCode(error) === WRONG_LAST_SEQUENCE) return false;
      throw error;
    }
  }

  #get(): Promise<ObjectStore> {
    const bucket = this.#bucket ??= this.#open();
    bucket.catch(() => this.#bucket = undefined);
    return bucket;
  }
}

function positionOf({ metadata, deleted }: ObjectInfo): Omit<LogSnapshot, "chunks"> | undefined {
  const [sequence, replayFrom] = [Number(metadata?.[SEQUENCE]), Number(metadata?.[REPLAY_FROM])];
  if (deleted || !Number.isSafeInteger(sequence) || !Number.isSafeInteger(replayFrom)) return undefined;
  // Former releases have not said it.
  const version = Number(metadata?.[VERSION] ?? 1);
  return { version: Number.isSafeInteger(version) ? version : Infinity, sequence, replayFrom };
}

/** Throws when the digest is not that of the snapshot, or the connection ends first: the client would wait for ever. */
async function* chunksOf(bucket: ObjectStore, closed: Promise<unknown>): AsyncGenerator<Uint8Array> {
  const found = await bucket.get(NAME);
  if (found === null) throw new DataError("Failed", "The snapshot of the collections is gone");
  // What fails here fails the stream, too.
  found.error.catch(() => {});
  const ended = closed.then((): never => {
    throw new DataError("OwnerAway", "The servers that keep the collections went away");
  });
  ended.catch(() => {});
  const chunks = found.data.getReader();
  try {
    for (;;) {
      const { done, value } = await Promise.race([chunks.read(), ended]);
      if (done) return;
      yield value;
    }
  } finally {
    await chunks.cancel().catch(() => {});
  }
}
