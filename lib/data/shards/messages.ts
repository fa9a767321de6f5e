/**
 * What members tell each other about shards.
 * @module
 */

import type { PeerId } from "../../service/mod.ts";
import type { CopiedChange, CopiedCommit, CopiedPart, Entry } from "../engine.ts";
import type { TermStart } from "./term_starts.ts";

/** An owner tells one that follows what was committed. */
export interface PushRequest extends CopiedPart {
  readonly collection: string;
  readonly shard: number;
  readonly term: number;
  readonly starts: readonly TermStart[];
  /** Into the copy that is being made. */
  readonly isMade?: boolean;
}

/** What came of it. */
export type PushAnswer =
  | { readonly kind: "taken"; readonly position: number }
  /** It stands elsewhere. */
  | { readonly kind: "at"; readonly position: number }
  /** It has what the owner has not: it is sent everything. */
  | { readonly kind: "differs" }
  /** There is a later owner. */
  | { readonly kind: "fenced" }
  /** It has not heard of this owner yet. */
  | { readonly kind: "unknown" };

/** An owner sends everything, step by step. */
export type MakeRequest =
  & { readonly collection: string; readonly shard: number; readonly term: number }
  & (
    | { readonly step: "begin"; readonly position: number }
    | { readonly step: "fill"; readonly entries: readonly Entry[]; readonly commits: readonly CopiedCommit[] }
    | { readonly step: "end"; readonly starts: readonly TermStart[] }
  );

/** What an owner knows of one that follows. */
export interface FollowerStatus {
  readonly node: PeerId;
  /** Whether no write is answered without it. */
  readonly isInStep: boolean;
  /** For how long it has not answered, in milliseconds. */
  readonly silentMs: number;
}

/** What a member says of its copy of a shard. */
export interface CopyStatus {
  readonly shard: number;
  readonly term: number;
  readonly position: number;
  /** Whether it answers. */
  readonly isServing: boolean;
  readonly followers: readonly FollowerStatus[];
}

/** What a member says of a collection. */
export interface MemberStatus {
  /** Of the layout that it knows; 0 for none. */
  readonly generation: number;
  readonly version: number;
  readonly copies: readonly CopyStatus[];
}

/** Calls an action of `$shards` at a member. */
export type CallMember = (
  node: PeerId,
  action: string,
  params: unknown,
  timeoutMs: number,
) => Promise<unknown>;

/** @returns a part that somebody sent, as far as its form goes; what it holds is read when it is taken */
export function readPart(fields: Readonly<Record<string, unknown>>): CopiedPart | undefined {
  const { after, position, changes, commits } = fields;
  if (!Number.isSafeInteger(after) || !Number.isSafeInteger(position)) return undefined;
  if (!Array.isArray(changes) || !Array.isArray(commits)) return undefined;
  const isChange = (one: unknown) => {
    const { revision, key, value, at } = (one ?? {}) as Partial<CopiedChange>;
    return Number.isSafeInteger(revision) && Number.isSafeInteger(at) &&
      (value === undefined ? typeof key === "string" : typeof value === "object");
  };
  if (!changes.every(isChange) || !commits.every(isCommit)) return undefined;
  return { after: after as number, position: position as number, changes, commits };
}

/** Whether what somebody sent is a commit. */
export function isCommit(one: unknown): one is CopiedCommit {
  const { id, origin, revision, revisions } = (one ?? {}) as Partial<CopiedCommit>;
  return typeof id === "string" && typeof origin === "string" && Number.isSafeInteger(revision) &&
    Array.isArray(revisions) && revisions.every(Number.isSafeInteger);
}
