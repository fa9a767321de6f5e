/**
 * The log as a port. What is said of remote input is counted instead; secrets are never passed here.
 * @module
 */

/** Takes one line with its fields; a line is a sentence fragment, the fields carry the values. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** A log that nobody reads. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
