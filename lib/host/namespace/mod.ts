/**
 * Doing something in another network namespace.
 * @module
 */

export * from "./network_namespace.ts";
