/**
 * What may be asked of the process that an agent runs in: its end, and its log.
 * @module
 */

import type { LogCategory, LogLevel } from "../base/mod.ts";

/** The most lines of the log that are kept, and given at once. */
export const MAX_LOG_LINES = 1_000;

/** The systemd unit that has started a process. */
export interface UnitReport {
  /** As in `weft.service`. */
  readonly name: string;
  /** Whether it is a user's (`systemctl --user`). */
  readonly isUser: boolean;
}

/** A process that is about to end. */
export interface StopReport {
  /** The node's name. */
  readonly name: string;
  /** Its number, where it is told. */
  readonly pid?: number;
  /** Absent when no unit has started it. */
  readonly unit?: UnitReport;
  /** Whether it leaves its network before it ends, as ephemeral nodes do. */
  readonly isLeaving?: boolean;
}

/** Which lines of the log are wanted: the last of those that there are. */
export interface LogRequest {
  /** Only what came after the line of this number. */
  readonly after?: number;
  /** How many; all that are kept unless told. */
  readonly lines?: number;
}

/** A line of the log. */
export interface LogLine {
  /** Since the start, from 1. */
  readonly number: number;
  /** As a person reads it, however the log is written. */
  readonly text: string;
  /** Absent from agents of a former release, as is the part. */
  readonly level?: LogLevel;
  /** The part of the node that it is of; absent for the node as a whole. */
  readonly category?: string;
}

/** The end of the log, the oldest line first. */
export interface LogReport {
  /** Those that are wanted and kept. */
  readonly lines: readonly LogLine[];
  /** Whose journal has more. */
  readonly unit?: UnitReport;
}

/** How much is logged. */
export interface LogLevels {
  /** Of everything that is not listed. */
  readonly level: LogLevel;
  /** Of the parts of a node that have a level of their own. */
  readonly categories: Readonly<Partial<Record<LogCategory, LogLevel>>>;
}

/** A change of that, until the agent ends. */
export interface LogLevelChange {
  /** From which level on lines are written. */
  readonly level: LogLevel;
  /** Of which part of a node; of all of them unless told. */
  readonly category?: LogCategory;
}

/** The operations. */
export interface ProcessControl {
  /** Ends the agent as Ctrl-C does; what it has changed on the host is taken back after the answer. */
  stop(): StopReport;
  /** The last lines of the log. @throws WeftError with code `InvalidRequest` where a program of somebody else runs the agent and keeps its log */
  logs(request: LogRequest): LogReport;
  /** How much is logged. @throws WeftError as `logs` does */
  logLevels(): LogLevels;
  /** Logs more or less from now on. @returns how much is logged then @throws WeftError as `logs` does */
  changeLogLevel(change: LogLevelChange): LogLevels;
}
