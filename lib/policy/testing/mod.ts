/**
 * An oracle that decides by a document with nothing compiled, and random documents to hold the evaluator against it.
 * @module
 */

export * from "./comparison.ts";
export * from "./policy_oracle.ts";
export * from "./random_policy.ts";
