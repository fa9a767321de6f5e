/**
 * Where members are dialled past an exit.
 * @module
 */

import type { Member, NodeId } from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { EndpointSelector } from "../endpoint_selector.ts";

/**
 * A gateway may have given a member's message plane another port than its packet plane.
 * @param exit comes first: what comes last may be cut off
 * @returns every endpoint of the members, each once
 */
export function exitDials(
  members: readonly Member[],
  exit: NodeId | undefined,
  endpoints: Pick<EndpointSelector, "channelEndpoints" | "tunnelEndpoints">,
): readonly Endpoint[] {
  const isExit = ({ record }: Member): boolean => record.nodeId === exit;
  const ordered = [...members.filter(isExit), ...members.filter((member) => !isExit(member))];
  const dials = ordered.flatMap((member) => [
    ...endpoints.channelEndpoints(member),
    ...endpoints.tunnelEndpoints(member),
  ]);
  return [...new Map(dials.map((endpoint) => [`${endpoint}`, endpoint])).values()];
}
