/**
 * Who somebody is: keys, node ids, names, the IPv6 address that follows from them, and boxes that only one key opens.
 * @module
 */

export * from "./identity.ts";
export * from "./node_name.ts";
export * from "./sealed_box.ts";
