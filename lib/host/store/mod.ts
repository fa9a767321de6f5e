/**
 * What outlives the process: the state in SQLite, and the journal of changes to the host, by which a later start takes
 * back what a killed one has left.
 * @module
 */

export * from "./file_replacement.ts";
export * from "./host_journal.ts";
export { isMountPoint } from "./mount_point.ts";
export * from "./replaceable_database.ts";
export * from "./resumed_state_store.ts";
export * from "./sqlite_file.ts";
export * from "./sqlite_state_store.ts";
export { stateErrorFrom } from "./state_failure.ts";
