/**
 * `weft doctor`, `cleanup`, `install`, `completions`: commands about this host, for which no agent need run.
 * @module
 */

export { addHostCommands } from "./host_commands.ts";
