/**
 * The bounds of collections: whoever may write to one can fill it, and nothing beside it.
 * @module
 */

/** The longest key in bytes of UTF-8. */
export const MAX_KEY_BYTES = 512;
/** The longest value in bytes of JSON. A change holds two, and what is sent at once is 1 MiB. */
export const MAX_VALUE_BYTES: number = 256 << 10;
/** How many objects and arrays a value holds: what is read at once has at most 32,768, and a change has three values. */
export const MAX_VALUE_OBJECTS = 8_192;
/** How many of them one answer holds. */
export const MAX_ANSWER_OBJECTS = 30_000;
/** How deep a value may nest. */
export const MAX_VALUE_DEPTH = 64;
/** How many collections one node owns. */
export const MAX_COLLECTIONS = 128;
/** How many properties of a collection are indexed. */
export const MAX_INDEXES = 16;
/** How many entries are asked for, or listed, at once. */
export const MAX_ENTRIES = 1_000;
/** How many reads, and how many writes, one transaction has. */
export const MAX_OPERATIONS = 1_000;
/** How many bytes of JSON one transaction writes. */
export const MAX_TRANSACTION_BYTES: number = 768 << 10;
/** How many bytes of JSON one answer holds; more is asked for by pages. */
export const MAX_ANSWER_BYTES: number = 768 << 10;
/** The longest id of a transaction in characters. */
export const MAX_ID_LENGTH = 128;
/** The longest result that is kept with the id of a transaction, in bytes of JSON. */
export const MAX_RESULT_BYTES = 4_096;
/** How many ids of transactions are kept of each node that has sent some; the oldest are forgotten. */
export const MAX_KEPT_IDS = 16_384;
/** How many ids are kept of all. */
export const MAX_KEPT_IDS_OF_ALL: number = 1 << 18;
/** How many of them, the newest ones, a copy of a shard keeps. */
export const MAX_KEPT_IDS_OF_COPY: number = 1 << 16;
/** How many bytes of JSON a part of a transaction over several places has: it is sent on together with others. */
export const MAX_PREPARED_BYTES: number = 256 << 10;
/** How many parts of transactions of one node, and how many of its records, are open at one place. */
export const MAX_OPEN_PER_ORIGIN = 64;
/** How many parts of all, and how many records, are open at one place. */
export const MAX_OPEN = 512;
/** How many keys those parts of one node lock. */
export const MAX_LOCKS_PER_ORIGIN = 8_192;
/** How many keys those of all lock. */
export const MAX_LOCKS = 32_768;
/** For how long one node may have a key locked for nothing at once before it pauses, in milliseconds. */
export const MAX_LOCK_DEBT_MS = 8_000;
/** Which part of the time nodes may have a key locked for nothing in the long run, all together. */
export const LOCK_DEBT_PAID = 0.25;
/** For how many keys one node may owe that; for more it owes for all keys of the place. */
export const MAX_LOCK_DEBTS_PER_ORIGIN = 4_096;
/** How many such debts of all nodes are kept. */
export const MAX_LOCK_DEBTS: number = 1 << 15;
/** How many copies of shards a node has, beside its own collections. */
export const MAX_COPIES = 1_024;
/** Above all revisions that members tell each other: counters that begin there never come to where numbers end. */
export const MAX_TOLD_REVISION: number = 2 ** 48;
/** How many changes of a collection are kept for watches that are behind. */
export const MAX_KEPT_CHANGES = 16_384;
/** How many bytes those have. */
export const MAX_KEPT_CHANGE_BYTES: number = 64 << 20;
/** How long one query holds its node up at most, in milliseconds. */
export const MAX_QUERY_MS = 250;
/** How many watches of one caller a node serves, and how many of all. */
export const MAX_WATCHES_PER_CALLER = 64;
/** How many watches a node serves. */
export const MAX_WATCHES = 1_024;
/** How long a watch may leave changes unread, in milliseconds. */
export const MAX_UNREAD_MS = 60_000;
/** How old a cached entry may be unless the reader says, in milliseconds. */
export const DEFAULT_MAX_AGE_MS = 1_000;
/** How many entries a collection keeps for cached reads. */
export const MAX_CACHED_ENTRIES = 1_024;
/** How old what a copy is read of may be unless its program says, in milliseconds. */
export const DEFAULT_COPY_AGE_MS = 5_000;
/** How many entries a copy has at most, unless its program says. */
export const DEFAULT_COPY_ROWS = 100_000;
/** How many bytes those have. */
export const DEFAULT_COPY_BYTES: number = 64 << 20;
/** How long a transaction may take unless its caller says, in milliseconds. */
export const DEFAULT_TRANSACTION_MS = 10_000;
/** How much the database of one node may hold, in bytes. */
export const MAX_DATABASE_BYTES: number = 4 * 2 ** 30;
/** How many sealed values a query reads. */
export const MAX_SEALED_ENTRIES = 20_000;
/** How many shards a collection has. */
export const MAX_SHARDS = 64;
/** On how many members a shard is, beside its owner. */
export const MAX_REPLICAS = 4;

/** How many queues one node owns. */
export const MAX_QUEUES = 128;
/** The longest message in bytes of JSON. */
export const MAX_MESSAGE_BYTES: number = 256 << 10;
/** How many messages one queue holds unless it says, dead letters included. */
export const DEFAULT_QUEUE_LENGTH = 100_000;
/** How many messages all queues of one node hold. */
export const MAX_MESSAGES = 1_000_000;
/** How many bytes of JSON those have. */
export const MAX_MESSAGES_BYTES: number = 2 * 2 ** 30;
/** How many of them come from one other node. */
export const MAX_MESSAGES_PER_ORIGIN = 250_000;
/** How many bytes of JSON those have. */
export const MAX_MESSAGES_BYTES_PER_ORIGIN: number = 512 << 20;
/** How many messages are pushed, taken, settled, or read as dead letters at once. */
export const MAX_BATCH = 256;
/** How many messages of a queue workers have at the same time. */
export const MAX_LEASES = 8_192;
/** How many of those one holder has. */
export const MAX_LEASES_PER_HOLDER = 1_024;
/** The longest that is kept of a worker's error, in characters. */
export const MAX_ERROR_LENGTH = 1_024;
/** How long a message may be delayed, in milliseconds: a year. */
export const MAX_DELAY_MS: number = 366 * 86_400_000;
/** The longest lease, in milliseconds: a day. */
export const MAX_LEASE_MS = 86_400_000;
/** How often a message may be delivered at most. */
export const MAX_ATTEMPTS = 1_000;
/** How many requests for messages of one caller wait at a queue's owner. */
export const MAX_TAKES_PER_CALLER = 64;
/** How many requests for messages of all wait there. */
export const MAX_TAKES = 1_024;
