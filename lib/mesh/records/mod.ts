/**
 * What is signed: member records, statements of nodes, entries, join tokens, and updates made of them.
 * @module
 */

export * from "./grants.ts";
export * from "./join_token.ts";
export * from "./key_chain.ts";
export * from "./member_record.ts";
export * from "./network_shard.ts";
export * from "./node_statement.ts";
export * from "./replica_update.ts";
export * from "./signed.ts";
export * from "./signed_reader.ts";
export * from "./state_entry.ts";
