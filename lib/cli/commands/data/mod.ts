/**
 * The commands about collections. They attach to the running agent as a program does.
 * @module
 */

export { addDataCommands } from "./data_commands.ts";
export { type AttachedData, checkNotOthers, ownersOf, runWithData } from "./attached_data.ts";
