/**
 * Policies as the agent hands them to what carries packets and frames, and what it is told.
 * @module
 */

import type { Denial, RuleCounts } from "../../policy/mod.ts";

/** What decides about packets, and about frames of overlay networks. */
export interface PlanePolicy {
  /** The program in force, as bytes; undefined for none: then all passes. */
  readonly enforced: Uint8Array | undefined;
  /** One whose denials are told and nothing more. */
  readonly trial: Uint8Array | undefined;
  /** This host's overlay addresses, as text. */
  readonly ownAddresses: readonly string[];
}

/** What enforces policies. */
export interface PolicyPlane {
  /**
   * Decides by another policy from now on, or by none. To be called before the first peer is set, so that a node that starts
   * again lets nothing pass before it knows what may.
   */
  setPolicy(policy: PlanePolicy): void;
}

/** What guards have decided, told about once a second while there is something new. */
export interface PolicyReport {
  readonly denials: readonly Denial[];
  /** Of the program in force, by the rule's number; all since it was set. */
  readonly counts: ReadonlyMap<number, RuleCounts>;
  readonly flows: number;
}
