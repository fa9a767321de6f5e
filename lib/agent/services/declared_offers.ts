/**
 * What the options offer to other members.
 * @module
 */

import type { Logger } from "../../base/mod.ts";
import type { AgentOptions } from "../../config/mod.ts";
import type { StreamForwarder } from "./stream_forwarder.ts";

/** Opens the ports that a node was told to offer. @throws InvalidRequestError, InvalidSelectorError */
export function openDeclaredOffers(
  forward: Pick<StreamForwarder, "offer" | "allowAll">,
  { offers, forwardAllow, rootless }: Pick<AgentOptions, "offers" | "forwardAllow" | "rootless">,
  log: Logger,
): void {
  for (const { port, hostname, targetPort, allow } of offers) {
    forward.offer(port, { hostname, port: targetPort }, allow === undefined ? {} : { allow });
  }
  if (forwardAllow === undefined) return;
  forward.allowAll(forwardAllow);
  if (rootless) log.warn("--forward-allow changes nothing: a rootless node has only what it offers");
}
