/**
 * What may be asked of a running agent about overlay networks, done.
 * @module
 */

import type { OverlayControl } from "../../api/mod.ts";
import { NotInitializedManagerError } from "../../overlay/mod.ts";
import type { Agent } from "../agent.ts";

/** @returns the operations about overlay networks, as `agent` does them */
export function networkOperations(_agent: Agent): OverlayControl {
  const never = (): never => {
    throw new NotInitializedManagerError("Cannot do that: overlay networks are not running");
  };
  return {
    listNetworks: () => [],
    createNetwork: never,
    changeNetwork: never,
    deleteNetwork: never,
    addEndpoint: never,
    removeEndpoint: never,
    moveEndpoint: never,
  };
}
