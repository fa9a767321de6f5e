/**
 * Why a member answered no ping, as far as this node can tell.
 * @module
 */

import type { PeerReport } from "../../api/mod.ts";
import { SESSION_LIFE_MS } from "../../health/mod.ts";
import { IncompatibleVersionError, UnreachableError } from "../errors.ts";

/** @param peer what the status tells of the member; undefined when it tells nothing */
export function unansweredPing(
  name: string,
  peer: Pick<PeerReport, "lastHandshakeAgeMs" | "conflict"> | undefined,
): UnreachableError | IncompatibleVersionError {
  if (peer?.conflict !== undefined) {
    const { problem, hint } = peer.conflict;
    return new IncompatibleVersionError(`Cannot reach ${name}: ${problem}`, { hint });
  }
  const ageMs = peer?.lastHandshakeAgeMs ?? Infinity;
  if (ageMs < SESSION_LIFE_MS) {
    const seconds = Math.round(ageMs / 1000);
    return new UnreachableError(
      `Cannot reach ${name}: the handshake of ${seconds} s ago worked, but nothing comes back through the tunnel`,
      {
        hint:
          "It has just gone, or a firewall, here or there, drops what comes in by weft's interface: let that in.",
        retryable: true,
      },
    );
  }
  return new UnreachableError(`Cannot reach ${name}: it answers at none of its endpoints`, {
    hint: "`weft peers` shows when it was last heard.",
    retryable: true,
  });
}
