/**
 * The replicated engine: collections whose commits stand in one log that several nodes read. The order of the log is the
 * order of all commits. Each node does what the log says to its own copy, an embedded database, and each comes to the same.
 *
 * ```
 *   commit ─▶ CommitSender ── append ──▶ log ──▶ LogCopy of this node ──▶ answer
 *                                         └────▶ LogCopy of another one
 *   get, list, query ─▶ where does the log end? ─▶ when the copy is there: read
 * ```
 *
 * It knows no server: the log is a port, `CommitLog`.
 *
 * @module
 */

export type * from "./commit_log.ts";
export type { CopyFile } from "./log_copy.ts";
export { RECORD_VERSION } from "./log_record.ts";
export * from "./replicated_engine.ts";
