/**
 * Who belongs to a network: identities, signed records, join tokens, the roster, admission, and how all of it is
 * kept. It is pure: time, randomness and storage are handed in, and it opens no socket.
 *
 *     token ──► JoinRequest ──► Admission ──► signed record ──► Roster of every member
 *                               (leaders)     node statement ──►
 *
 * @module
 */

export * from "./identity/mod.ts";
export { areLabels, isNodeName, overlayIpv6For, overlayIpv6Prefix, toNodeName } from "./identity/mod.ts";
export {
  JoinToken,
  type JoinTokenFields,
  MAX_ENTRY_BODY_BYTES,
  MAX_ENTRY_LIFETIME_MS,
  MAX_OTHER_ENDPOINTS,
  MAX_STATED_ENDPOINTS,
  MAX_TOKEN_OTHERS,
  type MemberRecord,
  type NodeStatement,
  type Origin,
  type OwnEndpoints,
  type ReplicaUpdate,
  type Role,
  type Signed,
  type SignedRecord,
  type SignedStatement,
  signRecord,
  signStatement,
  type StateEntry,
  stateOwn,
  type TokenLeader,
  type TokenProblem,
  TokenSecret,
  verifyRecord,
  verifyStatement,
} from "./records/mod.ts";
export * from "./errors.ts";
export {
  type Admitted,
  decodeHello,
  decodeMeshMessage,
  encodeHello,
  encodeMeshMessage,
  type Hello,
  type JoinRequest,
  type KeyRotation,
  type MemberAnswer,
  type MemberRequest,
  MESH_TOPIC,
  type MeshMessage,
  type NetworkSettings,
  type SliceGrant,
} from "./wire/mod.ts";
export {
  Election,
  type ElectionEvent,
  HEARTBEAT_MS,
  LEADER_DEAD_MS,
  type LeaderView,
} from "./leaders/mod.ts";
export {
  type AddressPool,
  Admission,
  type AdmissionOptions,
  type AdmissionRequest,
  type Enrolled,
  MAX_TOKENS,
  type NewDevice,
  type NewToken,
  type Refusal,
  rotationTo,
  TOKEN_KIND,
  TokenBook,
  type TokenEntry,
  type TokenState,
} from "./admission/mod.ts";
export {
  encodeUpdates,
  EntryBook,
  type EntryEvent,
  type EntryReader,
  FULL_MESH_OTHERS,
  Gossip,
  type GossipLink,
  type Heard,
  MAX_MEMBERS,
  MAX_NETWORK_ENTRIES,
  MAX_NODE_ENTRIES,
  MAX_UPDATE_BYTES,
  type Member,
  type MergeOutcome,
  type MergeResult,
  type NewEntry,
  NO_UPDATE,
  PLAIN_READER,
  Replica,
  type ReplicaOptions,
  type ReplicaSubscriber,
  Roster,
  type RosterEvent,
  type RosterOptions,
  ROUND_MS,
  splitUpdate,
  type ToldRefusal,
  wantedLinks,
} from "./replica/mod.ts";
export {
  encodeJoinRequest,
  type JoinParameters,
  type MeshOptions,
  MeshState,
  type NewNetwork,
} from "./mesh_state.ts";
export { type Bootstrap, storedNetworkId } from "./network_store.ts";
