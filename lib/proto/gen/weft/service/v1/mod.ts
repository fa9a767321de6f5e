/**
 *
 * @module
 */

export * from "./service_pb.ts";
