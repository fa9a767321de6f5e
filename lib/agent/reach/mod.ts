/**
 * Being reached, wherever this host is.
 * @module
 */

export * from "./port_mapping.ts";
