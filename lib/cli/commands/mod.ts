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

/** Adds the commands, in the order of the help. */
export function addCommands(program: AnyCommand, context: CommandContext): void {
  addUpCommand(program, context);
  addAskCommands(program, context);
  addTopCommand(program, context);
  addExplainCommand(program, context);
  addPeersCommand(program, context);
  addAgentCommands(program, context);
  addConfigCommands(program, context);
  addReloadCommand(program, context);
  addTokenCommands(program, context);
  addPeerCommands(program, context);
  addLabelCommand(program, context);
  addGrantCommands(program, context);
  addDnsCommands(program, context);
  addNetworkCommands(program, context);
  addEndpointCommands(program, context);
  addRouteCommands(program, context);
  addExitCommands(program, context);
  addPolicyCommands(program, context);
  addServiceCommands(program, context);
  addCallCommands(program, context);
  addDataCommands(program, context);
  addQueueCommands(program, context);
  addForwardCommands(program, context);
  addHostCommands(program, context);
  addBugreportCommand(program, context);
  addBackupCommands(program, context);
  addNetcheckCommand(program, context);
  addCompletionCommands(program, context);
  addInstallCommands(program, context);
  addLeaderCommands(program, context);
  addRotateCommand(program, context);
  addAuditCommand(program, context);
  addLeaveCommand(program, context);
  addSimCommand(program, context);
  addWgCommand(program, context);
}
