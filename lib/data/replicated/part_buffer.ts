/**
 * Records that came in parts, until they are whole. All who read a log keep and drop the same.
 * @module
 */

import { concatBytes } from "../../base/mod.ts";
import type { RecordPart } from "./log_record.ts";

/** A record of which nothing came for so many messages was given up by who has appended it. */
const MAX_DISTANCE = 4_096;
/** How many bytes are kept of records that are not whole; the oldest are dropped. */
const MAX_KEPT_BYTES: number = 64 << 20;

interface Unfinished {
  readonly first: number;
  readonly parts: (Uint8Array | undefined)[];
  missing: number;
  bytes: number;
}

/** Puts records together. */
export class PartBuffer {
  readonly #unfinished = new Map<string, Unfinished>();
  #bytes = 0;

  /** The message from which to read again to know what is known here; undefined when nothing is kept. */
  get first(): number | undefined {
    // By insertion: the first that was begun is the oldest.
    for (const { first } of this.#unfinished.values()) return first;
    return undefined;
  }

  /** Forgets what is too old. */
  advance(sequence: number): void {
    for (const [group, { first }] of this.#unfinished) {
      if (sequence - first <= MAX_DISTANCE) return;
      this.#drop(group);
    }
  }

  /** Takes a part. @returns the record, once it is whole */
  take(sequence: number, { group, index, parts, bytes }: RecordPart): Uint8Array | undefined {
    let unfinished = this.#unfinished.get(group);
    if (unfinished === undefined) {
      unfinished = { first: sequence, parts: new Array(parts).fill(undefined), missing: parts, bytes: 0 };
      this.#unfinished.set(group, unfinished);
    }
    if (unfinished.parts.length !== parts || unfinished.parts[index] !== undefined) return undefined;
    unfinished.parts[index] = bytes;
    unfinished.bytes += bytes.length;
    this.#bytes += bytes.length;
    if (--unfinished.missing === 0) {
      this.#drop(group);
      return concatBytes(...unfinished.parts.filter((part) => part !== undefined));
    }
    for (const oldest of this.#unfinished.keys()) {
      if (this.#bytes <= MAX_KEPT_BYTES) break;
      this.#drop(oldest);
    }
    return undefined;
  }

  /** Forgets all. */
  clear(): void {
    this.#unfinished.clear();
    this.#bytes = 0;
  }

  #drop(group: string): void {
    this.#bytes -= this.#unfinished.get(group)?.bytes ?? 0;
    this.#unfinished.delete(group);
  }
}
