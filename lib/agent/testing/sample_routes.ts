/**
 * What may be asked of an agent about networks behind members, without an agent.
 * @module
 */

import type {
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

const exit: ExitReport = { node: null, blocksLan: false, families: [] };

/** Knows one route, and writes down what it was asked to change. */
export class SampleRoutes extends SampleMembers implements RouteControl {
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
