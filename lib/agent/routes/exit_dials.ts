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
 * @param linkedAt where this node's own links go, which may be a proxy, or somebody whom no statement names
 * @returns every endpoint of them, each once
 */
export function exitDials(
  members: readonly Member[],
  exit: NodeId | undefined,
  endpoints: Pick<EndpointSelector, "channelEndpoints" | "tunnelEndpoints">,
  linkedAt: readonly Endpoint[],
): readonly Endpoint[] {
  const isExit = ({ record }: Member): boolean => record.nodeId === exit;
  const ordered = [...members.filter(isExit), ...members.filter((member) => !isExit(member))];
  const stated = ordered.map((member) => [
    ...endpoints.channelEndpoints(member),
    ...endpoints.tunnelEndpoints(member),
  ]);
  const dials = [...linkedAt, ...stated.flat()];
  return [...new Map(dials.map((endpoint) => [`${endpoint}`, endpoint])).values()];
}
