/**
 * Links to members: who is dialled, who is let in, at most one channel to each, and the gossip that goes over them.
 *
 *     StreamListener ─▶ LinkAcceptor ─▶ MessagePlane ◀─ LinkDialer ─▶ dial
 *                                        │      │
 *                              LinkTable ┘      └─ Gossip ⇄ Replica
 * @module
 */

export {
  dialChannel,
  type DialledChannel,
  type DialStream,
  type DialTarget,
  isDialled,
  messagePlaneDial,
  raceDial,
} from "./dial.ts";
export { originOf } from "./caller_limits.ts";
export { linkPauseMs } from "./link_pace.ts";
export type { Link, LinkWay } from "./link_table.ts";
export type { LinkDialer } from "./link_dialer.ts";
export { type LeaderMessage, type LinkObserver, MessagePlane, type PathMessage } from "./message_plane.ts";
export { LINK_RELAY_LIMITS, LinkRelay, type LinkRelayDrop, type LinkRelayLimits } from "./relay/mod.ts";
