/**
 *
 * @module
 */

export * from "./policy_pb.ts";
