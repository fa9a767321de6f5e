/**
 * Whether the network would outlive its leaders, for the status.
 * @module
 */

import type { LeadershipReport } from "../../api/mod.ts";
import { exportedAt, type LeaderView, type MeshState, type NodeId } from "../../mesh/mod.ts";

const DAY_MS = 86_400_000;
/** Who was heard of in that time may be about to start again. */
const PRESENT_MS = DAY_MS;
/** A leader that starts again takes less. */
const SILENT_MS = 60_000;

/** What is known of leaders. */
interface LeadershipSources {
  readonly mesh: MeshState;
  readonly views: readonly LeaderView[];
  /** @returns when a leader was last heard of, in milliseconds since 1970 */
  readonly lastSeen: (nodeId: NodeId) => number | undefined;
  readonly wallMs: number;
}

/** @returns how many leaders are there, and what is wrong with that */
export function leadershipReport({ mesh, views, lastSeen, wallMs }: LeadershipSources): LeadershipReport {
  const { roster, replica: { networkClock } } = mesh;
  const isPresent = ({ nodeId, isAlive }: LeaderView) =>
    isAlive || wallMs - (lastSeen(nodeId) ?? -Infinity) < PRESENT_MS;
  const present = views.filter(isPresent);
  const lastExportMs = exportedAt(mesh) ?? null;
  const lastMarkMs = networkClock.lastMarkAt ?? null;
  const said = { present: present.length, lastExportMs, lastMarkMs };
  const [only] = present;
  if (only === undefined) {
    const days = lastMarkMs === null ? undefined : Math.floor((wallMs - lastMarkMs) / DAY_MS);
    const since = days === undefined || days < 1 ? "" : ` for ${days === 1 ? "a day" : `${days} days`}`;
    return {
      ...said,
      problem: `no leader was heard of${since}: nobody is let in, renewed or removed`,
      hint: "Start one again, or make this node one: `weft leader recover FILE` with a recovery file.",
    };
  }
  const names = present.map(({ nodeId }) => roster.get(nodeId)?.record.name ?? "one node").join(" or ");
  const silentMs = present.some(({ isAlive }) => isAlive)
    ? 0
    : wallMs - Math.max(...present.map(({ nodeId }) => lastSeen(nodeId) ?? 0));
  if (silentMs >= SILENT_MS) {
    return {
      ...said,
      problem: `no leader has answered for ${silenceText(silentMs)}: nobody is let in, renewed or removed`,
      hint: `Start ${names} again; when it is lost, \`weft leader recover FILE\` makes this node a leader.`,
    };
  }
  // Nobody has anything to lose yet.
  const hasMembers = roster.liveRecords().some(({ nodeId }) => nodeId !== only.nodeId);
  if (present.length > 1 || lastExportMs !== null || !hasMembers) return said;
  const name = roster.get(only.nodeId)?.record.name ?? "one node";
  return {
    ...said,
    problem:
      `${name} is the only leader, and there is no recovery file: without it nobody is let in any more`,
    hint:
      "`weft leader promote NODE` makes another one, `weft leader export FILE` a recovery file, both on " +
      `${name}.`,
  };
}

function silenceText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
