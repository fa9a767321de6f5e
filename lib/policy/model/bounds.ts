/**
 * How large a policy may be.
 * @module
 */

/** Rules of all policies of a document together. */
export const MAX_POLICY_RULES = 10_000;
/** Policies of a document. */
export const MAX_POLICIES = 256;
/** Groups of a document. */
export const MAX_POLICY_GROUPS = 1_024;
/** Tests of a document, and attempts that one of them names. */
export const MAX_POLICY_TESTS = 1_024;
/** A document in its canonical form, in bytes. */
export const MAX_POLICY_BYTES: number = 4 << 20;
