/**
 * What may be asked of a running agent; `lib/api` has it.
 * @module
 */

export type * from "../api/mod.ts";
