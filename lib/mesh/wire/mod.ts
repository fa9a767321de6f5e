/**
 * The messages of the mesh, as bytes.
 * @module
 */

export { decodeHello, encodeHello, type Hello } from "./hello.ts";
export {
  type KeyRotation,
  MAX_GRANT_RANGES,
  type MemberAnswer,
  type MemberRequest,
  type SliceGrant,
} from "./member_request.ts";
export {
  type Admitted,
  decodeMeshMessage,
  encodeMeshMessage,
  type JoinRequest,
  MESH_TOPIC,
  type MeshMessage,
  type NetworkSettings,
  readSettings,
} from "./mesh_message.ts";
