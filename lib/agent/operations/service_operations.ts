/**
 * What may be asked of a running agent about services, done.
 * @module
 */

import {
  type AgentControl,
  callResult,
  callResults,
  eventLines,
  InvalidRequestError,
  offerLines,
  type ServiceChange,
} from "../../api/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { type CallAnswer, CallError, isProgram, type PeerId } from "../../service/mod.ts";
import type { Agent } from "../agent.ts";
import { UnreachableError } from "../errors.ts";
import { leaderPart } from "./membership_operations.ts";

/** The operations about services. */
export type ServiceOperations = Pick<
  AgentControl,
  | "listServices"
  | "pauseService"
  | "resumeService"
  | "call"
  | "publish"
  | "subscribe"
  | "offer"
  | "listOffers"
>;

/** @returns the operations about services, as `agent` does them */
export function serviceOperations(agent: Agent): ServiceOperations {
  const { services: { runtime, forward, offers }, mesh } = agent;
  return {
    listServices: () => runtime.report(),
    pauseService: (request) => change("pause", request),
    resumeService: (request) => change("resume", request),

    async call({ path, params, ...options }, signal) {
      const answer = await runtime.request(path, params, { ...options, signal })
        .catch((error: unknown) => {
          throw callFailure(path, options.node, error);
        });
      return options.mode === "all"
        ? callResults(answer as readonly CallAnswer[])
        : callResult(answer, signal);
    },

    publish: async ({ topic, data, retain = false, mode = "all" }) =>
      await runtime.publish(topic, data, { retain, broadcastMode: mode }),

    subscribe: ({ pattern, past = false }, signal) =>
      eventLines(runtime.on(pattern, { includePast: past }), publisherName, signal),

    offer({ port, hostname, targetPort = port, allow }, signal) {
      const service = { port: targetPort, ...hostname === undefined ? {} : { hostname } };
      return offerLines(forward.offer(port, service, allow === undefined ? {} : { allow }), signal);
    },

    listOffers: () => offers.report(),
  };

  /** A program of this machine publishes in the name of its node. */
  function publisherName(peer: string | undefined): string {
    if (peer === undefined || isProgram(peer as PeerId)) return mesh.record.name;
    return mesh.roster.liveRecord(peer as NodeId)?.name ?? peer;
  }

  /** A service that the one node does not offer may be there all the same. */
  function callFailure(path: string, node: string | undefined, error: unknown): unknown {
    if (!(error instanceof CallError) || error.code !== "NoProvider" || node === undefined) return error;
    const { code, retryable, executed } = error;
    if (agent.members.find(node) === undefined) {
      const { message } = error;
      return new CallError({ code, message, retryable: false, executed }, {
        hint: "`weft peers` lists all names.",
      });
    }
    const service = path.slice(0, path.lastIndexOf("/"));
    const names = runtime.report(service)[0]?.providers.map(({ name }) => name).sort() ?? [];
    if (names.length === 0) return error;
    const offer = `${names.join(", ")} ${names.length === 1 ? "does" : "do"}`;
    return new CallError({
      code,
      message: `${node} does not offer ${service}; ${offer}`,
      retryable,
      executed,
    });
  }

  async function change(action: "pause" | "resume", { path, node }: ServiceChange): Promise<boolean> {
    const [report] = runtime.report(path);
    if (node === undefined && !report?.providers.some(({ isLocal }) => isLocal)) {
      const elsewhere = report?.providers.map(({ name }) => name) ?? [];
      throw new InvalidRequestError(`Cannot ${action} ${path}: this node does not offer it`, {
        hint: elsewhere.length > 0
          ? `It runs on ${elsewhere.join(", ")}: name one with --node.`
          : "`weft service list` shows all.",
      });
    }
    const target = { node: node ?? mesh.identity.id };
    const answer = await runtime.request(`$registry/${action}`, { path }, target).catch((error) => {
      // Others let leaders alone do it.
      if (error instanceof CallError && error.code === "Refused") leaderPart(mesh, mesh.admission);
      throw changeFailure(`${action} ${path}`, node, error);
    });
    return (answer as { readonly changed?: unknown } | undefined)?.changed === true;
  }
}

/** What people are told: `$registry` and ids of nodes are none of their words. */
function changeFailure(what: string, node: string | undefined, error: unknown): unknown {
  if (!(error instanceof CallError) || node === undefined) return error;
  if (error.code === "UnknownService") {
    return new InvalidRequestError(`Cannot ${what}: ${node} does not offer it`, {
      hint: "`weft service list` shows who offers it.",
    });
  }
  if (error.code !== "Unreachable" && error.code !== "OutcomeUnknown") return error;
  return new UnreachableError(`Cannot ${what}: ${node} does not answer`, {
    hint: "`weft peers` shows when it was last heard.",
  });
}
