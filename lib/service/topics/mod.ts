/**
 * Topic paths and patterns: parsed, matched, and looked up by the thousand.
 * @module
 */

export { TopicCache } from "./topic_cache.ts";
export * from "./topic_grants.ts";
export * from "./topic_path.ts";
export { TopicTrie } from "./topic_trie.ts";
