/**
 * What compiling makes and evaluating reads: rules with their selectors resolved, as data and as bytes.
 * @module
 */

export * from "./program.ts";
export { ProgramFormatError } from "./program_bytes.ts";
export * from "./program_codec.ts";
