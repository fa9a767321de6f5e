/**
 * The options of relays, in the table of all.
 * @module
 */

import * as z from "zod";
import type { AgentOptions } from "./agent_options.ts";
import type { Field, OptionName } from "./field.ts";
import { isPortRange, MAX_PORT, parsePortRange } from "./compound_options.ts";
import { integer, parsed } from "./field_schemas.ts";

const MAX_MBIT = 1_000_000;

const bandwidth: Pick<Field<"relayLimitMbit">, "value" | "initial" | "schema" | "choices" | "rule" | "hint"> =
  {
    value: "Mbit/s",
    initial: "off",
    schema: () =>
      z.union([
        z.literal("off"),
        z.literal(false).transform(() => "off" as const),
        integer(1, MAX_MBIT),
      ]),
    choices: ["off"],
    rule: `the limit is a number of megabits a second from 1 to ${MAX_MBIT}, or off`,
    hint: "Write --relay-limit 100; without a limit a relay carries what its line does.",
  };

/** Of the options that say whether, where and how much a node relays. */
export const RELAY_FIELDS: {
  readonly [Key in OptionName & `relay${string}` & keyof AgentOptions]-?: Field<Key>;
} = {
  relay: {
    flag: "relay",
    isReloadable: true,
    value: "how",
    isValueOptional: true,
    hasOpposite: true,
    help: "auto, on or off: whether to carry sealed packets between members that can't reach each other",
    initial: "auto",
    initialText: "auto, on if it leads",
    schema: () =>
      z.union([z.enum(["auto", "on", "off"]), z.boolean().transform((isOn) => isOn ? "on" : "off")]),
    choices: ["auto", "on", "off"],
    rule: "the relay is auto, on or off",
    hint: "The default is auto: leaders relay, others do with --relay, and nobody with --no-relay.",
  },
  relayPorts: {
    flag: "relay-ports",
    isReloadable: true,
    value: "first-last",
    help: "the UDP ports of the relay, two for each pair of members",
    initial: undefined,
    initialText: "any free ones",
    schema: () => parsed(parsePortRange, isPortRange),
    rule: `ports are written FIRST-LAST, at least two of 1 to ${MAX_PORT}`,
    hint: "Write --relay-ports 40000-40099, and open them for UDP in the firewall.",
  },
  relayLimitMbit: {
    flag: "relay-limit",
    isReloadable: true,
    help: "how much the relay carries in all, or off",
    ...bandwidth,
  },
  relaySessionLimitMbit: {
    flag: "relay-session-limit",
    isReloadable: true,
    help: "how much the relay carries for any two members, or off",
    ...bandwidth,
  },
};
