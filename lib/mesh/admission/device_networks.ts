/**
 * Which networks may stand behind a plain device: the one rule of leaders that sign, and of what operators are told.
 * @module
 */

import { Cidr } from "../../net/mod.ts";

/** What is nobody's network, or everybody's (RFC 6890 §2.2). */
const SPECIAL: readonly (readonly [string, string])[] = [
  ["127.0.0.0/8", "is this host itself"],
  ["169.254.0.0/16", "means something else on every link"],
  ["224.0.0.0/4", "is for multicast"],
  ["0.0.0.0/8", "has no hosts"],
  ["240.0.0.0/4", "has no hosts"],
  ["::1/128", "is this host itself"],
  ["fe80::/10", "means something else on every link"],
  ["ff00::/8", "is for multicast"],
  ["::/128", "has no hosts"],
];
const SPECIAL_NETWORKS = SPECIAL.flatMap(([text, what]) => {
  const network = Cidr.parse(text);
  return network === undefined ? [] : [{ network, what }];
});

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
  const special = SPECIAL_NETWORKS.find((each) => each.network.overlaps(network));
  if (special !== undefined) {
    const { network: part, what } = special;
    return part.equals(network) ? `${network} ${what}` : `${network} overlaps ${part}, which ${what}`;
  }
  for (const [name, other] of behindOthers) {
    if (other.equals(network)) return `${network} is behind ${name} already`;
  }
  return undefined;
}
