/**
 * What a node carries for others: sealed packets between two members that can't reach each other (`lib/relay`). A session is
 * opened for members alone, and ends when nobody uses it, or when one of both is a member no more.
 * @module
 */

export * from "./relay_host.ts";
