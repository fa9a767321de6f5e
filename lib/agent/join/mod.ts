/**
 * Joining a network, from both sides: asking a leader to be let in, and a leader's answer.
 * @module
 */

export { joinNetwork } from "./join_network.ts";
export { Rejoin } from "./rejoin.ts";
export { serveJoin } from "./serve_join.ts";
