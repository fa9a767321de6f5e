/**
 * What may be asked of a running agent about overlay networks, done.
 * @module
 */

import type { EndpointRequest, NetworkChange, NetworkRequest, OverlayControl } from "../../api/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import {
  type EndpointConfig,
  type EndpointOptions,
  InvalidEndpointError,
  InvalidNetworkError,
  type NewOverlayNetwork,
  type PlainUnderlayOptions,
} from "../../overlay/mod.ts";
import type { Agent } from "../agent.ts";
import type { NetworkAmendment } from "../networks/mod.ts";
import { asInvalid, asOperator, leaderPart, memberOf } from "./membership_operations.ts";

/** The driver of a network unless told. */
const USUAL_DRIVER = "vxlan";

/** @returns the operations about overlay networks, as `agent` does them */
export function networkOperations(agent: Agent): OverlayControl {
  const { mesh, networks } = agent;
  return {
    listNetworks: () => networks.reports(),

    createNetwork(request) {
      leaderPart(mesh, mesh.admission);
      const wanted = readNetwork(request, (text) => memberOf(agent, text).record.nodeId);
      const { name } = asOperator(mesh, () => asInvalid(() => networks.acts.create(wanted)));
      return networks.report(name);
    },

    changeNetwork(change) {
      leaderPart(mesh, mesh.admission);
      const network = networks.require(change.network);
      const amendment = readChange(
        change,
        network.definition.plain,
        (text) => memberOf(agent, text).record.nodeId,
      );
      const { name } = asOperator(mesh, () => asInvalid(() => networks.acts.change(network, amendment)));
      return networks.report(name);
    },

    deleteNetwork(text, force = false) {
      leaderPart(mesh, mesh.admission);
      const network = networks.require(text);
      const report = networks.report(text);
      asOperator(mesh, () => networks.acts.delete(network, force));
      return report;
    },

    addEndpoint: (request) => networks.addEndpoint(readEndpoint(request)),
    removeEndpoint: (network, endpoint) => networks.removeEndpoint(network, endpoint),
    moveEndpoint: (network, endpoint, node) =>
      networks.moveEndpoint(network, endpoint, memberOf(agent, node).record),
  };
}

/** @throws InvalidNetworkError when fields contradict each other */
function readNetwork(
  request: NetworkRequest,
  nodeIdOf: (text: string) => string,
): Omit<NewOverlayNetwork, "vni"> & { readonly vni?: number } {
  const { name, type = USUAL_DRIVER, identifier: vni, cidrs = [], mtuBytes: mtu, underlay = "mesh" } =
    request;
  const { remotes, group, interfaces, port, hopLimit, members, gateway, options, stormLimit } = request;
  const invalid = (why: string) => new InvalidNetworkError(`Cannot make the network ${name}: ${why}`);
  const [cidr, ...ofFour] = cidrs.filter((text) => !text.includes(":"));
  const [cidr6, ...ofSix] = cidrs.filter((text) => text.includes(":"));
  if (ofFour.length + ofSix.length > 0) throw invalid("it has one block of each family at most");
  const plain: PlainUnderlayOptions = {
    ...group !== undefined && { group },
    ...remotes !== undefined && remotes.length > 0 && { remotes },
    ...port !== undefined && { port },
    ...hopLimit !== undefined && { hopLimit },
  };
  const isPlain = underlay === "plain";
  if (!isPlain && (Object.keys(plain).length > 0 || (interfaces?.length ?? 0) > 0)) {
    throw invalid("remotes, a group, a port, a hop limit and interfaces are of a plain underlay");
  }
  return {
    name,
    type,
    ...vni !== undefined && { vni },
    ...cidr !== undefined && { cidr },
    ...cidr6 !== undefined && { cidr6 },
    ...mtu !== undefined && mtu > 0 && { mtu },
    ...isPlain && { plain, interfaces: interfaces ?? [] },
    ...members !== undefined && members !== "" && { members },
    ...gateway !== undefined && { gateway: nodeIdOf(gateway) },
    ...options !== undefined && { options },
    ...stormLimit !== undefined && stormLimit > 0 && { stormLimit },
  };
}

/** @throws InvalidNetworkError when fields contradict each other */
function readChange(
  change: NetworkChange,
  plain: PlainUnderlayOptions | undefined,
  nodeIdOf: (text: string) => string,
): NetworkAmendment {
  const { network, mtuBytes, remotes, members, gateway, isActive, stormLimit } = change;
  if (remotes !== undefined && plain === undefined) {
    throw new InvalidNetworkError(`Cannot change the network ${network}: remotes are of a plain underlay`);
  }
  const { remotes: _, ...rest } = plain ?? {};
  return {
    ...mtuBytes !== undefined && { mtu: mtuBytes === 0 ? undefined : mtuBytes },
    ...remotes !== undefined && { plain: remotes.length === 0 ? rest : { ...rest, remotes } },
    ...members !== undefined && { members: members === "" ? undefined : members },
    ...gateway !== undefined && { gateway: gateway === "" ? undefined : nodeIdOf(gateway) },
    ...isActive !== undefined && { active: isActive },
    ...stormLimit !== undefined && { stormLimit: stormLimit === 0 ? undefined : stormLimit },
  };
}

/** @throws InvalidEndpointError when it has two addresses of a family */
function readEndpoint(request: EndpointRequest): EndpointConfig {
  const { network: networkId, name, macAddress, ipAddresses = [], allowsForeign: foreign } = request;
  const { device, netns, attach } = request;
  const [ipAddress, ...ofFour] = ipAddresses.filter((text) => !isSix(text));
  const [ipAddress6, ...ofSix] = ipAddresses.filter(isSix);
  if (ofFour.length + ofSix.length > 0) {
    throw new InvalidEndpointError(
      `Cannot make the endpoint ${networkId}/${name}: it has one address of each family at most`,
    );
  }
  const options: EndpointOptions = {
    ...device !== undefined && { device },
    ...netns !== undefined && { netns },
    ...attach !== undefined && { attach },
    ...foreign !== undefined && { foreign },
  };
  return {
    networkId,
    name,
    ...macAddress !== undefined && { macAddress },
    ...ipAddress !== undefined && { ipAddress },
    ...ipAddress6 !== undefined && { ipAddress6 },
    options,
  };
}

function isSix(text: string): boolean {
  return IpAddress.parse(text.split("/")[0] ?? "")?.family === 6;
}
