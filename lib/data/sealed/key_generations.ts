/**
 * The data keys of a sealed collection, one a generation, each sealed to every member that has the label by one of them.
 *
 * ```
 *   generation 3: by web-1, for web-1, web-2, web-3        each box opens with a reader's key, and proves who made it
 * ```
 *
 * They are kept in a collection of their own, `NAME-keys`, by whoever owns the sealed one. It can't read them, and can't make
 * any: a box names the collection, the generation and all of its readers, and only a member that has the label can have
 * made it. It can hold back the newest; so a generation is written with only as long as its readers are exactly those who
 * have the label now, as this node's roster says, which a leader has signed.
 *
 * @module
 */

import {
  decodeBase64Url,
  encodeBase64Url,
  encodeHex,
  randomBytes,
  type RandomSource,
  utf8Bytes,
} from "../../base/mod.ts";
import { blake2s } from "../../crypto/mod.ts";
import { type PeerId, peerId } from "../../service/mod.ts";
import type { Document } from "../engine.ts";
import { DataError } from "../errors.ts";
import type { DataKey } from "./sealed_value.ts";

/** How many members a collection is sealed to. */
export const MAX_READERS = 1_000;
const KEY_BYTES = 32;

/** The keys of this node and of others, without showing the private one. */
export interface SealingKeys {
  /** This node. */
  readonly self: PeerId;
  /** Those who have a label now, as a leader's records say. @param selector such as `role=billing` */
  readers(selector: string): readonly PeerId[];
  /** @returns a secret that only the reader opens, and that only this node can have made; undefined for who is no member */
  sealFor(reader: PeerId, label: string, secret: Uint8Array): Uint8Array | undefined;
  /** @returns the secret; undefined when the sender did not make it for this node under this label */
  openFrom(sender: PeerId, label: string, sealed: Uint8Array): Uint8Array | undefined;
}

/** One generation, as it is kept. */
export interface Generation {
  readonly generation: number;
  /** Who has made it. */
  readonly by: PeerId;
  /** The key for each reader. */
  readonly boxes: ReadonlyMap<PeerId, Uint8Array>;
  /** Whether nothing is sealed with an earlier one any more. */
  readonly isComplete: boolean;
}

/** @returns a new generation for everybody who has the label, to be kept @throws DataError */
export function makeGeneration(
  keys: SealingKeys,
  collection: string,
  generation: number,
  readers: readonly PeerId[],
  random: RandomSource,
): Document {
  if (readers.length > MAX_READERS) {
    throw new DataError("TooLarge", `A collection is sealed to at most ${MAX_READERS} members`);
  }
  const secret = randomBytes(random, KEY_BYTES);
  const label = labelOf(collection, generation, readers);
  const boxes: Record<string, string> = {};
  for (const reader of readers) {
    const box = keys.sealFor(reader, label, secret);
    if (box !== undefined) boxes[reader] = encodeBase64Url(box);
  }
  secret.fill(0);
  return { generation, by: keys.self, boxes, isComplete: generation === 1 };
}

/** @returns what was kept; undefined when it is none */
export function readGeneration(value: Document): Generation | undefined {
  const { generation, by, boxes, isComplete } = value;
  if (!Number.isSafeInteger(generation) || typeof by !== "string") return undefined;
  if (typeof boxes !== "object" || boxes === null || Array.isArray(boxes)) return undefined;
  const read = new Map<PeerId, Uint8Array>();
  for (const [reader, text] of Object.entries(boxes).slice(0, MAX_READERS)) {
    const box = typeof text === "string" ? decodeBase64Url(text) : undefined;
    if (box !== undefined) read.set(peerId(reader), box);
  }
  return { generation: generation as number, by: peerId(by), boxes: read, isComplete: isComplete === true };
}

/** @returns the data key; undefined when it is not for this node, or not made by whom it says */
export function openGeneration(
  keys: SealingKeys,
  collection: string,
  { generation, by, boxes }: Generation,
): DataKey | undefined {
  const box = boxes.get(keys.self);
  if (box === undefined) return undefined;
  const key = keys.openFrom(by, labelOf(collection, generation, [...boxes.keys()]), box);
  return key?.length === KEY_BYTES ? { generation, key } : undefined;
}

/** Whether a generation is for exactly these, one of whom has made it. */
export function isFor({ by, boxes }: Generation, readers: readonly PeerId[]): boolean {
  return readers.includes(by) && boxes.size === readers.length &&
    readers.every((reader) => boxes.has(reader));
}

function labelOf(collection: string, generation: number, readers: readonly PeerId[]): string {
  const all = encodeHex(blake2s(utf8Bytes([...readers].sort().join("\n"))));
  return `collection ${collection} ${generation} ${all}`;
}
