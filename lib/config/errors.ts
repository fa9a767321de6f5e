/**
 * What can be wrong with a configuration.
 * @module
 */

import { WeftError } from "../base/mod.ts";

/** A setting that cannot be used; the message names it, where it was said, and its value. */
export class InvalidConfigError extends WeftError {
  readonly code = "InvalidConfig";
}
