/**
 * Who is let in: tokens, records for those who hold one, and new keys for a member.
 * @module
 */

export * from "./admission.ts";
export * from "./audit_log.ts";
export * from "./audit_watch.ts";
export * from "./device_networks.ts";
export * from "./devices.ts";
export * from "./enrolment.ts";
export * from "./arrival_care.ts";
export * from "./ephemeral_care.ts";
export * from "./join_approvals.ts";
export { type RotationDelay, rotationTo } from "./key_rotation.ts";
export * from "./record_changes.ts";
export { startToken } from "./start_token.ts";
export * from "./succession.ts";
export * from "./token_book.ts";
export * from "./token_share.ts";
