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

/** Pairs of a source and a destination that all tests of a document may ask for: about a second where no two members are alike. */
export const MAX_TEST_PAIRS = 500_000;
/** Failures that are told of the tests of a document. */
export const MAX_TEST_FAILURES = 1_000;
