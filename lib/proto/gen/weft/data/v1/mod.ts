/**
 *
 * @module
 */

export * from "./data_pb.ts";
