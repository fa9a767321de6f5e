/**
 * The options of the status page, in the table of all.
 * @module
 */

import * as z from "zod";
import type { AgentOptions } from "./agent_options.ts";
import { DEFAULT_STATUS_ADDRESS, DEFAULT_STATUS_PORT } from "./defaults.ts";
import type { Field, OptionName } from "./field.ts";
import { MAX_PORT } from "./compound_options.ts";
import { hostText, integer, list, STATUS_PLACES, statusAddresses, TOKEN_FILE } from "./field_schemas.ts";

/** Of the options that say where the status page is, and who may see it. */
export const STATUS_FIELDS: {
  readonly [Key in OptionName & `status${string}` & keyof AgentOptions]-?: Field<Key>;
} = {
  statusAddress: {
    flag: "status-address",
    isReloadable: true,
    value: "where",
    help: "where the status page listens: loopback, overlay, any, or an address",
    isRepeated: true,
    initial: [DEFAULT_STATUS_ADDRESS],
    initialText: DEFAULT_STATUS_ADDRESS,
    schema: statusAddresses,
    choices: STATUS_PLACES,
    rule: "the status page listens at loopback, overlay, any, or an IP address",
    hint: "The default is loopback, which only this machine reaches; elsewhere the page asks for a token.",
  },
  statusPort: {
    flag: "status-port",
    isReloadable: true,
    value: "port",
    help: "the status page's port, or off",
    initial: DEFAULT_STATUS_PORT,
    schema: () =>
      z.union([
        z.literal("off"),
        z.literal(false).transform(() => "off" as const),
        integer(0, MAX_PORT),
      ]),
    choices: ["off"],
    rule: `the status page has a port from 1 to ${MAX_PORT}, 0 for any free one, or is off`,
    hint: `The default is ${DEFAULT_STATUS_PORT}.`,
  },
  statusNames: {
    flag: "status-name",
    plural: "status-names",
    isReloadable: true,
    value: "name",
    help: "by which name or address the status page may be called, beside the node's own",
    isRepeated: true,
    initial: [],
    schema: () => list(hostText()),
    rule: "that is neither a domain name nor an address",
    hint: "Write weft.example.com, or 192.0.2.7, without a port.",
  },
  statusTokenFile: {
    flag: "status-token-file",
    isReloadable: true,
    value: "file",
    help: "the token that the page asks for beyond the loopback",
    initial: undefined,
    initialText: "one in the state, which `weft status token` prints",
    ...TOKEN_FILE,
  },
};
