/**
 * What a host does to lead out of overlay networks: it forwards between their TAPs, the mesh's interface and its own way
 * out, behind its own addresses, and nowhere else. Linux does the routing, nftables the rest; every change is written to
 * the journal before it is made. It knows no members.
 *
 *     10.0.0.7 ─ … ─ TAP 10.0.0.1 ─ forward ─┬─ weft0, as this member's overlay address
 *                                            └─ eth0, as this host's address
 *
 * @module
 */

export * from "./gateway_host.ts";
export * from "./gateway_ruleset.ts";
