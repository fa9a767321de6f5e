/**
 * Rates and marks of what passes: what `limit` and `qos` rules say. A sender delays, within bounds; a receiver, who trusts no
 * sender, drops. Sans-IO, in the thread that carries the packets.
 *
 * ```text
 *   PacketGuard.outcome ─▶ PacketShaper.shape ─▶ at once, or later by poll, or dropped     (sender)
 *                     └──▶ PacketPolicer.admits ─▶ yes, or dropped                         (receiver)
 * ```
 *
 * Each rule has a bucket for whoever began a flow and each of its directions: a `limit` of 100mbit from `role=web` lets each
 * web server send 100 Mbit/s and be answered with as much.
 *
 * @module
 */

export * from "./dscp.ts";
export * from "./packet_policer.ts";
export * from "./packet_shaper.ts";
