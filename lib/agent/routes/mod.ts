/**
 * Networks behind members: who offers to lead there, what leaders have approved, and what this host does about it. A member's
 * word alone leads nobody anywhere; what counts is signed by the network's key.
 *
 *     weft route add ─▶ entry `route-offer` of the member ─▶ weft route approve ─▶ entry `route` of the network's key
 *                                                                                      │
 *     RouteBook ◀──────────────────────────────────────────────────────────────────────┘
 *        ├─▶ RouteSync: routes of this host, peers that carry them, and on the router what is forwarded
 *        └─▶ policies: whose the addresses are
 *
 * @module
 */

export * from "./carrier_choice.ts";
export * from "./exit_use.ts";
export * from "./route_acts.ts";
export * from "./route_book.ts";
export * from "./route_entry.ts";
export * from "./route_sync.ts";
export * from "./routes.ts";
