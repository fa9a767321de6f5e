/**
 * What waits to be sent to one member.
 * @module
 */

import { encodeMeshMessage, encodeUpdates } from "../wire/mod.ts";
import { type ReplicaUpdate, updateSize } from "../records/mod.ts";
import type { Vector } from "../versions/mod.ts";

/** With more items waiting than this it is cheaper to compare versions anew. */
const MAX_WAITING_ITEMS = 4096;
/** A member that asks faster than it reads is not answered. */
const MAX_WAITING_VECTORS = 128;

/** @returns an update as messages of at most 256 KiB */
export type UpdateEncoder = (update: ReplicaUpdate) => readonly Uint8Array[];

/** An update that is encoded once for everybody it is sent to. */
export class EncodedUpdate {
  /** How many items it has. */
  readonly size: number;
  readonly #update: ReplicaUpdate;
  readonly #encode: UpdateEncoder;
  #parts: readonly Uint8Array[] | undefined;

  constructor(update: ReplicaUpdate, encode: UpdateEncoder = encodeUpdates) {
    this.size = updateSize(update);
    this.#update = update;
    this.#encode = encode;
  }

  /** Messages of at most 256 KiB. */
  get parts(): readonly Uint8Array[] {
    return this.#parts ??= this.#encode(this.#update);
  }
}

/** Bounded: what does not fit is dropped, and a digest is owed instead. */
export class GossipOutbox {
  readonly #updates: EncodedUpdate[] = [];
  readonly #vectors: Vector[] = [];
  #nextPart = 0;
  #items = 0;
  /** Whether our digest is to be sent as soon as everything else has been. */
  owesDigest = false;

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#updates.length + this.#vectors.length === 0 && !this.owesDigest;
  }

  /** Whether so much waits that no further question is answered. */
  get isFull(): boolean {
    return this.#items > MAX_WAITING_ITEMS || this.#vectors.length >= MAX_WAITING_VECTORS;
  }

  /** Queues an update. */
  push(update: EncodedUpdate): void {
    if (update.size === 0) return;
    if (this.isFull) {
      this.owesDigest = true;
      return;
    }
    this.#updates.push(update);
    this.#items += update.size;
  }

  /** Queues a vector. */
  pushVector(vector: Vector): void {
    if (this.#vectors.length < MAX_WAITING_VECTORS) this.#vectors.push(vector);
    else this.owesDigest = true;
  }

  /** @returns the next message but the digest, or undefined when none waits */
  shift(): Uint8Array | undefined {
    for (let update = this.#updates[0]; update !== undefined; update = this.#updates[0]) {
      const part = update.parts[this.#nextPart++];
      if (part !== undefined) return part;
      this.#updates.shift();
      this.#items -= update.size;
      this.#nextPart = 0;
    }
    const vector = this.#vectors.shift();
    return vector && encodeMeshMessage({ kind: "vector", vector });
  }
}
