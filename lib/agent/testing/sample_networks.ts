/**
 * What may be asked of an agent about overlay networks, without an agent.
 * @module
 */

import type {
  EndpointRequest,
  NetworkChange,
  NetworkReport,
  NetworkRequest,
  OverlayControl,
  OverlayEndpointReport,
} from "../../api/mod.ts";
import { UnknownEndpointError, UnknownNetworkError } from "../../overlay/mod.ts";
import { SampleServices } from "./sample_services.ts";

const counts = { framesIn: 7, framesOut: 9, bytesIn: 700, bytesOut: 900, drops: { "unknown-source": 2 } };

const endpoint: OverlayEndpointReport = {
  network: "blue",
  name: "web-1",
  node: "lead",
  isLocal: true,
  macAddress: "02:00:00:00:00:01",
  ipAddresses: ["10.0.0.2/24"],
  allowsForeign: false,
  state: "up",
  device: "web-1",
  counts,
};

/** A network with one endpoint here. */
export const sampleNetwork: NetworkReport = {
  id: "net-1",
  name: "blue",
  type: "vxlan",
  identifier: 1001,
  identifierName: "VNI",
  cidrs: ["10.0.0.0/24"],
  mtuBytes: 1370,
  underlay: "mesh",
  isActive: true,
  options: {},
  endpointCount: 1,
  endpoints: [endpoint],
  counts,
};

/** Knows one network with one endpoint, and writes down what it was asked to change. */
export class SampleNetworks extends SampleServices implements OverlayControl {
  listNetworks(): readonly NetworkReport[] {
    return [sampleNetwork];
  }

  createNetwork(request: NetworkRequest): NetworkReport {
    this.asked.push(request);
    return { ...sampleNetwork, name: request.name };
  }

  changeNetwork(change: NetworkChange): NetworkReport {
    this.asked.push(change);
    return sampleNetwork;
  }

  deleteNetwork(network: string, force?: boolean): NetworkReport {
    if (network !== sampleNetwork.name) {
      throw new UnknownNetworkError(`Cannot delete ${network}: there is none`);
    }
    this.asked.push({ network, force });
    return sampleNetwork;
  }

  addEndpoint(request: EndpointRequest): Promise<OverlayEndpointReport> {
    this.asked.push(request);
    return Promise.resolve({ ...endpoint, name: request.name });
  }

  removeEndpoint(network: string, name: string): Promise<OverlayEndpointReport> {
    if (name !== endpoint.name) {
      return Promise.reject(new UnknownEndpointError(`Cannot remove ${network}/${name}: there is none`));
    }
    this.asked.push({ network, name });
    return Promise.resolve(endpoint);
  }

  moveEndpoint(network: string, name: string, node: string): Promise<OverlayEndpointReport> {
    this.asked.push({ network, name, node });
    return Promise.resolve({ ...endpoint, node, isLocal: false, state: "remote" });
  }
}
