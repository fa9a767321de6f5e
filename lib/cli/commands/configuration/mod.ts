/**
 * How a node is told to run: what is kept, what a file says, and having it followed while it runs.
 * @module
 */

export { addConfigCommands } from "./config_commands.ts";
export { addReloadCommand } from "./reload_command.ts";
