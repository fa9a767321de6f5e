/**
 * What is signed: member records, statements of nodes, entries, join tokens, and updates made of them.
 * @module
 */

export {
  JoinToken,
  type JoinTokenFields,
  MAX_OTHER_ENDPOINTS,
  MAX_TOKEN_ENDPOINTS,
  MAX_TOKEN_OTHERS,
  presharedKeyOf,
  type TokenLeader,
  type TokenProblem,
  TokenSecret,
} from "./join_token.ts";
export {
  decodeRecord,
  type MemberRecord,
  RECORD_LABEL,
  type Role,
  type SignedRecord,
  signRecord,
  verifyRecord,
} from "./member_record.ts";
export {
  decodeStatement,
  MAX_STATED_ENDPOINTS,
  type NodeStatement,
  type SignedStatement,
  signStatement,
  STATEMENT_LABEL,
  verifyStatement,
} from "./node_statement.ts";
export { type OwnEndpoints, stateOwn } from "./own_statement.ts";
export {
  decodeSigned,
  encodeSigned,
  isSignedBy,
  MAX_CLOCK_AHEAD_MS,
  readEndpoints,
  readSigned,
  readTime,
  readVersion,
  type Signed,
  signPayload,
} from "./signed.ts";
export {
  decodeEntry,
  ENTRY_LABEL,
  MAX_ENTRY_BODY_BYTES,
  MAX_ENTRY_KEY_LENGTH,
  MAX_ENTRY_LIFETIME_MS,
  type Origin,
  signEntry,
  type StateEntry,
} from "./state_entry.ts";
export {
  readUpdate,
  type ReplicaUpdate,
  signedToWire,
  updateSize,
  updateToWire,
  type WireSigned,
} from "./update_wire.ts";
