/**
 * Carrying frames of overlay networks between endpoints of this host and other hosts.
 * @module
 */

export type * from "./frame_plane.ts";
export * from "./no_frames.ts";
