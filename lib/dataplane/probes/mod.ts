/**
 * Datagrams of the path protocol, which share the socket of WireGuard so that they go the way that packets would go. The
 * plane knows of them no more than how they begin: what they mean, and whether they are authentic, is for whoever asked
 * for them. Requests of STUN and their answers share the socket, too, for the same reason.
 *
 * ```
 *   0        1      2   3      4              12
 *   | 0x77   | kind |  zero   | id (8)        | ...            48 to 1,500 bytes in all
 * ```
 * @module
 */

export * from "./probe_gate.ts";
export * from "./stun_gate.ts";
