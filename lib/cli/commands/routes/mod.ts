/**
 * The commands about networks behind members, and exits.
 * @module
 */

export * from "./route_commands.ts";
