/**
 * Resolves the selectors of a document against a roster. What comes of it is a program: numbers for subjects, sets of them,
 * and rules in the order in which they are asked.
 * @module
 */

export type { Inhabitant } from "./address_space.ts";
export * from "./compile_policy.ts";
export * from "./inhabitants.ts";
export * from "./roster.ts";
