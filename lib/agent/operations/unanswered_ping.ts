/**
 * Why a member answered no ping, as far as this node can tell.
 * @module
 */

import type { PeerReport } from "../../api/mod.ts";
import { UnreachableError } from "../errors.ts";

/** A tunnel whose last handshake is older carries nothing (WireGuard §6.2, Reject-After-Time), in milliseconds. */
const TUNNEL_LIFE_MS = 180_000;

/** @param peer what the status tells of the member; undefined when it tells nothing */
export function unansweredPing(
  name: string,
  peer: Pick<PeerReport, "lastHandshakeAgeMs"> | undefined,
): UnreachableError {
  const ageMs = peer?.lastHandshakeAgeMs ?? Infinity;
  if (ageMs < TUNNEL_LIFE_MS) {
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
