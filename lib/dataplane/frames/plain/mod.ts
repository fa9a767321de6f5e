/**
 * What is below plain networks on both planes: sockets of UDP, of IP, of a link, and what the kernel leaves undone.
 * @module
 */

export * from "./group_learning.ts";
export * from "./plain_sockets.ts";
export * from "./received_offload.ts";
