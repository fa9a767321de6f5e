/**
 *
 * @module
 */

export * from "./route_pb.ts";
