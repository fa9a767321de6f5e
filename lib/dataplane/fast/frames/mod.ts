/**
 * Frames of overlay networks in the worker of the fast plane: superpackets from TAPs are switched once, wrapped, cut and
 * sealed in one go, and joined again on their way to TAPs. `FrameUnderlay` is the port to what is below networks.
 * @module
 */

export * from "./channel_remotes.ts";
export * from "./frame_commands.ts";
export * from "./frame_engine.ts";
export * from "./frame_shape.ts";
export * from "./frame_underlay.ts";
export type { UnreadableReason } from "./member_underlay.ts";
export * from "./plain/mod.ts";
export { ReadySet } from "./ready_set.ts";
