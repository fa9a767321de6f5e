/**
 * Relays of sealed packets: a member that opens two UDP ports, the legs of a session, for two other members, and copies
 * datagrams from each to the other. It can't read them, it adds nothing to them, and they keep their length, so that
 * WireGuard goes through as if there were none.
 *
 * ```text
 *   A ── bind ──▶ leg a ┐            ┌ leg b ◀── bind ── B
 *     ◀─ bound ──       │  session   │       ── bound ─▶
 *     ◀─ packets ─▶     └────────────┘       ◀─ packets ─▶
 * ```
 *
 * `RelaySessions` says who has which session, and bounds them; `RelaySwitch` judges each datagram that comes to a leg;
 * `bind.ts` is the one message by which a member says where it is. Nothing here has a socket, a clock or randomness of its
 * own. Members alone have sessions; who is one says the caller.
 * @module
 */

export * from "./bind.ts";
export * from "./carrier_frames.ts";
export * from "./forwarding_rate.ts";
export * from "./handshake_limit.ts";
export * from "./leg_secret.ts";
export * from "./relay_forwarder.ts";
export * from "./relay_sessions.ts";
export * from "./relay_switch.ts";
