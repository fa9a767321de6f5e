/**
 * What may be asked of a running agent about who is in the network: members, and devices that are none.
 * @module
 */

export type * from "./devices.ts";
export type * from "./membership.ts";
