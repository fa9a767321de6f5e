/**
 *
 * @module
 */

export * from "./overlay_pb.ts";
