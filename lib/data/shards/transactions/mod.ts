/**
 * Transactions over several shards, or owners: the parts and records of one shard, how other places are reached, and who ends
 * what a program has left open.
 *
 * Parts and records themselves are the engine's, and the program is who commits in two phases.
 *
 * @module
 */

export { PlaceCalls, SHARDS_SERVICE } from "./place_calls.ts";
export { ShardTransactions } from "./shard_transactions.ts";
export { type ServedPlace, servedPlaces, TransactionResolver } from "./transaction_resolver.ts";
