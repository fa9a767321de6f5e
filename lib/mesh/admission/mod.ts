/**
 * Who is let in: tokens, records for those who hold one, and new keys for a member.
 * @module
 */

export * from "./admission.ts";
export * from "./enrolment.ts";
export * from "./token_book.ts";
export * from "./token_share.ts";
