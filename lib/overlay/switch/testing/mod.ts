/**
 * What tests of the switch share.
 * @module
 */

export * from "./frames.ts";
export * from "./switch_harness.ts";
