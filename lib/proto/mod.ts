/**
 * Protobuf: the messages that are generated from `proto/`, and the way to bytes and back.
 * @module
 */

export * from "./codec.ts";
export * from "./gen/weft/channel/v1/mod.ts";
export * from "./gen/weft/data/v1/mod.ts";
export * from "./gen/weft/mesh/v1/mod.ts";
export * from "./gen/weft/overlay/v1/mod.ts";
export * from "./gen/weft/policy/v1/mod.ts";
export * from "./gen/weft/report/v1/mod.ts";
export * from "./gen/weft/route/v1/mod.ts";
export * from "./gen/weft/service/v1/mod.ts";
export * from "./wire_reader.ts";
export * from "./wire_writer.ts";
