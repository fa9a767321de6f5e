/**
 * How grave a line of the log is, and which part of a node it is of, so that each can be listened to by itself.
 * @module
 */

import type { Logger } from "./environment.ts";

/** How grave a line is; at a level those are written that are at least as grave. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** One of the parts of a node. */
export type LogCategory =
  | "mesh"
  | "services"
  | "dns"
  | "dataplane"
  | "networks"
  | "policy"
  | "routes"
  | "paths"
  | "discovery"
  | "http";

/** All of them; what is of none is the node's as a whole. */
export const LOG_CATEGORIES: readonly LogCategory[] = [
  ...["mesh", "services", "dns", "dataplane", "networks", "policy", "routes", "paths", "discovery"] as const,
  "http",
];

/** @returns the log for the lines of one part; the same log where it does not tell parts apart */
export function logOf(log: Logger, category: LogCategory): Logger {
  return log.category?.(category) ?? log;
}
