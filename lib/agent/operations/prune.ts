/**
 * Removing, at once, whoever was not heard of for long.
 * @module
 */

import type { PeerReport, PrunedPeers, PruneRequest } from "../../api/mod.ts";
import { PublicKey } from "../../crypto/mod.ts";
import { type MemberRecord, NO_UPDATE } from "../../mesh/mod.ts";
import type { Agent } from "../agent.ts";
import { TooEarlyError } from "../errors.ts";
import { hubOf } from "../plain_devices.ts";
import { asOperator, leaderPart } from "./membership_operations.ts";

/** A leader that has run for less may not have heard yet of who is there, in milliseconds. */
const MIN_UPTIME_MS = 600_000;
/** So many are removed in one go: each costs a signature. */
const MAX_PRUNED = 1_000;

/**
 * Leaders only: removes members that nobody has heard of for so long, never a leader, and devices only if asked and if
 * another node is not their hub. With `dryRun` it only says who that is.
 * @throws NotLeaderError, TooEarlyError
 */
export function prunePeers(
  agent: Pick<Agent, "mesh" | "secrets" | "clock" | "status">,
  { awayMs, dryRun = false, devices = false }: PruneRequest,
): PrunedPeers {
  const { mesh, secrets } = agent;
  const admission = leaderPart(mesh, mesh.admission);
  const { peers, uptimeMs } = agent.status();
  const wall = agent.clock.wall();
  const away = peers.flatMap((peer) => {
    const publicKey = PublicKey.parse(peer.publicKey);
    const record = publicKey && mesh.roster.recordByKey(publicKey);
    if (record === undefined || record.roles.includes("leader")) return [];
    if (record.verifyingKey === undefined && (!devices || isHeardElsewhere(mesh, record))) return [];
    const lastSeenMs = lastSeen(peer, record);
    return wall - (lastSeenMs ?? 0) >= awayMs ? [{ record, lastSeenMs }] : [];
  }).sort((a, b) => (a.lastSeenMs ?? 0) - (b.lastSeenMs ?? 0));
  const due = away.slice(0, MAX_PRUNED);
  if (!dryRun && due.length > 0) {
    if (uptimeMs < MIN_UPTIME_MS) throw new TooEarlyError(MIN_UPTIME_MS - uptimeMs);
    const records = due.flatMap(({ record }) => {
      const revoked = asOperator(mesh, () => admission.revoke(record.publicKey));
      secrets.set(record.nodeId, undefined);
      return revoked === undefined ? [] : [revoked.signed];
    });
    mesh.replica.publish({ ...NO_UPDATE, records });
  }
  return {
    peers: due.map(({ record: { name, nodeId: id }, lastSeenMs }) => ({
      name,
      id,
      ...lastSeenMs !== undefined && { lastSeenMs },
    })),
    left: away.length - due.length,
  };
}

/** Whether the only node that a device ever speaks to is another one than this. */
function isHeardElsewhere(mesh: Pick<Agent["mesh"], "roster" | "identity">, record: MemberRecord): boolean {
  const hub = hubOf(mesh, record)?.record.nodeId;
  return hub !== undefined && hub !== mesh.identity.id;
}

/** A leader signs a member's record while it is there, and a device's, but for the first one, in any case. */
function lastSeen(
  { lastSeenMs }: PeerReport,
  { verifyingKey, version, issuedAt }: MemberRecord,
): number | undefined {
  return verifyingKey !== undefined || version === 1 ? Math.max(lastSeenMs ?? 0, issuedAt) : lastSeenMs;
}
