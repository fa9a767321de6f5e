/**
 * What people ask about policies: why something passes, who can reach what, and what another document would change.
 * @module
 */

export * from "./attempt.ts";
export * from "./explanation.ts";
export * from "./policy_checks.ts";
export * from "./policy_tests.ts";
export * from "./reach.ts";
