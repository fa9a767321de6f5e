/**
 * Who belongs to a network: identities, signed records, join tokens, the roster, admission, and how all of it is
 * kept. It is pure: time, randomness and storage are handed in, and it opens no socket.
 *
 *     token ──► JoinRequest ──► Admission ──► signed record ──► Roster of every member
 *                               (leaders)     node statement ──►
 *
 * @module
 */

export {
  generateNetwork,
  idBytes,
  isNodeName,
  isReservedName,
  type NetworkId,
  type NetworkIdentity,
  type NodeId,
  NodeIdentity,
  nodeIdFromBytes,
  nodeIdOf,
  parseNodeId,
  toNodeName,
} from "./identity/mod.ts";
export {
  addGrants,
  areGrants,
  decodeDefaultGrants,
  DEFAULT_GRANTS_KEY,
  type DefaultGrants,
  encodeDefaultGrants,
  GRANT_ENTRY_KIND,
  GRANT_KINDS,
  type GrantKind,
  type Grants,
  JoinToken,
  MAX_ENTRY_BODY_BYTES,
  MAX_ENTRY_LIFETIME_MS,
  MAX_OTHER_ENDPOINTS,
  MAX_STATED_URLS,
  MAX_TOKEN_OTHERS,
  MAX_TOKEN_URL_LENGTH,
  MAX_TOKEN_URLS,
  type MemberRecord,
  NO_GRANTS,
  NO_UPDATE,
  type NodeStatement,
  type Origin,
  type OwnStatement,
  PLAIN_READER,
  RECORD_LABEL,
  removeGrants,
  type ReplicaUpdate,
  RESTATE_MS,
  ROTATION_BURST,
  type Signed,
  type SignedReader,
  signOwnStatement,
  signRecord,
  signStatement,
  type StateEntry,
  type TokenLeader,
  TokenSecret,
  USUAL_GRANTS,
} from "./records/mod.ts";
export {
  type Admitted,
  decodeHello,
  decodeMeshMessage,
  encodeHello,
  encodeMeshMessage,
  type EndpointAct,
  type EndpointRefusal,
  type EndpointRequest,
  JOIN_REFUSALS,
  type JoinRefusal,
  type KeyRotation,
  type MemberAnswer,
  type MemberRequest,
  MESH_TOPIC,
  type MeshMessage,
} from "./wire/mod.ts";
export { Election, type LeaderView } from "./leaders/mod.ts";
export {
  Admission,
  type AdmissionRefusal,
  type AuditActor,
  type AuditEntry,
  type AuditKind,
  deviceNetworkProblem,
  MAX_AUDIT_ENTRIES,
  networksInUse,
  type NewDevice,
  rotationTo,
  TOKEN_KIND,
  TokenBook,
  type TokenEntry,
  type WaitingJoin,
} from "./admission/mod.ts";
export {
  type EntryEvent,
  Gossip,
  isAboutStatement,
  MAX_NODE_ENTRIES,
  MAX_SHARD_ENTRIES,
  type Member,
  type MessageOutcome,
  type RecordEntry,
  Replica,
  type ReplicaSubscriber,
  Roster,
  type RosterEvent,
  ROUND_MS,
  wantedLinks,
} from "./replica/mod.ts";
export { encodeJoinRequest, type JoinParameters, type MeshOptions, MeshState } from "./mesh_state.ts";
export {
  AlreadyInitializedError,
  forgetNetwork,
  NotInitializedError,
  storedNetworkId,
} from "./network_store.ts";
