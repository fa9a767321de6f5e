/**
 * What is said of overlay networks and their endpoints.
 * @module
 */

import type { FrameCountsReport, NetworkReport, OverlayEndpointReport } from "../../api/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { blocksOf, type EndpointDefinition, endpointKey, type EndpointOptions } from "../../overlay/mod.ts";
import type { LocalState } from "./local_endpoints.ts";
import type { NetworkFailure } from "./network_sync.ts";
import type { KnownEndpoint, KnownNetwork } from "./network_book.ts";

/** What of this host and of the mesh is told. */
export interface ReportSources {
  readonly ownId: string;
  readonly nameOf: (nodeId: NodeId) => string | undefined;
  readonly identifierName: (type: string) => string | undefined;
  readonly mtuOf: (network: KnownNetwork) => number | undefined;
  /** Why this host cannot carry a network. */
  readonly failureOf: (name: string) => NetworkFailure | undefined;
  readonly optionsOf: (key: string) => EndpointOptions;
  readonly stateOf: (key: string) => LocalState | undefined;
  readonly portCounts: (key: string) => FrameCountsReport | undefined;
  readonly networkCounts: (name: string) => FrameCountsReport | undefined;
}

/** @param isBrief whether other hosts' endpoints are left out */
export function networkReport(network: KnownNetwork, sources: ReportSources, isBrief = false): NetworkReport {
  const { definition, endpoints } = network;
  const { id, name, type, vni, plain, active, options, interfaces, members, gateway, stormLimit } =
    definition;
  const counts = sources.networkCounts(name);
  const identifierName = sources.identifierName(type);
  const shown = [...endpoints.values()].filter((endpoint) => !isBrief || isHere(endpoint, sources));
  return {
    id,
    name,
    type,
    identifier: vni,
    identifierName: identifierName ?? "identifier",
    cidrs: blocksOf(definition).map(String),
    mtuBytes: sources.mtuOf(network) ?? definition.mtu ?? 0,
    underlay: plain === undefined ? "mesh" : "plain",
    isActive: active,
    options,
    ...plain?.remotes !== undefined && { remotes: plain.remotes },
    ...plain?.group !== undefined && { group: plain.group },
    ...plain !== undefined && interfaces.length > 0 && { interfaces },
    ...plain?.port !== undefined && { port: plain.port },
    ...members !== undefined && { members },
    ...gateway !== undefined && { gateway: sources.nameOf(gateway as NodeId) ?? gateway },
    ...stormLimit !== undefined && { stormLimit },
    endpointCount: endpoints.size,
    endpoints: shown.map((endpoint) => endpointReport(network, endpoint, sources))
      .sort((a, b) => a.name < b.name ? -1 : 1),
    ...counts && { counts },
    ...problemOf(network, identifierName, sources.failureOf(name)),
  };
}

/** How one endpoint is doing, as this node sees it. */
export function endpointReport(
  network: KnownNetwork,
  endpoint: KnownEndpoint,
  sources: ReportSources,
): OverlayEndpointReport {
  const { definition, owner, conflict } = endpoint;
  const { name, nodeId, mac, allowsForeign } = definition;
  const isLocal = isHere(endpoint, sources);
  const key = endpointKey(definition);
  const { device, netns, attach } = isLocal ? sources.optionsOf(key) : {};
  const local = isLocal ? sources.stateOf(key) : undefined;
  const counts = isLocal ? sources.portCounts(key) : undefined;
  const deviceName = local?.device ?? device;
  const isInactive = !network.definition.active || network.conflict !== undefined;
  return {
    network: network.definition.name,
    name,
    node: owner?.name ?? sources.nameOf(nodeId as NodeId) ?? nodeId,
    isLocal,
    macAddress: mac.toString(),
    ipAddresses: withPrefixes(network, definition),
    allowsForeign,
    state: conflict !== undefined
      ? "conflict"
      : isInactive
      ? "inactive"
      : !isLocal
      ? "remote"
      : local?.state ?? "failed",
    ...conflict !== undefined
      ? {
        problem: `${conflict.what} is ${endpointKey(conflict.owner)}'s, which is older`,
        hint: "Its host asks a leader for others by itself.",
      }
      : owner === undefined
      ? { problem: "its member is none any more, or may have no endpoints here" }
      : !isInactive && local?.problem !== undefined
      ? { problem: local.problem, ...local.hint !== undefined && { hint: local.hint } }
      : {},
    ...deviceName !== undefined && { device: deviceName },
    ...netns !== undefined && { netns },
    ...attach !== undefined && { attach },
    ...counts && { counts },
  };
}

function isHere({ owner }: KnownEndpoint, { ownId }: ReportSources): boolean {
  return owner?.nodeId === ownId;
}

function withPrefixes({ definition }: KnownNetwork, { addresses }: EndpointDefinition): readonly string[] {
  const blocks = blocksOf(definition);
  return addresses.map((address) => {
    const block = blocks.find((block) => block.contains(address));
    return block === undefined ? address.toString() : `${address}/${block.prefixBits}`;
  });
}

function problemOf(
  { definition: { type, vni }, conflict }: KnownNetwork,
  identifierName: string | undefined,
  failure: NetworkFailure | undefined,
): Pick<NetworkReport, "problem" | "hint"> {
  if (identifierName === undefined) {
    return { problem: `this release has no driver ${type}`, hint: "`weft version` shows the release." };
  }
  if (failure !== undefined) {
    const { message: problem, hint } = failure;
    return { problem, ...hint !== undefined && { hint } };
  }
  if (conflict === undefined) return {};
  return {
    problem: `${type} ${vni} is the same on the wire as ${conflict.owner.name}, which is older`,
    hint: `Delete it and make it again without an identifier.`,
  };
}
