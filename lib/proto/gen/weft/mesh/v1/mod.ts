/**
 *
 * @module
 */

export * from "./mesh_pb.ts";
