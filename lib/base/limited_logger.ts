/**
 * A log that nobody fills from afar.
 * @module
 */

import type { Logger } from "./environment.ts";
import { KeyedRateLimiter } from "./rate_limit.ts";
import type { Clock, Timers } from "./time.ts";

type Level = "debug" | "info" | "warn" | "error";
type Fields = Readonly<Record<string, unknown>>;

/** Fields that say who has caused a line. */
const ORIGIN_FIELDS = ["from", "peer"] as const;
/** What one origin may have written of one message. */
const ORIGIN_LIMITS = { burst: 5, everyMs: 10_000, maxSources: 4_096 };
/** What all together may have written of one message. */
const MESSAGE_LIMITS = { burst: 50, everyMs: 2_000, maxSources: 256 };
/** What others may have written of all messages. */
const TOTAL_LIMITS = { burst: 200, everyMs: 500, maxSources: 1 };
/** When it is first said how many lines were left out, and how often while it goes on. */
const FIRST_WINDOW_MS = 10_000;
const NEXT_WINDOW_MS = 60_000;
/** Messages are constants of the code; should one not be, it has no more places than these. */
const MAX_COUNTED = 256;

interface Swallowed {
  /** Where the line belongs. */
  readonly log: Logger;
  readonly level: Level;
  readonly since: number;
  /** Who caused them; undefined when it was not one alone. */
  origin: string | undefined;
  count: number;
  cancel: () => void;
}

/**
 * Passes lines on, at a rate for each message, for each message and origin (whoever the field `from` or `peer` names),
 * and for all lines that have an origin. What is left out is counted, and said in a line of the same level: the message,
 * and `4576 more like this in 12 s`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { silentLogger } from "./environment.ts";
 * import { VirtualClock, VirtualTimers } from "./time.ts";
 * import { LimitedLogger } from "./limited_logger.ts";
 * const clock = new VirtualClock();
 * const timers = new VirtualTimers(clock);
 * const lines: string[] = [];
 * const log = new LimitedLogger({ ...silentLogger, warn: (line) => void lines.push(line) }, { clock, timers });
 * for (let i = 0; i < 1_000; i++) log.warn("join refused", { from: "192.0.2.1" });
 * timers.advance(60_000);
 * assert.equal(lines.length, 6);
 * assert.equal(lines[5], "join refused: 995 more like this in 10 s");
 * ```
 */
export class LimitedLogger implements Logger, Disposable {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #byOrigin = new KeyedRateLimiter(ORIGIN_LIMITS);
  readonly #byMessage = new KeyedRateLimiter(MESSAGE_LIMITS);
  readonly #total = new KeyedRateLimiter(TOTAL_LIMITS);
  readonly #swallowed = new Map<string, Swallowed>();
  #isClosed = false;

  /** @param log where lines go that are not left out */
  constructor(log: Logger, { clock, timers }: { readonly clock: Clock; readonly timers: Timers }) {
    this.#log = log;
    this.#clock = clock;
    this.#timers = timers;
  }

  debug(message: string, fields?: Fields): void {
    this.#write(this.#log, "debug", message, fields);
  }

  info(message: string, fields?: Fields): void {
    this.#write(this.#log, "info", message, fields);
  }

  warn(message: string, fields?: Fields): void {
    this.#write(this.#log, "warn", message, fields);
  }

  error(message: string, fields?: Fields): void {
    this.#write(this.#log, "error", message, fields);
  }

  /** The lines of one part of a node, under the same limits. @returns the log for them */
  category(name: string): Logger {
    const log = this.#log.category?.(name) ?? this.#log;
    const at = (level: Level) => (message: string, fields?: Fields) =>
      this.#write(log, level, message, fields);
    return {
      ...{ debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
      category: (other) => this.category(other),
    };
  }

  /** Says what was left out so far. Lines are passed on afterwards too, and are limited, but not counted. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const message of [...this.#swallowed.keys()]) this.#report(message);
  }

  #write(log: Logger, level: Level, message: string, fields: Fields | undefined): void {
    const origin = originOf(fields);
    if (this.#allows(message, origin)) log[level](message, fields);
    else if (!this.#isClosed) this.#swallow(log, level, message, origin);
  }

  #allows(message: string, origin: string | undefined): boolean {
    const now = this.#clock.now();
    if (origin !== undefined && !this.#byOrigin.allows(now, `${message}\n${origin}`)) return false;
    if (!this.#byMessage.allows(now, message)) return false;
    return origin === undefined || this.#total.allows(now, "");
  }

  #swallow(log: Logger, level: Level, message: string, origin: string | undefined): void {
    const known = this.#swallowed.get(message);
    if (known !== undefined) {
      known.count++;
      if (known.origin !== origin) known.origin = undefined;
    } else if (this.#swallowed.size < MAX_COUNTED) {
      this.#wait(message, { log, level, origin, count: 1 }, FIRST_WINDOW_MS);
    }
  }

  #wait(message: string, of: Pick<Swallowed, "log" | "level" | "origin" | "count">, windowMs: number): void {
    const cancel = this.#timers.setTimer(windowMs, () => {
      const { count } = this.#report(message) ?? { count: 0 };
      // While it goes on it is said once a minute.
      if (count > 0 && !this.#isClosed) this.#wait(message, { ...of, count: 0 }, NEXT_WINDOW_MS);
    });
    this.#swallowed.set(message, { ...of, since: this.#clock.now(), cancel });
  }

  #report(message: string): Swallowed | undefined {
    const swallowed = this.#swallowed.get(message);
    if (swallowed === undefined) return undefined;
    this.#swallowed.delete(message);
    const { log, level, since, origin, count, cancel } = swallowed;
    cancel();
    if (count === 0) return swallowed;
    const seconds = Math.ceil((this.#clock.now() - since) / 1000);
    const fields = origin === undefined ? {} : { from: origin };
    log[level](`${message}: ${count} more like this in ${seconds} s`, fields);
    return swallowed;
  }
}

/** @returns who has caused a line; of an endpoint the address, since whoever calls again has another port */
function originOf(fields: Fields | undefined): string | undefined {
  if (fields === undefined) return undefined;
  for (const name of ORIGIN_FIELDS) {
    const value = fields[name];
    if (value !== undefined) return String(value).replace(/(?<=[.\]]\d*):\d{1,5}$/, "");
  }
  return undefined;
}
