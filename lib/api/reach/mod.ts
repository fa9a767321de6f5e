/**
 * What is told of how a host can be reached, of the ways that packets take, and of the networks behind members.
 * @module
 */

export type * from "./netcheck.ts";
export * from "./path_report.ts";
export type * from "./routes.ts";
export type * from "./view.ts";
