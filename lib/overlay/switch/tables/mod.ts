/**
 * The tables of the switch: which port a MAC address is behind, and what an IP address belongs to. They are typed arrays
 * that grow to a bound, so that a lookup allocates nothing, and whoever sends addresses can't choose what collides.
 * @module
 */

export * from "./address_table.ts";
export * from "./mac_table.ts";
