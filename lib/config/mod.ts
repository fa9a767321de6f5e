/**
 * How an agent is told what to do: the table of options, from which flags, variables, settings of the file and the
 * library's options come, and their defaults. Flags win over the environment (`WEFT_…`), that over the file, that over
 * defaults. It is the one place where YAML comes in, and it reads no file and no environment itself.
 * @module
 */

export * from "./agent_options.ts";
export * from "./config_file.ts";
export * from "./defaults.ts";
export { type DhtBootstrapOption, PUBLIC_DHT_BOOTSTRAP } from "./dht_bootstrap.ts";
export type { DnsForwardOption } from "./dns_forward.ts";
export * from "./errors.ts";
export { nearest } from "./nearest.ts";
export { type OfferOption, parseOffer } from "./offer.ts";
