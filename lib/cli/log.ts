/**
 * The log of an agent: one line an event, to standard error; as a person reads it, or as a JSON object.
 * @module
 */

import { configureSync, getLogger, type LogRecord, resetSync } from "@logtape/logtape";
import { LOG_CATEGORIES, type Logger, type LogLevel, printableJson, showUnprintable } from "../base/mod.ts";
import type { LogFormat } from "../config/mod.ts";
import type { LogLevelChange, LogLevels } from "../api/mod.ts";
import { LogRing } from "./log_ring.ts";

/** How many lines are kept while the log is held. */
const HELD_LINES = 1000;
const ROOT = "weft";

/** A log that can be held until it is clear that it will be wanted. */
export interface AgentLog extends Logger, Disposable {
  /** The end of it, also while it is held. */
  readonly recent: LogRing;
  /** How much is written. */
  readonly levels: LogLevels;
  /** Writes what was held, and all that comes. */
  release(): void;
  /** Changes how much is written; without a category of everything. */
  setLevel(change: LogLevelChange): void;
  /** Changes how much is written of everything, as at the start. */
  setLevels(levels: LogLevels): void;
  /** Changes how it is written. */
  setFormat(format: LogFormat): void;
}

/** How a log begins, and where it goes. */
export interface LogOptions {
  readonly level: LogLevel;
  /** Of parts that have another level. */
  readonly categories?: LogLevels["categories"];
  /** `text` unless given. */
  readonly format?: LogFormat;
  /** Keeps lines back until `release`: a refused start then says just why. */
  readonly held: boolean;
  /**
   * Whether it is the journal that reads: that has times of its own, and takes levels by sd-daemon(3); of lines of text,
   * since JSON is for programs.
   */
  readonly isJournal?: boolean;
  /** Takes a line with its line feed. */
  readonly write: (line: string) => void;
}

/** Makes the log of an agent. */
export function openLog(options: LogOptions): AgentLog {
  let held: LogRecord[] | undefined = options.held ? [] : undefined;
  let format = options.format ?? "text";
  const recent = new LogRing();
  const write = (record: LogRecord) => {
    const line = format === "json"
      ? jsonLine(record)
      : options.isJournal === true
      ? `<${PRIORITIES[levelOf(record)]}>${textLine(record)}`
      : timedLine(record);
    options.write(line);
  };
  const sink = (record: LogRecord) => {
    const category = categoryOf(record);
    recent.push(timedLine(record), { level: levelOf(record), ...category !== undefined && { category } });
    if (held === undefined) write(record);
    else if (held.length < HELD_LINES) held.push(record);
  };
  let levels: LogLevels = { level: options.level, categories: options.categories ?? {} };
  const configure = () => {
    const at = (level: LogLevel) => level === "warn" ? "warning" as const : level;
    configureSync({
      reset: true,
      sinks: { line: sink },
      loggers: [
        { category: [ROOT], sinks: ["line"], lowestLevel: at(levels.level) },
        ...LOG_CATEGORIES.map((name) => ({
          category: [ROOT, name],
          sinks: ["line"],
          // The level of the parent would hold back what a child alone is to say.
          parentSinks: "override" as const,
          lowestLevel: at(levels.categories[name] ?? levels.level),
        })),
        { category: ["logtape", "meta"], sinks: ["line"], lowestLevel: "error" },
      ],
    });
  };
  configure();
  return {
    ...loggerOf([ROOT]),
    recent,
    get levels() {
      return levels;
    },
    release() {
      const records = held ?? [];
      held = undefined;
      for (const record of records) write(record);
    },
    setLevel({ level, category }) {
      levels = category === undefined
        ? { level, categories: {} }
        : { ...levels, categories: { ...levels.categories, [category]: level } };
      configure();
    },
    setLevels(wanted) {
      levels = wanted;
      configure();
    },
    setFormat(wanted) {
      format = wanted;
    },
    [Symbol.dispose]: resetSync,
  };
}

function loggerOf(category: readonly [string, ...string[]]): Logger {
  const log = getLogger([...category]);
  return {
    debug: (message, fields = {}) => log.debug(message, { ...fields }),
    info: (message, fields = {}) => log.info(message, { ...fields }),
    warn: (message, fields = {}) => log.warn(message, { ...fields }),
    error: (message, fields = {}) => log.error(message, { ...fields }),
    category: (name) => loggerOf([ROOT, name]),
  };
}

/** sd-daemon(3). */
const PRIORITIES: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

/** `2026-01-31T12:00:00.000Z info  joined  name=web-1 address=10.200.0.2` */
function timedLine(record: LogRecord): string {
  const at = new Date(record.timestamp).toISOString();
  return `${at} ${levelOf(record).padEnd(5)} ${textLine(record)}`;
}

function textLine(record: LogRecord): string {
  const fields = Object.entries(record.properties).map(([name, value]) => ` ${name}=${fieldText(value)}`);
  // Names of others may be in a message; a line stays a line.
  const message = showUnprintable(messageOf(record));
  return `${message}${fields.length > 0 ? " " : ""}${fields.join("")}\n`;
}

/** What a record says of itself stands before its fields, none of which may take its place. */
function jsonLine(record: LogRecord): string {
  const category = categoryOf(record);
  const own = {
    time: new Date(record.timestamp).toISOString(),
    level: levelOf(record),
    ...category !== undefined && { category },
    message: messageOf(record),
  };
  const fields = Object.entries(record.properties)
    .filter(([name, value]) => !RESERVED.has(name) && value !== undefined)
    .map(([name, value]) => [name, fieldJson(value)]);
  return `${printableJson({ ...own, ...Object.fromEntries(fields) })}\n`;
}

const RESERVED = new Set(["time", "level", "category", "message"]);

function levelOf({ level }: LogRecord): LogLevel {
  return level === "warning" ? "warn" : level === "trace" ? "debug" : level === "fatal" ? "error" : level;
}

function categoryOf({ category: [root, name] }: LogRecord): string | undefined {
  return root === ROOT ? name : undefined;
}

function messageOf({ rawMessage }: LogRecord): string {
  return typeof rawMessage === "string" ? rawMessage : rawMessage.join("");
}

function fieldText(value: unknown): string {
  if (value instanceof Error) return printableJson(value.message);
  const text = isPlain(value) ? printableJson(value) : String(value);
  return /^[\w.:/@+[\]-]+$/.test(text) ? text : printableJson(text);
}

/** Numbers and truth stay what they are; all else is told as the text has it. */
function fieldJson(value: unknown): unknown {
  if (value instanceof Error) return value.message;
  if (typeof value === "number" || typeof value === "boolean" || value === null || isPlain(value)) {
    return value;
  }
  return String(value);
}

function isPlain(value: unknown): boolean {
  return typeof value === "object" && value !== null && value.toString === Object.prototype.toString;
}
