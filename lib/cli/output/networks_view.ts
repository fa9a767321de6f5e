/**
 * Overlay networks and their endpoints as people read them in a terminal.
 * @module
 */

import type { FrameCountsReport, NetworkReport, OverlayEndpointReport } from "../../api/mod.ts";
import { counted, formatBytes } from "./human_units.ts";
import { type Cell, type Fact, factLines, paintedCell, tableText } from "./table.ts";
import type { Terminal } from "../terminal.ts";

const NETWORK_TITLES = ["NAME", "TYPE", ">ID", "BLOCK", ">MTU", "UNDERLAY", ">ENDPOINTS", ">HERE", "STATE"];
const ENDPOINT_TITLES = ["ENDPOINT", "NODE", "MAC", "ADDRESSES", "DEVICE", "STATE"];
const OWN_TITLES = ["NAME", "NODE", "MAC", "ADDRESSES", "DEVICE", ">IN", ">OUT", ">DROPPED", "STATE"];

/** @returns one line a network, below a line of titles */
export function networksText(networks: readonly NetworkReport[], terminal: Terminal): string {
  if (networks.length === 0) {
    return "No overlay networks. `weft network create NAME --cidr 10.0.0.0/24` on a leader makes one.\n";
  }
  const rows = networks.map((network) => [
    network.name,
    network.type,
    String(network.identifier),
    network.cidrs.join(", ") || "-",
    String(network.mtuBytes),
    network.underlay,
    String(network.endpointCount),
    String(network.endpoints.filter(({ isLocal }) => isLocal).length),
    networkState(network, terminal),
  ]);
  return tableText(NETWORK_TITLES, rows, terminal);
}

/** @returns one line an endpoint, below a line of titles, and what is wrong with those of this host */
export function endpointsText(endpoints: readonly OverlayEndpointReport[], terminal: Terminal): string {
  if (endpoints.length === 0) {
    return "No endpoints. `weft endpoint add NETWORK NAME` makes one on this host.\n";
  }
  const rows = endpoints.map((endpoint) => [
    `${endpoint.network}/${endpoint.name}`,
    ...placeCells(endpoint),
    endpointState(endpoint, terminal),
  ]);
  return tableText(ENDPOINT_TITLES, rows, terminal) + problemLines(endpoints);
}

/** @returns all that is known of a network */
export function networkText(network: NetworkReport, terminal: Terminal): string {
  const { name, id, type, identifierName, identifier, cidrs, mtuBytes, members, gateway, counts } = network;
  const options = Object.entries(network.options).map(([key, value]) => `${key}=${value}`);
  const facts: Fact[] = [
    ["network", paintedCell(terminal, "strong", name), `, ${type}, ${identifierName} ${identifier}`],
    ["id", id],
    ["block", cidrs.join(", ") || "none: endpoints have MAC addresses alone"],
    ["MTU", `${mtuBytes} bytes of IP`],
    ["underlay", underlayText(network)],
    ["members", members === undefined ? "every member may have endpoints" : `only ${members}`],
    ["gateway", gateway ?? "none"],
    ...options.length > 0 ? [["options", options.join(", ")] as const] : [],
    ...network.stormLimit === undefined
      ? []
      : [["storms", `${network.stormLimit} frames to everybody a second from one endpoint`] as const],
    ["state", networkState(network, terminal), network.problem === undefined ? "" : `: ${network.problem}`],
    ...network.hint === undefined ? [] : [["hint", network.hint] as const],
    ["carried", counts === undefined ? "nothing: no endpoint is here" : carriedText(counts)],
    ...counts === undefined ? [] : droppedFact(counts),
  ];
  const table = network.endpoints.length === 0
    ? `No endpoints. \`weft endpoint add ${name} NAME\` makes one on this host.\n`
    : tableText(OWN_TITLES, network.endpoints.map((endpoint) => ownRow(endpoint, terminal)), terminal);
  return `${factLines(facts, terminal)}\n${table}${problemLines(network.endpoints)}`;
}

/** @returns the networks of a status in one line; undefined without any */
export function networksLine(networks: readonly NetworkReport[]): string | undefined {
  if (networks.length === 0) return undefined;
  const shown = networks.slice(0, 4).map(
    ({ name, type, identifier, endpointCount, endpoints, ...network }) => {
      const here = endpoints.filter(({ isLocal }) => isLocal);
      const wrong = here.filter(({ state }) => state !== "up" && state !== "inactive");
      const states = [
        `${here.length} of ${counted(endpointCount, "endpoint")} here`,
        ...network.isActive ? [] : ["inactive"],
        ...network.problem === undefined ? [] : ["does not work"],
        ...wrong.length === 0 ? [] : [`${wrong.length} not up`],
      ];
      return `${name} (${type} ${identifier}): ${states.join(", ")}`;
    },
  );
  return [...shown, ...networks.length > 4 ? [`${networks.length - 4} more`] : []].join("; ");
}

function underlayText({ underlay, remotes, group, interfaces, port }: NetworkReport): string {
  if (underlay === "mesh") return "mesh: encrypted, as every packet";
  const facts = [
    ...remotes?.length ? [`to ${remotes.join(", ")}`] : [],
    ...group === undefined ? [] : [`group ${group}`],
    ...interfaces?.length ? [`by ${interfaces.join(", ")}`] : [],
    ...port === undefined ? [] : [`port ${port}`],
  ];
  return ["plain: in the clear", ...facts].join(", ");
}

function networkState({ isActive, problem, endpoints }: NetworkReport, terminal: Terminal): Cell {
  if (!isActive) return paintedCell(terminal, "quiet", "inactive");
  if (problem !== undefined) return paintedCell(terminal, "bad", "failed");
  const wrong = endpoints.filter(({ isLocal, state }) => isLocal && state !== "up").length;
  if (wrong > 0) return paintedCell(terminal, "bad", `${wrong} not up`);
  return paintedCell(terminal, "good", "active");
}

function endpointState({ isLocal, state }: OverlayEndpointReport, terminal: Terminal): Cell {
  if (state === "remote") return paintedCell(terminal, "quiet", "elsewhere");
  const text = isLocal || state === "conflict" ? state : "elsewhere";
  const tone = state === "up" ? "good" : state === "inactive" ? "quiet" : "bad";
  return paintedCell(terminal, tone, text);
}

/** Where it is: the node, the addresses, the device. */
function placeCells(
  { node, isLocal, macAddress, ipAddresses, device, netns, attach }: OverlayEndpointReport,
): string[] {
  const own = attach ?? device;
  const at = own === undefined ? "-" : `${own}${netns === undefined ? "" : ` in ${netns}`}`;
  return [isLocal ? `${node} (this node)` : node, macAddress, ipAddresses.join(", ") || "-", at];
}

function ownRow(endpoint: OverlayEndpointReport, terminal: Terminal): (string | Cell)[] {
  const { name, counts } = endpoint;
  const carried = counts === undefined
    ? ["-", "-", "-"]
    : [formatBytes(counts.bytesIn), formatBytes(counts.bytesOut), String(sum(counts.drops))];
  return [name, ...placeCells(endpoint), ...carried, endpointState(endpoint, terminal)];
}

/** @returns what is wrong with endpoints, and what to do about it, in lines of their own */
export function problemLines(endpoints: readonly OverlayEndpointReport[]): string {
  return endpoints.filter(({ problem }) => problem !== undefined).map(({ network, name, problem, hint }) =>
    `${network}/${name}: ${problem}\n${hint === undefined ? "" : `hint: ${hint}\n`}`
  ).join("");
}

function carriedText({ framesIn, framesOut, bytesIn, bytesOut }: FrameCountsReport): string {
  return `${counted(framesIn, "frame")} from endpoints here (${formatBytes(bytesIn)}), ` +
    `${framesOut} to them (${formatBytes(bytesOut)})`;
}

function droppedFact({ drops }: FrameCountsReport): readonly Fact[] {
  const counts = Object.entries(drops).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  return counts.length === 0
    ? []
    : [["dropped", counts.map(([reason, count]) => `${count} ${reason}`).join(", ")]];
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
