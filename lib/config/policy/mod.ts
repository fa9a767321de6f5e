/**
 * Policies as files beside weft's own: the one to begin with, members to test against, and those of other systems.
 * @module
 */

export * from "./policy_file.ts";
export * from "./policy_template.ts";
export * from "./policy_text.ts";
export * from "./roster_file.ts";
export * from "./tailscale_import.ts";
