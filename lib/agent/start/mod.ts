/**
 * The start of a node: what it is told and was told before, what the host must have, and from what it is made.
 *
 *     said now, kept, file --> NodeSettings --> options --> checkNewNode --> leadMesh | joinMesh | resumeMesh --> MeshState
 *
 * @module
 */

export {
  joinMesh,
  leadMesh,
  type MakeMesh,
  type MeshParts,
  parseToken,
  resumeMesh,
  type WaitingMachine,
} from "./make_mesh.ts";
export { chooseInterface } from "./interface_choice.ts";
export { networkSettings, NodeSettings, type RereadSettings } from "./node_settings.ts";
