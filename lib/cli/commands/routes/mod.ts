/**
 * The commands about networks behind members, and exits.
 * @module
 */

export { addExitCommands } from "./exit_commands.ts";
export { addRouteCommands } from "./route_commands.ts";
