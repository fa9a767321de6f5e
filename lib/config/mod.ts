/**
 * How an agent is told what to do: the table of options, from which flags, variables, settings of the file and the
 * library's options come, and their defaults. Flags win over the environment (`WEFT_…`), that over what was said at earlier
 * starts and is kept in the state, that over the file, that over defaults. It is the one place where YAML comes in, and it reads no file and no environment itself.
 * @module
 */

export * from "./agent_options.ts";
export { checkConfigFile, type ConfigProblem, fileLayer } from "./config_file.ts";
export { configSchema, configTemplate, helpText } from "./config_schema.ts";
export type { DeclaredEndpoint, DeclaredNetwork } from "./declared_networks.ts";
export * from "./defaults.ts";
export type { Field, OptionName } from "./field.ts";
export { FIELD_ENTRIES, FIELDS, TEST_OPTIONS } from "./fields.ts";
export * from "./kept_settings.ts";
export * from "./layers.ts";
export { nearest } from "./nearest.ts";
export { type OptionText, optionText } from "./option_text.ts";
export * from "./said_settings.ts";
export {
  type DhtBootstrapOption,
  type DnsForwardOption,
  type NamedEndpointOption,
  type OfferOption,
  parseOffer,
  type PortRangeOption,
  PUBLIC_DHT_BOOTSTRAP,
} from "./compound_options.ts";
export { type StatusAddress } from "./field_schemas.ts";
export * from "./policy/mod.ts";
