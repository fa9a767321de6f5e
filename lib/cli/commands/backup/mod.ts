/**
 * For the day on which a machine or all leaders are gone: copies of a node, and recovery files of a network.
 * @module
 */

export { addBackupCommands } from "./backup_commands.ts";
export { addRecoveryCommands } from "./recovery_commands.ts";
