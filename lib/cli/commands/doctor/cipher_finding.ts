/**
 * Whether packets are sealed by machine code of this host's processor, and why not.
 * @module
 */

import type { StatusReport } from "../../../api/mod.ts";
import type { Finding } from "../finding.ts";

const NATIVE = /^native /;

/**
 * @param dataplane of an agent that runs
 * @param nativeProblem why no machine code runs here, or undefined where it does
 * @returns what seals, which is no problem whatever it is; undefined where the agent has no cipher of batches
 */
export function cipherFinding(
  dataplane: StatusReport["dataplane"] | undefined,
  nativeProblem: string | undefined,
): Finding | undefined {
  if (dataplane === undefined) {
    const detail = nativeProblem === undefined
      ? "machine code of this processor can seal packets"
      : `no machine code seals packets here: ${nativeProblem}`;
    return { kind: "ok", detail };
  }
  const { kind, aead } = dataplane;
  if (kind !== "fast" || aead === undefined) return undefined;
  if (NATIVE.test(aead)) return { kind: "ok", detail: `the ${aead} seals packets` };
  const why = nativeProblem ?? "the agent was told so by --cipher";
  return { kind: "ok", detail: `the ${aead} seals packets, and no machine code: ${why}` };
}
