/**
 *
 * @module
 */

export * from "./report_pb.ts";
