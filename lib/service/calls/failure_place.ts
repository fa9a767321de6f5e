/**
 * Where a call has failed, in the words of who reads it.
 * @module
 */

import type { WireFailure } from "../errors.ts";
import { AGENT, type PeerId } from "../ports.ts";
import type { RuntimeBase } from "../runtime_base.ts";

/** @returns what a peer is called in the text of an error */
export function peerName({ nodeName }: Pick<RuntimeBase, "nodeName">, peer: PeerId): string {
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
