/**
 * The commands that start an agent, ask a running one, or do without, a file for each kind. Each adds itself to the
 * program, reads its options, asks, and prints the answer or JSON.
 * @module
 */

export { addAskCommands } from "./ask_commands.ts";
export { addCallCommands } from "./call_commands.ts";
export { addDnsCommands } from "./dns_commands.ts";
export { addForwardCommands } from "./forward_commands.ts";
export { addLeaderCommands, addRotateCommand } from "./leader_commands.ts";
export { addPeerCommands, addTokenCommands } from "./member_commands.ts";
export { addServiceCommands } from "./service_commands.ts";
export { addSimCommand } from "./sim_command.ts";
export { addStartOptions, addUpCommand } from "./start_commands.ts";
export { addWgCommand, withoutWgQuick } from "./wg_command.ts";
