/**
 * What a person should know of and can mend, where nothing fails at once: names that two members have had, two machines
 * with one key, clocks that are wrong. It is looked at from time to time, told once in the log, and for as long as it is so
 * in `status`, `weft doctor` and on the page.
 *
 *     members' names, statements, clocks ──► Warnings ──► log, StatusReport.warnings
 *
 * @module
 */

export { watchForWarnings } from "./agent_warnings.ts";
export { type Warning, Warnings } from "./warnings.ts";
