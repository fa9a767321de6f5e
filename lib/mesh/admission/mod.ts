/**
 * Who is let in: tokens, records for those who hold one, and new keys for a member.
 * @module
 */

export {
  type AddressPool,
  Admission,
  type AdmissionOptions,
  type AdmissionRequest,
  type Enrolled,
  type NewDevice,
  RECORD_LIFETIME_MS,
  type Refusal,
} from "./admission.ts";
export { rotationTo } from "./key_rotation.ts";
export { MAX_TOKENS, type NewToken, TokenBook, type TokenEntry, type TokenState } from "./token_book.ts";
export { absorbTokens, shareTokens, TOKEN_KIND } from "./token_share.ts";
