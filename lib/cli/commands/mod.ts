/**
 * The commands that start an agent, ask a running one, or do without, a file for each kind. Each adds itself to the
 * program, reads its options, asks, and prints the answer or JSON.
 * @module
 */

import type { AnyCommand, CommandContext } from "../weft_command.ts";
import { addAuditCommand, addLeaveCommand } from "./admission_commands.ts";
import { addAgentCommands } from "./agent_commands.ts";
import { addBackupCommands } from "./backup/mod.ts";
import { addBugreportCommand } from "./bugreport/mod.ts";
import { addCallCommands } from "./call_commands.ts";
import { addCompletionCommands } from "./completion_commands.ts";
import { addConfigCommands, addReloadCommand } from "./configuration/mod.ts";
import { addDataCommands } from "./data/mod.ts";
import { addQueueCommands } from "./queue/mod.ts";
import { addDnsCommands } from "./dns_commands.ts";
import { addForwardCommands } from "./forward_commands.ts";
import { addHostCommands } from "./host_commands.ts";
import { addInstallCommands } from "./install_commands.ts";
import { addLeaderCommands, addRotateCommand } from "./leader_commands.ts";
import { addGrantCommands, addLabelCommand } from "./member_commands.ts";
import { addEndpointCommands, addNetworkCommands } from "./overlays/mod.ts";
import { addNetcheckCommand } from "./reach/mod.ts";
import { addPeerCommands } from "./peer_commands.ts";
import { addPeersCommand } from "./peers_commands.ts";
import { addPolicyCommands } from "./policies/mod.ts";
import { addExitCommands, addRouteCommands } from "./routes/mod.ts";
import { addServiceCommands } from "./service_commands.ts";
import { addSimCommand } from "./sim_command.ts";
import { addUpCommand } from "./start_commands.ts";
import { addAskCommands, addExplainCommand, addTopCommand } from "./status/mod.ts";
import { addTokenCommands } from "./token_commands.ts";
import { addWgCommand } from "./wg_command.ts";

export { addStartOptions } from "./start_commands.ts";
export { withoutWgQuick } from "./wg_command.ts";

/** Which words those are that some commands begin with, and what adds these. In the order of the help. */
const COMMANDS: readonly (readonly [names: string, add: AddCommands])[] = [
  ["up", addUpCommand],
  ["status ping", addAskCommands],
  ["top", addTopCommand],
  ["explain", addExplainCommand],
  ["peers", addPeersCommand],
  ["down logs version", addAgentCommands],
  ["config", addConfigCommands],
  ["reload", addReloadCommand],
  ["token", addTokenCommands],
  ["peer", addPeerCommands],
  ["label", addLabelCommand],
  ["grant", addGrantCommands],
  ["dns", addDnsCommands],
  ["network", addNetworkCommands],
  ["endpoint", addEndpointCommands],
  ["route", addRouteCommands],
  ["exit", addExitCommands],
  ["policy", addPolicyCommands],
  ["service", addServiceCommands],
  ["call publish subscribe", addCallCommands],
  ["data", addDataCommands],
  ["queue", addQueueCommands],
  ["proxy forward offer", addForwardCommands],
  ["doctor cleanup", addHostCommands],
  ["bugreport", addBugreportCommand],
  ["backup recovery-key restore", addBackupCommands],
  ["netcheck", addNetcheckCommand],
  ["completions complete", addCompletionCommands],
  ["install uninstall", addInstallCommands],
  ["leader", addLeaderCommands],
  ["rotate-key", addRotateCommand],
  ["audit", addAuditCommand],
  ["leave", addLeaveCommand],
  ["sim", addSimCommand],
  ["wg", addWgCommand],
];

/** Adds commands to the program. */
export type AddCommands = (program: AnyCommand, context: CommandContext) => void;

/** The commands of each adder, by the words that they begin with. */
export const COMMAND_ADDERS: ReadonlyMap<string, AddCommands> = new Map(
  COMMANDS.flatMap(([names, add]) => names.split(" ").map((name) => [name, add] as const)),
);

/** Adds the commands, in the order of the help. */
export function addCommands(program: AnyCommand, context: CommandContext): void {
  for (const [, add] of COMMANDS) add(program, context);
}
