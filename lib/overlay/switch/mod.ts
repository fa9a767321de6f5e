/**
 * The learning switch: where a frame goes that came in at a port. It moves no bytes itself, and knows no member, no driver
 * and no device.
 *
 *     frame_switch.ts   networks, ports, bindings; what is asked of a frame, in order
 *     tables            which port a MAC address is behind, whose an IP address is
 *     neighbours        ARP and Neighbor Discovery: refused, answered, announced
 *     groups            IGMP and MLD snooping, with flooding while no router asks
 *     loops             probes, and ports that are blocked for a while
 *     frame_router.ts   to one port, to all, to those that want a group
 *     frame_gate.ts     whether a policy lets it, and how fast
 *     too_long.ts       ICMP to who sends what is too long; IPv4 that may be cut is cut
 *
 * Of whom a frame may be: its source, what it says of itself in ARP and ND, and its IP source, may not be bound to another
 * port; where a port has no bridge behind it, the MAC address has to be bound to it. What two endpoints behind one port say
 * of each other is their host's matter. Tags inside are carried as they are, and looked through for these checks; but nobody
 * is answered, and no group is snooped, behind one.
 *
 * @module
 */

export type { DropReason, SwitchCounts } from "./frame_counts.ts";
export * from "./flow_hash.ts";
export * from "./frame_forwarder.ts";
export * from "./frame_gate.ts";
export * from "./frame_switch.ts";
export * from "./ip_payload.ts";
