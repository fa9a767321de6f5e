/**
 * Which networks may stand behind a plain device: the one rule of leaders that sign, and of what operators are told.
 * @module
 */

import { type Cidr, hostlessBlock } from "../../net/mod.ts";

/** What a network must not meet. */
export interface NetworksInUse {
  /** The overlay's own. */
  readonly overlay: readonly Cidr[];
  /** What is behind other devices, with their names. */
  readonly behindOthers: Iterable<readonly [name: string, network: Cidr]>;
}

/** @returns why packets of this network can't come from a device, as in "192.0.2.0/24 is for…", or undefined */
export function deviceNetworkProblem(
  network: Cidr,
  { overlay, behindOthers }: NetworksInUse,
): string | undefined {
  if (network.prefixBits === 0) return `${network} is every network there is`;
  const own = overlay.find((cidr) => cidr.overlaps(network));
  if (own !== undefined) return `${network} overlaps ${own}, which is the mesh's own`;
  const hostless = hostlessBlock(network);
  if (hostless !== undefined) {
    const { block: part, what } = hostless;
    return part.equals(network) ? `${network} ${what}` : `${network} overlaps ${part}, which ${what}`;
  }
  for (const [name, other] of behindOthers) {
    if (other.equals(network)) return `${network} is behind ${name} already`;
  }
  return undefined;
}
