/**
 * What may be asked of an agent about networks behind members and servers of collections, without an agent.
 * @module
 */

import type {
  DataServerReplacement,
  DataServersControl,
  DataServersReport,
  DataServersRequest,
  DataServersStop,
  ExitReport,
  ExitRequest,
  RouteChoice,
  RouteControl,
  RouteReport,
  RouteRequest,
} from "../../api/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import { SampleMembers } from "./sample_members.ts";

const route: RouteReport = {
  network: "192.168.50.0/24",
  node: "web-1",
  state: "approved",
  masquerade: true,
  isExit: false,
  use: "carries",
  decidedBy: "lead",
  decidedAt: 1_790_000_000_000,
};

const servers: DataServersReport = {
  replicas: 1,
  hasQuorum: true,
  decidedBy: "lead",
  decidedAt: 1_790_000_000_000,
  servers: [{ node: "web-1", state: "running", version: "2.12.0", sinceMs: 1_000, restarts: 0 }],
};

const exit: ExitReport = { node: null, blocksLan: false, families: [] };

/** Knows one route, and writes down what it was asked to change. */
export class SampleRoutes extends SampleMembers implements RouteControl, DataServersControl {
  dataServers(): Promise<DataServersReport> {
    return Promise.resolve(servers);
  }

  startDataServers(request: DataServersRequest): Promise<DataServersReport> {
    this.asked.push(request);
    return Promise.resolve(servers);
  }

  replaceDataServer(request: DataServerReplacement): Promise<DataServersReport> {
    this.asked.push(request);
    return Promise.resolve(servers);
  }

  stopDataServers(request: DataServersStop): Promise<DataServersReport> {
    this.asked.push(request);
    return Promise.resolve({ replicas: 0, hasQuorum: false, servers: [] });
  }

  listRoutes(): readonly RouteReport[] {
    return [route];
  }

  addRoute(request: RouteRequest): RouteReport {
    this.asked.push(request);
    return { ...route, network: request.network, masquerade: request.masquerade ?? true, state: "offered" };
  }

  approveRoute(choice: RouteChoice): RouteReport {
    return this.#decide(choice, "approved");
  }

  rejectRoute(choice: RouteChoice): RouteReport {
    return this.#decide(choice, "rejected");
  }

  removeRoute(choice: RouteChoice): RouteReport {
    return this.#decide(choice, "withdrawn");
  }

  exitStatus(): ExitReport {
    return exit;
  }

  useExit(request: ExitRequest): ExitReport {
    this.asked.push(request);
    return { ...exit, node: request.node, families: [4, 6], blocksLan: request.blocksLan ?? false };
  }

  leaveExit(): ExitReport {
    this.asked.push("leave-exit");
    return exit;
  }

  #decide(choice: RouteChoice, state: RouteReport["state"]): RouteReport {
    if (choice.network !== route.network) {
      throw new InvalidRequestError(`Cannot find the route ${choice.network}`);
    }
    this.asked.push({ ...choice, state });
    return { ...route, state };
  }
}
