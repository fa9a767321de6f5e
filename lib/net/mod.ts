/**
 * IP addresses, blocks, endpoints, longest-prefix match, and what a router reads of a packet. It follows RFC 4291,
 * RFC 4632, RFC 5952, RFC 791 and RFC 8200. It never opens a socket and never resolves a name.
 * @module
 */

export * from "./address_range.ts";
export * from "./arp.ts";
export * from "./cidr.ts";
export * from "./endpoint.ts";
export * from "./ethernet.ts";
export * from "./group_messages.ts";
export * from "./ip_address.ts";
export * from "./ip_forwarding.ts";
export * from "./ip_fragments.ts";
export * from "./ip_packet.ts";
export * from "./ipv6_headers.ts";
export * from "./mac_address.ts";
export * from "./outer_header.ts";
export * from "./ndp.ts";
export * from "./path_header.ts";
export * from "./prefix_trie.ts";
export * from "./special_blocks.ts";
export * from "./stun_header.ts";
export * from "./tcp.ts";
export * from "./tcp_mss.ts";
export * from "./web_address.ts";
