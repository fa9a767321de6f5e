/**
 * Where a call has failed, in the words of who reads it.
 * @module
 */

import { failure, type WireFailure } from "../errors.ts";
import { AGENT, type PeerId } from "../ports.ts";
import type { RuntimeBase } from "../runtime_base.ts";

/** @returns what a peer is called in the text of an error */
function peerName({ nodeName }: Pick<RuntimeBase, "nodeName">, peer: PeerId): string {
  return peer === AGENT ? "the agent" : nodeName(peer) ?? "a node that is gone";
}

/**
 * What a member says of where it has failed is not believed; an agent knows the node that its program does not.
 * @param peer whom the call was given to; undefined for nobody
 * @returns the failure with the name of its node, where that is known
 */
export function placeFailure(
  { nodeName }: Pick<RuntimeBase, "nodeName">,
  { node: told, ...reason }: WireFailure,
  peer: PeerId | undefined,
): WireFailure {
  const node = peer === undefined ? undefined : peer === AGENT ? told : nodeName(peer);
  return node === undefined ? reason : { ...reason, node };
}

/** @param executed whether the call may have run @returns that there is no way to a peer */
export function unreachable(
  base: Pick<RuntimeBase, "nodeName">,
  peer: PeerId,
  executed: boolean,
): WireFailure {
  return failure("Unreachable", `Cannot reach ${peerName(base, peer)}`, executed);
}

/** @returns that there are as many streams to a peer as there may be */
export function tooManyStreams(peer: PeerId): WireFailure {
  return failure("Overloaded", `Too many streams to ${peer} are open already`);
}

/** @returns that as many calls wait for a peer as may */
export function noRoomFor(base: Pick<RuntimeBase, "nodeName">, peer: PeerId): WireFailure {
  return failure("Overloaded", `Too many calls wait for ${peerName(base, peer)} already`);
}

/** @returns that the link to a peer has ended under a call that was sent */
export function linkLost(base: Pick<RuntimeBase, "nodeName">, peer: PeerId): WireFailure {
  return failure("OutcomeUnknown", `The link to ${peerName(base, peer)} was lost before the answer`, true);
}
