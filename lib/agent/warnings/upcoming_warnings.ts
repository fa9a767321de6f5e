/**
 * What will stop this node one day, and works so far: its membership ends, or its disk is nearly full.
 * @module
 */

import { shellWord } from "../../base/mod.ts";
import type { Warning } from "./warnings.ts";

/** Leaders renew a membership when a third of it has passed; whoever has so little left was not renewed for weeks. */
const LEAST_MEMBERSHIP_MS = 21 * 86_400_000;
/** A share of what an ephemeral member has. */
const LEAST_SHARE = 1 / 4;
/** The state grows by some hundred kilobytes at once. */
const LEAST_FREE_BYTES = 64 << 20;

/** What is looked at. */
export interface UpcomingParts {
  /** When the membership ends, and how long it was given for, in milliseconds; undefined for a node that is none. */
  readonly membership: { readonly leftMs: number; readonly lifetimeMs: number } | undefined;
  /** Room for the state, in bytes; undefined where that can't be told. */
  readonly freeBytes: number | undefined;
  readonly stateDir: string;
}

/** @returns what is to be told */
export function upcomingWarnings({ membership, freeBytes, stateDir }: UpcomingParts): readonly Warning[] {
  const warnings: Warning[] = [];
  if (membership !== undefined) {
    const { leftMs, lifetimeMs } = membership;
    if (leftMs < Math.min(LEAST_MEMBERSHIP_MS, lifetimeMs * LEAST_SHARE)) {
      warnings.push({
        kind: "membership",
        about: "expiry",
        text: leftMs <= 0
          ? "this node's membership has ended: others take it for no member any more"
          : `this node's membership ends in ${spanText(leftMs)}: no leader has renewed it`,
        hint: "`weft leader list` shows the leaders; one that this node reaches renews it within a minute.",
      });
    }
  }
  if (freeBytes !== undefined && freeBytes < LEAST_FREE_BYTES) {
    warnings.push({
      kind: "disk",
      about: "free",
      text: `the disk is nearly full: ${roomText(freeBytes)} are free where ${stateDir} is`,
      hint: `\`df -h ${
        shellWord(stateDir)
      }\` shows it; on a full disk this node runs on, and keeps nothing new.`,
    });
  }
  return warnings;
}

function spanText(ms: number): string {
  const hours = Math.ceil(ms / 3_600_000);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

function roomText(bytes: number): string {
  return bytes < 1e6 ? `${Math.floor(bytes / 1e3)} kB` : `${Math.floor(bytes / 1e6)} MB`;
}
