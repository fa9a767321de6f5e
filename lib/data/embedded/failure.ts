/**
 * What SQLite says, as failures of collections.
 * @module
 */

import { DataError } from "../errors.ts";

/** @returns a DataError in any case; one that is one already comes back as it is */
export function engineFailure(cause: unknown): DataError {
  if (cause instanceof DataError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  // SQLite's own words (sqlite3ErrStr in main.c): node:sqlite gives no error number.
  if (message.includes("database or disk is full")) {
    return new DataError("DiskFull", "Nothing was written: the owner's disk or database is full", {
      hint: "What is there can be read and deleted; free some space of the owner.",
      cause,
    });
  }
  return new DataError("Failed", `The collections could not be read or written: ${message}`, { cause });
}
