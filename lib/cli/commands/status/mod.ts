/**
 * How things stand: the node and its peers, what goes through it, and why a member is reached or not.
 * @module
 */

export { addAskCommands } from "./ask_commands.ts";
export { addExplainCommand } from "./explain_command.ts";
export { addTopCommand } from "./top_command.ts";
