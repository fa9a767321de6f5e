/**
 * How grave a line of the log is, and which part of a node it is of, so that each can be listened to by itself.
 * @module
 */

import type { Logger } from "./environment.ts";

/** The parts; what is of none of them is the node's as a whole. */
export const LOG_CATEGORIES = [
  "mesh",
  "services",
  "dns",
  "dataplane",
  "networks",
  "policy",
  "routes",
  "paths",
  "discovery",
  "http",
] as const;

/** How grave a line is; at a level those are written that are at least as grave. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** One of the parts. */
export type LogCategory = typeof LOG_CATEGORIES[number];

/** @returns the log for the lines of one part; the same log where it does not tell parts apart */
export function logOf(log: Logger, category: LogCategory): Logger {
  return log.category?.(category) ?? log;
}
