/**
 * What may be asked of a running agent about collections and queues, and about the servers that members run for them.
 * @module
 */

export type * from "./data_servers.ts";
export type * from "./data_view.ts";
