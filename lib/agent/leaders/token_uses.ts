/**
 * Uses of tokens with a limit, counted by the elected leader: leaders that see each other never let in more machines than a
 * token says. Those that are cut apart each have an elected leader of their own, and each part lets in at most as many as
 * were left when it was cut off.
 *
 *     machine ──► leader ── token-use: id, key ──► elected leader: one less
 *     machine ◄── record ── leader ◄── done, and what has been counted ──┘
 *
 * @module
 */

import { sleep } from "../../base/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import {
  type MemberAnswer,
  type MemberRecord,
  type MeshState,
  NO_UPDATE,
  type NodeId,
  type ReplicaUpdate,
  TOKEN_KIND,
} from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { LeaderAct } from "./repeated_request.ts";

/** How often the elected leader is asked: by then one that is dead is elected no more. */
const MAX_ASKS = 4;
/** How long to wait in between. */
const PAUSE_MS = 1_500;

/** Who has counted a use: `here` when this leader is to do so itself; `refused` when none is left, or nobody can say so. */
export type UseCount = "here" | "elsewhere" | "refused";

/** Whom this leader asks. */
export interface TokenUseParts extends Pick<AgentContext, "mesh" | "timers"> {
  elected(): NodeId | undefined;
  /** @param before what the other is to know first */
  ask(
    leader: NodeId,
    asked: { readonly kind: "token-use"; readonly tokenId: string; readonly publicKey: PublicKey },
    before: ReplicaUpdate,
  ): Promise<MemberAnswer | undefined>;
}

/** Has a use counted by the elected leader. One of a former release counts its own alone, and so does this one then. */
export async function countUse(
  { mesh, timers, elected, ask }: TokenUseParts,
  tokenId: string,
  publicKey: PublicKey,
): Promise<UseCount> {
  for (let asks = 0; asks < MAX_ASKS; asks++) {
    const leader = elected();
    if (leader === undefined || leader === mesh.identity.id) return "here";
    if (mesh.roster.get(leader)?.statement?.instance === undefined) return "here";
    const answer = await ask(leader, { kind: "token-use", tokenId, publicKey }, entriesOf(mesh, tokenId));
    if (answer?.kind === "done") return "elsewhere";
    if (answer?.kind === "refused" && answer.retryAfterMs === undefined) return "refused";
    await sleep(timers, PAUSE_MS, new AbortController().signal);
  }
  return "refused";
}

/** Counts a use for another leader. */
export function serveTokenUse(
  mesh: MeshState,
  asker: MemberRecord,
  { tokenId, publicKey, isElected }: {
    readonly tokenId: string;
    readonly publicKey: PublicKey;
    readonly isElected: boolean;
  },
): LeaderAct {
  const { tokens } = mesh;
  if (tokens === undefined || !asker.roles.includes("leader")) return { answer: { kind: "refused" } };
  // Both will soon agree who is.
  if (!isElected) return { answer: { kind: "refused", retryAfterMs: PAUSE_MS } };
  if (!tokens.count(tokenId, publicKey)) return { answer: { kind: "refused" } };
  const update = mesh.shareTokens();
  return { answer: { kind: "done", update }, update };
}

/** @returns what leaders have written of a token */
function entriesOf({ replica: { entries }, network: { id } }: MeshState, tokenId: string): ReplicaUpdate {
  const signed = entries.list(TOKEN_KIND).filter(({ key }) => key.startsWith(`${tokenId}/`))
    .map(({ key }) => entries.signedEntry(id, TOKEN_KIND, key))
    .filter((entry) => entry !== undefined);
  return { ...NO_UPDATE, entries: signed };
}
