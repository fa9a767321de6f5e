/**
 * What may be asked of the process that an agent runs in: its end, and its log.
 * @module
 */

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

/** The end of the log, the oldest line first. */
export interface LogReport {
  /** Each with its number since the start, from 1. */
  readonly lines: readonly { readonly number: number; readonly text: string }[];
  /** Whose journal has more. */
  readonly unit?: UnitReport;
}

/** The operations. */
export interface ProcessControl {
  /** Ends the agent as Ctrl-C does; what it has changed on the host is taken back after the answer. */
  stop(): StopReport;
  /** The last lines of the log. @throws WeftError with code `InvalidRequest` where a program of somebody else runs the agent and keeps its log */
  logs(request: LogRequest): LogReport;
}
