/**
 * An address that is no member's, but in a network to which one leads: behind a router, an exit or a plain device.
 * @module
 */

import type { RouteReport, StatusReport } from "../../../api/mod.ts";
import { Cidr, IpAddress } from "../../../net/mod.ts";
import type { ExplanationStep, RouteThere } from "./explanation_facts.ts";

/**
 * @param status among whose peers are the devices with networks behind them
 * @returns the route by which this node's packets go to an address, else one that says why they do not; undefined
 *   where nobody leads there, or what was asked for is no address
 */
export function routeThere(
  text: string,
  routes: readonly RouteReport[],
  { peers, network: { cidr: own } }: Pick<StatusReport, "peers" | "network">,
): RouteThere | undefined {
  const address = IpAddress.parse(text);
  if (address === undefined) return undefined;
  // What is behind members is among the routes.
  const devices = peers.filter(({ way }) => way === undefined);
  const behindDevices = devices.flatMap(({ name: node, allowedIps }) =>
    allowedIps.map((network): RouteThere => ({
      network,
      node,
      state: "approved",
      use: "carries",
      isExit: false,
    }))
  );
  const fitting = [...routes, ...behindDevices].flatMap((route) => {
    const cidr = Cidr.parse(route.network);
    if (cidr === undefined || cidr.address.family !== address.family || !cidr.contains(address)) return [];
    // An exit is for those alone that use it, and leads to no members.
    const isOut = route.isExit && (route.use === "none" || Cidr.parse(own)?.contains(address) === true);
    return isOut ? [] : [{ route, prefixBits: cidr.prefixBits }];
  });
  const rank = ({ use, state }: RouteThere) =>
    use === "carries" || use === "here" ? 2 : state === "approved" ? 1 : 0;
  return fitting.toSorted((a, b) => rank(b.route) - rank(a.route) || b.prefixBits - a.prefixBits)[0]?.route;
}

const UNDECIDED = {
  offered: "no leader has approved it yet",
  rejected: "a leader has rejected it",
  withdrawn: "it has withdrawn that",
};

/** @returns whether, and through whom, this node's packets go there */
export function routeStep(
  text: string,
  { network, node, state, use, isExit, problem }: RouteThere,
): ExplanationStep {
  const step = "name";
  const what = isExit
    ? `${text} is behind the exit ${node}`
    : `${text} is in ${network}, to which ${node} leads`;
  if (use === "here") {
    return { step, state: "ok", detail: `${text} is in ${network}, to which this node itself leads` };
  }
  if (state !== "approved") {
    return {
      step,
      state: "broken",
      detail: `${text} is in ${network}, to which ${node} would lead: ${UNDECIDED[state]}`,
      hint: `\`weft route approve ${network} ${node}\` on a leader has it lead there.`,
    };
  }
  if (use === "none" || problem !== undefined) {
    return {
      step,
      state: "broken",
      detail: `${what}, but not for this node${problem === undefined ? "" : `: ${problem}`}`,
      hint: "`weft route list` shows all networks, and what this node has of them.",
    };
  }
  return { step, state: "ok", detail: what };
}
