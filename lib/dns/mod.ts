/**
 * Names of the mesh by the DNS protocol: messages as bytes and values, zones and what they answer. It is pure: it opens
 * no socket and reads no clock; lib/nameserver carries its messages. RFC 1034, RFC 1035, RFC 2181, RFC 2308, RFC 4592,
 * RFC 6891, RFC 8482.
 * @module
 */

export * from "./answer_cache.ts";
export * from "./authority.ts";
export * from "./bounds.ts";
export * from "./custom_record.ts";
export * from "./dns_counter.ts";
export * from "./domain_name.ts";
export * from "./forward_options.ts";
export * from "./forwarder.ts";
export * from "./network_names.ts";
export * from "./message.ts";
export * from "./message_decoder.ts";
export * from "./message_encoder.ts";
export * from "./record_data.ts";
export * from "./record_type.ts";
export * from "./responder.ts";
export * from "./search_guard.ts";
export * from "./upstream_health.ts";
export * from "./zone.ts";
