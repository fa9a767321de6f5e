/**
 * How this host looks from elsewhere, by STUN (RFC 8489). It is pure: datagrams, time and randomness are handed in, so that
 * it can be asked by any socket. It answers nobody.
 * @module
 */

export * from "./mapped_addresses.ts";
export * from "./stun_client.ts";
export * from "./stun_message.ts";
