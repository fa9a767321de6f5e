/**
 * Who belongs to a network: identities, signed records, join tokens, the roster, admission, and how all of it is
 * kept. It is pure: time, randomness and storage are handed in, and it opens no socket.
 *
 *     token ──► JoinRequest ──► Admission ──► signed record ──► Roster of every member
 *                               (leaders)     node statement ──►
 *
 * @module
 */

export * from "./identity.ts";
export { areLabels, isNodeName, toNodeName } from "./node_name.ts";
export {
  type MemberRecord,
  type Role,
  type SignedRecord,
  signRecord,
  verifyRecord,
} from "./member_record.ts";
export {
  MAX_STATED_ENDPOINTS,
  type NodeStatement,
  type SignedStatement,
  signStatement,
  verifyStatement,
} from "./node_statement.ts";
export type { Signed } from "./signed.ts";
export * from "./errors.ts";
export {
  JoinToken,
  type JoinTokenFields,
  MAX_OTHER_ENDPOINTS,
  MAX_TOKEN_OTHERS,
  type TokenLeader,
  type TokenProblem,
  TokenSecret,
} from "./join_token.ts";
export { overlayIpv6For, overlayIpv6Prefix } from "./overlay_ipv6.ts";
export { decodeHello, encodeHello, type Hello } from "./hello.ts";
export {
  type Admitted,
  decodeMeshMessage,
  encodeMeshMessage,
  type JoinRequest,
  MESH_TOPIC,
  type MeshMessage,
  type NetworkSettings,
} from "./mesh_message.ts";
export type { ReplicaUpdate } from "./update_wire.ts";
export type { KeyRotation, MemberAnswer, MemberRequest, SliceGrant } from "./member_request.ts";
export { Election, type ElectionEvent, HEARTBEAT_MS, LEADER_DEAD_MS, type LeaderView } from "./election.ts";
export { MAX_TOKENS, type NewToken, TokenBook, type TokenEntry, type TokenState } from "./token_book.ts";
export { TOKEN_KIND } from "./token_share.ts";
export { rotationTo } from "./key_rotation.ts";
export { MAX_MEMBERS, type Member, type MergeOutcome, Roster, type RosterOptions } from "./roster.ts";
export { type MergeResult, Replica, type ReplicaOptions, type ToldRefusal } from "./replica.ts";
export { FULL_MESH_OTHERS, wantedLinks } from "./wanted_links.ts";
export { Gossip, type GossipLink, type Heard, ROUND_MS } from "./gossip.ts";
export {
  EntryBook,
  type EntryEvent,
  MAX_NETWORK_ENTRIES,
  MAX_NODE_ENTRIES,
  type NewEntry,
} from "./entry_book.ts";
export { type EntryReader, PLAIN_READER } from "./entry_reader.ts";
export { MAX_ENTRY_BODY_BYTES, MAX_ENTRY_LIFETIME_MS, type Origin, type StateEntry } from "./state_entry.ts";
export type { RosterEvent } from "./roster_events.ts";
export { encodeUpdates, MAX_UPDATE_BYTES, NO_UPDATE, splitUpdate } from "./roster_update.ts";
export {
  type AddressPool,
  Admission,
  type AdmissionOptions,
  type AdmissionRequest,
  type Enrolled,
  type NewDevice,
  type Refusal,
} from "./admission.ts";
export {
  encodeJoinRequest,
  type JoinParameters,
  type MeshOptions,
  MeshState,
  type NewNetwork,
} from "./mesh_state.ts";
export { type Bootstrap, storedNetworkId } from "./network_store.ts";
export { type OwnEndpoints, stateOwn } from "./own_statement.ts";
