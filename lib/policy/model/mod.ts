/**
 * What a policy is, as data.
 * @module
 */

export * from "./policy.ts";
export * from "./rule_terms.ts";
