/**
 * What members tell each other about shards.
 * @module
 */

import type { PeerId } from "../../service/mod.ts";
import { MAX_ID_LENGTH, MAX_OPERATIONS, MAX_RESULT_BYTES, MAX_TOLD_REVISION } from "../bounds.ts";
import type { CopiedChange, CopiedCommit, CopiedPart, Entry } from "../engine.ts";
import { readBody } from "../transaction_body.ts";
import type { TermStart } from "./term_starts.ts";

const STATES: ReadonlySet<string> = new Set(["prepared", "open", "decided", "rolled-back"]);

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
  if (!isPosition(after) || !isPosition(position) || position < after) return undefined;
  if (!Array.isArray(changes) || !Array.isArray(commits)) return undefined;
  const isChange = (one: unknown) => {
    const { revision, key, value, at } = (one ?? {}) as Partial<CopiedChange>;
    return isRevision(revision) && Number.isSafeInteger(at) &&
      (value === undefined ? typeof key === "string" : typeof value === "object");
  };
  if (!changes.every(isChange) || !commits.every(isCommit)) return undefined;
  if (!isInOrder(after, changes, position) || !isInOrder(after, commits, position)) return undefined;
  return { after, position, changes, commits };
}

/** Whether what somebody sent is a commit. */
export function isCommit(one: unknown): one is CopiedCommit {
  const { id, origin, revision, revisions, result, state, body } = (one ?? {}) as Partial<CopiedCommit>;
  return isText(id) && (state === undefined || STATES.has(state)) &&
    (body === undefined || readBody(body) !== undefined) && isText(origin) && isRevision(revision) &&
    Array.isArray(revisions) && revisions.length <= MAX_OPERATIONS && revisions.every(isRevision) &&
    (result === undefined || (JSON.stringify(result)?.length ?? Infinity) <= MAX_RESULT_BYTES);
}

/** Whether somebody's number can be a revision: no further than counters come. */
export function isRevision(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MAX_TOLD_REVISION;
}

/** An owner that has not heard yet where one stands says -1, and asks by that. */
function isPosition(value: unknown): value is number {
  return value === -1 || isRevision(value);
}

function isInOrder(
  after: number,
  parts: readonly { readonly revision: number }[],
  position: number,
): boolean {
  let last = after;
  return parts.every(({ revision }) => {
    const isNext = revision > last && revision <= position;
    last = revision;
    return isNext;
  });
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.length <= MAX_ID_LENGTH;
}
