/**
 * What may be asked of a running agent about the servers of collections that members run.
 * @module
 */

export type * from "./data_servers.ts";
