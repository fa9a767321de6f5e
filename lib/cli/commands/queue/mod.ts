/**
 * The commands about queues. They attach to the running agent as a program does.
 * @module
 */

export { addQueueCommands } from "./queue_commands.ts";
