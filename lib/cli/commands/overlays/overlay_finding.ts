/**
 * What `weft doctor` says of overlay networks.
 * @module
 */

import type { NetworkReport, OverlayEndpointReport } from "../../../api/mod.ts";
import { counted } from "../../output/mod.ts";
import type { Finding } from "../finding.ts";

/** Why an endpoint of this host is not up, and what to do, where the agent does not say it better. */
const STATES: Readonly<
  Partial<Record<OverlayEndpointReport["state"], readonly [problem: string, hint: string]>>
> = {
  failed: ["there is no device for it", "Start weft again, or remove the endpoint and add it again."],
  conflict: [
    "another endpoint has its MAC or IP address",
    "Remove one of them, and add it again with other addresses.",
  ],
  blocked: [
    "frames come back by another way, so it carries none for now",
    "Look for a bridge or a second endpoint that leads into the same network.",
  ],
};

/** @returns the first thing that is wrong with networks and the endpoints of this host; undefined without networks */
export function overlayFinding(networks: readonly NetworkReport[]): Finding | undefined {
  if (networks.length === 0) return undefined;
  const failed = networks.find(({ problem }) => problem !== undefined);
  if (failed !== undefined) {
    return {
      kind: "problem",
      detail: `the overlay network ${failed.name} does not work: ${failed.problem}`,
      hint: failed.hint ?? `\`weft network show ${failed.name}\` tells all of it.`,
    };
  }
  const own = networks.flatMap(({ endpoints }) => endpoints.filter(({ isLocal }) => isLocal));
  const [first, ...others] = own.filter(({ state }) => state !== "up" && state !== "inactive");
  if (first !== undefined) {
    const [usual, usualHint] = STATES[first.state] ?? ["it is not up", "The log says more."];
    const more = others.length === 0 ? "" : `, and ${others.length} more`;
    return {
      kind: "problem",
      detail: `the endpoint ${first.network}/${first.name} is not up${more}: ${first.problem ?? usual}`,
      hint: first.hint ?? usualHint,
    };
  }
  const inactive = networks.filter(({ isActive }) => !isActive).map(({ name }) => name);
  const end = inactive.length === 0 ? "" : `; inactive: ${inactive.join(", ")}`;
  return {
    kind: "ok",
    detail: `${counted(networks.length, "overlay network")}, ${counted(own.length, "endpoint")} here${end}`,
  };
}
