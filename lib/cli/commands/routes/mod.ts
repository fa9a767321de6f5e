/**
 * The commands about networks behind members, and exits.
 * @module
 */

export * from "./exit_commands.ts";
export * from "./route_commands.ts";
