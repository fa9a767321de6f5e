/**
 * What went wrong with the state on disk, in words for the user.
 * @module
 */

import { StateError } from "../../base/mod.ts";

/** Why a state directory cannot be used. */
export type StateProblem =
  | "in-use"
  | "full"
  | "damaged"
  | "foreign"
  | "newer"
  | "not-writable"
  | "read-only"
  | "not-a-directory"
  | "shared"
  | "linked";

const WORDS: Readonly<Record<StateProblem, { readonly says: string; readonly hint: string }>> = {
  "in-use": {
    says: "it is in use by another agent",
    hint:
      "`weft status` shows the agent that runs on it, `weft down` stops it; or choose another with --state.",
  },
  full: {
    says: "the disk is full",
    hint: "Free some space and try again; what was stored is unharmed.",
  },
  damaged: {
    says: "the database is damaged",
    hint: "Put back a copy of it, or move the directory away and join the network anew.",
  },
  foreign: {
    says: "the database is not one of weft",
    hint: "Choose another directory with --state.",
  },
  newer: {
    says: "a newer version of weft wrote it",
    hint: "Run that version, or choose another directory with --state.",
  },
  "not-writable": {
    says: "it is not writable",
    hint: "Run as its owner or as root, or choose another directory with --state.",
  },
  "read-only": {
    says: "its file system is mounted read-only",
    hint:
      "A disk that fails is mounted so: `dmesg` tells. Mount it for writing, or choose another directory with --state.",
  },
  "not-a-directory": {
    says: "it is not a directory",
    hint: "Choose another directory with --state.",
  },
  shared: {
    says: "other users can write to it, or it is another user's",
    hint:
      "It holds private keys: `chmod go-w` it and give it to the user who runs weft, or choose another one with --state.",
  },
  linked: {
    says: "the database is a link or no plain file",
    hint: "Put the file itself there, or choose the directory that it is in with --state.",
  },
};

// SQLite's own words (sqlite3ErrStr in main.c): node:sqlite gives no error number.
const SQLITE_PROBLEMS: readonly (readonly [words: string, problem: StateProblem])[] = [
  ["database is locked", "in-use"],
  ["database or disk is full", "full"],
  ["database disk image is malformed", "damaged"],
  ["malformed database schema", "damaged"],
  ["file is not a database", "damaged"],
  ["attempt to write a readonly database", "not-writable"],
  ["unable to open database file", "not-writable"],
];

const SYSTEM_PROBLEMS: Readonly<Record<string, StateProblem>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EACCES: "not-writable",
  EPERM: "not-writable",
  EROFS: "read-only",
  ENOTDIR: "not-a-directory",
  EEXIST: "not-a-directory",
};

/**
 * @param action what was being done: `open`, `read`, `write` or `copy`
 * @param path the directory or file concerned
 */
export function stateError(action: string, path: string, problem: StateProblem, cause?: unknown): StateError {
  const { says, hint } = WORDS[problem];
  const retryable = problem === "in-use" || problem === "full";
  return new StateError(`Cannot ${action} the state in ${path}: ${says}`, { hint, retryable, cause });
}

/**
 * Puts an error of SQLite or of the file system into words.
 * @param action what was being done: `open`, `read`, `write` or `copy`
 * @param path the directory or file concerned
 * @returns a StateError in any case; an error that is one already comes back as it is
 */
export function stateErrorFrom(action: string, path: string, cause: unknown): StateError {
  if (cause instanceof StateError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const problem = SYSTEM_PROBLEMS[code] ?? SQLITE_PROBLEMS.find(([words]) => message.includes(words))?.[1];
  if (problem !== undefined) return stateError(action, path, problem, cause);
  return new StateError(`Cannot ${action} the state in ${path}: ${message}`, {
    hint: "Look at the disk and its file system, or choose another directory with --state.",
    cause,
  });
}

/** Whether an error says that the disk, or the user's share of it, is full. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof StateError && error.message.endsWith(WORDS.full.says);
}
