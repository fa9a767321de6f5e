/**
 * Where the shards of a collection are: one document with one writer, its home.
 * @module
 */

import { decodeBase64 } from "../../../base/mod.ts";
import { SIGNATURE_BYTES } from "../../../crypto/mod.ts";
import type { JsonValue } from "../../../query/mod.ts";
import { isProgram, type PeerId, peerId } from "../../../service/mod.ts";
import { MAX_REPLICAS, MAX_SHARDS } from "../../bounds.ts";
import { checkSpec } from "../../documents.ts";
import type { CollectionSpec, Document } from "../../engine.ts";
import { DataError } from "../../errors.ts";
import { MAX_GENERATION, MAX_GENERATION_STEP } from "../bounds.ts";

/** How many members keep the layout. */
export const MAX_LAYOUT_REPLICAS = 3;
/** How long a signature is in base64. */
const SIGNATURE_LENGTH = 88;
const MAX_JOINING = 8;
const MAX_NODE_ID_LENGTH = 128;

/** When a write is answered. */
export type Durability = "replicated" | "owner";

/** How a collection is spread. */
export interface ShardOptions {
  /** How many shards it has; for good. */
  readonly count: number;
  /** On which members: a selector such as `role=data`; all unless given. */
  readonly over?: string;
  /** How many members follow the owner of each shard. */
  readonly replicas: number;
  /** `replicated`: a write is answered when all that follow in step have it on disk. `owner`: when its owner has. */
  readonly durability: Durability;
}

/** Where one shard is. */
export interface ShardRecord {
  /** Goes up with each owner; whoever follows takes nothing of an earlier one. */
  readonly term: number;
  /** The one that answers. */
  readonly owner: PeerId;
  /** Those that have all that was answered, the owner among them: one of them is the next owner. */
  readonly inSync: readonly PeerId[];
  /** Those that are being brought there. */
  readonly joining: readonly PeerId[];
}

/** Where all shards of a collection are. */
export interface ShardLayout {
  readonly spec: CollectionSpec;
  readonly options: ShardOptions;
  /** Of the one that writes it: goes up with each, and its replicas take nothing of an earlier one. */
  readonly generation: number;
  /** Goes up with each change of one generation. */
  readonly version: number;
  /** The member that decides. */
  readonly home: PeerId;
  /** Those that keep the layout: what most of them have is decided. */
  readonly layoutReplicas: readonly PeerId[];
  /** By number. */
  readonly shards: readonly ShardRecord[];
  /** Of its home, in base64; absent of a home of a former release, and from members of one. */
  readonly signature?: string;
}

/** Whether a layout is newer than another, or there is no other. */
export function isNewer(layout: ShardLayout, than: ShardLayout | undefined): boolean {
  if (than === undefined || layout.generation > than.generation) return true;
  return layout.generation === than.generation && layout.version > than.version;
}

/** All members that have a part of a layout. */
export function holdersOf({ shards, layoutReplicas, home }: ShardLayout): readonly PeerId[] {
  return [...new Set([home, ...layoutReplicas, ...shards.flatMap(membersOf)])];
}

/** All that have a copy of a shard, or are to have one. */
export function membersOf({ owner, inSync, joining }: ShardRecord): readonly PeerId[] {
  return [...new Set([owner, ...inSync, ...joining])];
}

/** How many of the replicas of a layout have to agree. */
export function majorityOf(layoutReplicas: readonly PeerId[]): number {
  return (layoutReplicas.length >> 1) + 1;
}

/** @returns how a collection is to be spread, read strictly @throws DataError with code `InvalidCollection` */
export function checkOptions(given: unknown): ShardOptions {
  const options = given as Partial<Record<keyof ShardOptions, unknown>> | null;
  if (typeof options !== "object" || options === null) throw invalid("shards are said by an object");
  const { count, over, replicas = 0, durability = "replicated" } = options;
  if (!isCount(count) || count < 1 || count > MAX_SHARDS) throw invalid(`it has 1 to ${MAX_SHARDS} shards`);
  if (!isCount(replicas) || replicas > MAX_REPLICAS) {
    throw invalid(`a shard has 0 to ${MAX_REPLICAS} replicas`);
  }
  if (over !== undefined && (typeof over !== "string" || over.length > 255)) {
    throw invalid("over which members it is spread is said by a selector of at most 255 characters");
  }
  if (durability !== "replicated" && durability !== "owner") {
    throw invalid("durability is replicated or owner");
  }
  return { count, replicas, durability, ...typeof over === "string" && { over } };
}

/** @returns a layout that somebody sent, or that was stored; undefined when it is none */
export function readLayout(value: unknown): ShardLayout | undefined {
  const fields = value as Partial<Record<keyof ShardLayout | "keepers", unknown>> | null;
  if (typeof fields !== "object" || fields === null) return undefined;
  const { generation, version, shards, home, signature } = fields;
  const layoutReplicas = readPeers(fields.keepers, MAX_LAYOUT_REPLICAS);
  const [homeId] = readPeers([home], 1) ?? [];
  if (
    !isGeneration(generation) || !isCount(version) || layoutReplicas === undefined ||
    homeId === undefined || !(signature === undefined || isSignature(signature))
  ) {
    return undefined;
  }
  try {
    const options = checkOptions(fields.options);
    // Of one with shards nobody keeps a schema.
    const { schema: _, ...spec } = checkSpec(fields.spec as CollectionSpec);
    if (!Array.isArray(shards) || shards.length !== options.count || layoutReplicas.length === 0) {
      return undefined;
    }
    const records = shards.map(readRecord).filter((one) => one !== undefined);
    if (records.length !== shards.length) return undefined;
    return {
      ...{ spec, options, generation, version, home: homeId, layoutReplicas, shards: records },
      ...signature !== undefined && { signature: signature as string },
    };
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
}

/** @returns a layout of one collection that somebody sent; undefined when it is none, or another one's */
export function readLayoutOf(name: string, value: unknown): ShardLayout | undefined {
  const layout = readLayout(value);
  return layout?.spec.name === name ? layout : undefined;
}

/** A layout as a value that is sent and stored, where its replicas are called its keepers. */
export function layoutValue({ layoutReplicas: keepers, ...layout }: ShardLayout): Document {
  return { ...layout, keepers } as unknown as { readonly [name: string]: JsonValue };
}

function readRecord(value: unknown): ShardRecord | undefined {
  const fields = value as Partial<Record<keyof ShardRecord, unknown>> | null;
  if (typeof fields !== "object" || fields === null) return undefined;
  const { term } = fields;
  const [owner] = readPeers([fields.owner], 1) ?? [];
  const inSync = readPeers(fields.inSync, 1 + MAX_REPLICAS + MAX_JOINING);
  const joining = readPeers(fields.joining, MAX_JOINING);
  if (!isCount(term) || owner === undefined || !inSync?.includes(owner) || joining === undefined) {
    return undefined;
  }
  return { term, owner, inSync, joining };
}

function readPeers(value: unknown, most: number): readonly PeerId[] | undefined {
  if (!Array.isArray(value) || value.length > most) return undefined;
  const isId = (one: unknown) =>
    typeof one === "string" && one !== "" && one.length <= MAX_NODE_ID_LENGTH && !isProgram(peerId(one));
  return value.every(isId) ? value.map(peerId) : undefined;
}

/** Whether a value can be the generation of a layout. */
export function isGeneration(value: unknown): value is number {
  return isCount(value) && value <= MAX_GENERATION;
}

/** Whether a generation can come behind another one; behind none any can, which a member hears that is new. */
export function canFollow(generation: number, before: number): boolean {
  return isGeneration(generation) && (before === 0 || generation <= before + MAX_GENERATION_STEP);
}

/** Whether two layouts are of one collection, spread in one way: that never changes. */
export function isSameSpread(a: ShardLayout, b: ShardLayout): boolean {
  return JSON.stringify([a.spec, a.options]) === JSON.stringify([b.spec, b.options]);
}

function isSignature(value: unknown): value is string {
  return typeof value === "string" && value.length === SIGNATURE_LENGTH &&
    decodeBase64(value)?.length === SIGNATURE_BYTES;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function invalid(problem: string): DataError {
  return new DataError("InvalidCollection", `Cannot spread the collection: ${problem}`);
}
