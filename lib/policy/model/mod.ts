/**
 * What a policy is, as data.
 * @module
 */

export * from "./bounds.ts";
export * from "./document_codec.ts";
export * from "./errors.ts";
export * from "./define_policy.ts";
export * from "./policy.ts";
export { type PolicySourceReading, readPolicyDocument, readPolicySource } from "./read_document.ts";
export * from "./rule_terms.ts";
