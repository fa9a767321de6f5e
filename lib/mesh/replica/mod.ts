/**
 * What all members agree on: the roster and the entries, and the gossip that brings replicas into line.
 * @module
 */

export {
  EntryBook,
  type EntryEvent,
  MAX_NETWORK_ENTRIES,
  MAX_NODE_ENTRIES,
  type NewEntry,
} from "./entry_book.ts";
export { type EntryReader, PLAIN_READER } from "./entry_reader.ts";
export { Gossip, type GossipLink, type Heard, ROUND_MS } from "./gossip.ts";
export {
  type MergeResult,
  Replica,
  type ReplicaOptions,
  type ReplicaSubscriber,
  type ToldRefusal,
} from "./replica.ts";
export { MAX_MEMBERS, type Member, type MergeOutcome, Roster, type RosterOptions } from "./roster.ts";
export type { RosterEvent } from "./roster_events.ts";
export { encodeUpdates, MAX_UPDATE_BYTES, NO_UPDATE, splitUpdate } from "./roster_update.ts";
export { FULL_MESH_OTHERS, wantedLinks } from "./wanted_links.ts";
