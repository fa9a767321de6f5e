/**
 * The process that an agent runs in, as a port: whoever made it ends it, and keeps its log.
 * @module
 */

import {
  InvalidRequestError,
  type LogLevelChange,
  type LogLevels,
  type LogReport,
  type LogRequest,
  type ProcessControl,
  type StopReport,
} from "../../api/mod.ts";
import type { Agent } from "../agent.ts";

/** A process that is there for the agent alone. */
export interface AgentProcess {
  /** Begins to end it, in a later turn. @returns what is known of it */
  stop(): Omit<StopReport, "name" | "isLeaving">;
  /** The last lines of the log. @returns the last lines of its log */
  logs(request: LogRequest): LogReport;
  /** Says how much is logged. @returns the levels as they are now */
  logLevels(): LogLevels;
  /** Logs more or less. @returns how much is logged then */
  changeLogLevel(change: LogLevelChange): LogLevels;
}

/** @returns the operations about the process; without one of its own an agent ends alone */
export function processOperations(agent: Agent, process: AgentProcess | undefined): ProcessControl {
  return {
    stop() {
      const { name } = agent.mesh.record;
      const report = agent.departure.isDueAtEnd ? { name, isLeaving: true } : { name };
      if (process !== undefined) return { ...report, ...process.stop() };
      agent.stopSoon();
      return report;
    },

    logs: (request) => keeper("show the log").logs(request),
    logLevels: () => keeper("show the levels of the log").logLevels(),
    changeLogLevel: (change) => keeper("change the level of the log").changeLogLevel(change),
  };

  function keeper(what: string): AgentProcess {
    if (process !== undefined) return process;
    throw new InvalidRequestError(`Cannot ${what}: the program that runs this node keeps it`, {
      hint: "Look where that program writes.",
    });
  }
}
