/**
 * Clocks that are wrong, held against those of members: what is signed ahead of time is believed by nobody.
 * @module
 */

import type { MeshState, NodeId } from "../../mesh/mod.ts";
import type { Warning } from "./warnings.ts";

/** Half of what is still taken in. */
const MAX_SKEW_MS = 300_000;
const HINT =
  "Set the clock that is wrong, best by NTP: services and endpoints signed ahead of time are not believed.";

/**
 * @param skewsMs how far the clocks of members with a link are ahead of this one
 * @returns whose clock is wrong: this host's when most others say so, else of each member by which it is that one's
 */
export function clockWarnings(
  { roster }: Pick<MeshState, "roster">,
  skewsMs: ReadonlyMap<NodeId, number>,
): readonly Warning[] {
  const sorted = [...skewsMs.values()].sort((a, b) => a - b);
  // Of two in the middle the nearer to none: this clock counts as one that agrees with itself.
  const [low = 0, high = 0] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  const median = Math.abs(low) < Math.abs(high) ? low : high;
  if (sorted.length > 1 && Math.abs(median) > MAX_SKEW_MS) {
    const text = `this host's clock is ${spanText(median)} ${median < 0 ? "ahead of" : "behind"} its peers'`;
    return [{ kind: "clock", about: "self", text, hint: HINT }];
  }
  return [...skewsMs].filter(([, skewMs]) => Math.abs(skewMs) > MAX_SKEW_MS).map(([nodeId, skewMs]) => {
    const name = roster.liveRecord(nodeId)?.name ?? nodeId;
    const text = `the clock of ${name} is ${spanText(skewMs)} ${
      skewMs > 0 ? "ahead of" : "behind"
    } this host's${sorted.length > 1 ? " and others'" : "; one of both is wrong"}`;
    return { kind: "clock", about: nodeId, text, hint: HINT };
  });
}

function spanText(ms: number): string {
  return `${Math.round(Math.abs(ms) / 60_000)} min`;
}
