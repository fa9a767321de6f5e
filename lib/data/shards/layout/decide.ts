/**
 * What the home of a collection decides of each shard, from what it has heard of its members.
 *
 * ```
 *   the owner is gone ──▶ one that is in step is the owner, in the next term
 *   one that follows is silent ──▶ is in step no more          one that is made is in step ──▶ follows
 *   somebody is missing ──▶ is made          all are there ──▶ handed over to the best one ──▶ those that are too many go
 * ```
 *
 * @module
 */

import type { PeerId } from "../../../service/mod.ts";
import { GONE_MS, REPLACED_MS, SILENT_MS } from "../bounds.ts";
import type { ShardRecord } from "./layout.ts";
import type { CopyStatus } from "../messages.ts";

/** What is known of the members of a collection. */
export interface MembersView {
  /** For how long a member has not answered; `Infinity` for who is none. */
  silentMs(member: PeerId): number;
  /** What it has just said of its copy. */
  statusOf(member: PeerId): CopyStatus | undefined;
  /** Whether it has just answered. */
  answers(member: PeerId): boolean;
}

/**
 * @param wanted where the shard is to be, the owner first
 * @param mayMake whether another copy may be made now
 * @returns what is to be; the same where nothing changes
 */
export function decideShard(
  record: ShardRecord,
  wanted: readonly PeerId[],
  view: MembersView,
  mayMake: boolean,
): ShardRecord {
  const { owner, term, inSync, joining } = record;
  if (view.silentMs(owner) >= GONE_MS) {
    const others = inSync.filter((member) => member !== owner);
    const able = others.filter((member) => view.answers(member));
    const next = wanted.find((member) => able.includes(member)) ?? able[0];
    return next === undefined ? record : { term: term + 1, owner: next, inSync: others, joining };
  }
  const status = view.statusOf(owner);
  if (status === undefined || status.term !== term || !status.isServing) return record;
  const followers = new Map(status.followers.map((follower) => [follower.node, follower]));
  const isSilent = (member: PeerId) => (followers.get(member)?.silentMs ?? view.silentMs(member)) > SILENT_MS;
  const isStill = (member: PeerId) => view.silentMs(member) < REPLACED_MS;

  const left = inSync.filter((member) => member === owner || !isSilent(member));
  if (left.length < inSync.length) return { ...record, inSync: left };

  const isMade = (member: PeerId) => followers.get(member)?.isInStep === true && !isSilent(member);
  const made = joining.filter(isMade);
  if (made.length > 0) {
    const rest = joining.filter((member) => !made.includes(member));
    return { ...record, inSync: [...inSync, ...made], joining: rest };
  }
  // One that was in step, and is silent now, would hold up all writes.
  const isLost = (member: PeerId) => followers.get(member)?.isInStep === true && isSilent(member);
  const making = joining.filter((member) => wanted.includes(member) && isStill(member) && !isLost(member));
  if (making.length < joining.length) return { ...record, joining: making };

  const missing = wanted.filter((member) => !inSync.includes(member) && !joining.includes(member));
  const next = missing.find((member) => view.answers(member));
  if (next !== undefined && mayMake) return { ...record, joining: [...joining, next] };

  const [best] = wanted;
  if (best === undefined || missing.length > 0 || joining.length > 0) return record;
  if (best !== owner) return view.answers(best) ? { ...record, term: term + 1, owner: best } : record;
  const fitting = inSync.filter((member) => wanted.includes(member));
  return fitting.length < inSync.length ? { ...record, inSync: fitting } : record;
}
