/**
 * Who wants which multicast group (IGMP and MLD snooping, RFC 4541).
 * @module
 */

export * from "./snooper.ts";
