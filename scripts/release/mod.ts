/**
 * Making a release: the steps, the binaries and what they are tried by. The workflow calls them through
 * `scripts/release.ts`, and so does anybody on a machine of their own.
 * @module
 */

export { Skipped } from "./command.ts";
export { packageVersion, type ReleaseOptions, type Step, STEPS } from "./steps.ts";
