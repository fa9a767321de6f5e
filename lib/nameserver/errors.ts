/**
 * What can be wrong with a name server's configuration and records.
 * @module
 */

import { WeftError } from "../base/mod.ts";

/** A record, name or zone that cannot be used; the message says why. */
export class InvalidRecordError extends WeftError {
  readonly code = "InvalidRecord";
}
