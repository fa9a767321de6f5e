/**
 * The log of an agent: one line an event, to standard error.
 * @module
 */

import { configureSync, getLogger, type LogRecord, resetSync } from "@logtape/logtape";
import { type Logger, printableJson, showUnprintable } from "../base/mod.ts";
import type { LogLevel } from "../config/mod.ts";
import { LogRing } from "./log_ring.ts";

/** How many lines are kept while the log is held. */
const HELD_LINES = 1000;

/** A log that can be held until it is clear that it will be wanted. */
export interface AgentLog extends Logger, Disposable {
  /** The end of it, also while it is held. */
  readonly recent: LogRing;
  /** Writes what was held, and all that comes. */
  release(): void;
  /** Changes how much is written. */
  setLevel(level: LogLevel): void;
}

/**
 * Makes the log of an agent.
 * @param options.write takes a line with its line feed
 * @param options.held keeps lines back until `release`: a refused start then says just why
 */
export function openLog(
  options: { readonly level: LogLevel; readonly held: boolean; readonly write: (line: string) => void },
): AgentLog {
  let held: string[] | undefined = options.held ? [] : undefined;
  const recent = new LogRing();
  const sink = (record: LogRecord) => {
    const line = logLine(record);
    recent.push(line);
    if (held === undefined) options.write(line);
    else if (held.length < HELD_LINES) held.push(line);
  };
  const configure = (level: LogLevel) =>
    configureSync({
      reset: true,
      sinks: { line: sink },
      loggers: [
        { category: ["weft"], sinks: ["line"], lowestLevel: level === "warn" ? "warning" : level },
        { category: ["logtape", "meta"], sinks: ["line"], lowestLevel: "error" },
      ],
    });
  configure(options.level);
  const log = getLogger(["weft"]);
  return {
    debug: (message, fields = {}) => log.debug(message, { ...fields }),
    info: (message, fields = {}) => log.info(message, { ...fields }),
    warn: (message, fields = {}) => log.warn(message, { ...fields }),
    error: (message, fields = {}) => log.error(message, { ...fields }),
    recent,
    release() {
      const lines = held ?? [];
      held = undefined;
      for (const line of lines) options.write(line);
    },
    setLevel: configure,
    [Symbol.dispose]: resetSync,
  };
}

/** `2026-01-31T12:00:00.000Z info  joined  name=web-1 address=10.200.0.2` */
function logLine(record: LogRecord): string {
  const at = new Date(record.timestamp).toISOString();
  const level = (record.level === "warning" ? "warn" : record.level).padEnd(5);
  const fields = Object.entries(record.properties).map(([name, value]) => ` ${name}=${fieldText(value)}`);
  const message = typeof record.rawMessage === "string" ? record.rawMessage : record.rawMessage.join("");
  // Names of others may be in a message; a line stays a line.
  return `${at} ${level} ${showUnprintable(message)}${fields.length > 0 ? " " : ""}${fields.join("")}\n`;
}

function fieldText(value: unknown): string {
  if (value instanceof Error) return printableJson(value.message);
  const text = typeof value === "object" && value !== null && value.toString === Object.prototype.toString
    ? printableJson(value)
    : String(value);
  return /^[\w.:/@+[\]-]+$/.test(text) ? text : printableJson(text);
}
