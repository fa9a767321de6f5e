/**
 * Links to members: who is dialled, who is let in, and at most one channel to each.
 *
 *     StreamListener ─▶ MessagePlane ─▶ LinkTable ◀─ LinkDialer ─▶ dial
 * @module
 */

export type { Link } from "./link.ts";
export type { ProbeOutcome } from "./link_dialer.ts";
export { type LeaderMessage, type LinkObserver, MessagePlane } from "./message_plane.ts";
export { raceDial } from "./race_dial.ts";
