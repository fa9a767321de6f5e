/**
 *
 * @module
 */

export * from "./channel_pb.ts";
