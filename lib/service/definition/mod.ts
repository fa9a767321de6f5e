/**
 * How a program describes a service, and what its handlers are given.
 * @module
 */

export { CallContext } from "./call_context.ts";
export { describeIssues, type Schema, type SchemaIssue, type SchemaResult } from "./schema.ts";
export * from "./service_definition.ts";
