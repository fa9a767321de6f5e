/**
 * The options of discovery, in the table of all.
 * @module
 */

import type { AgentOptions } from "./agent_options.ts";
import { DEFAULT_DISCOVERY_PORT } from "./defaults.ts";
import type { Field, OptionName } from "./field.ts";
import { PUBLIC_DHT_BOOTSTRAP } from "./compound_options.ts";
import { dhtBootstrap, discoveryPeer, list, truth } from "./field_schemas.ts";

/** Of the options that say by whom a node finds others and is found. */
export const DISCOVERY_FIELDS: {
  readonly [Key in OptionName & `discovery${string}` & keyof AgentOptions]-?: Field<Key>;
} = {
  discovery: {
    flag: "discovery",
    isReloadable: true,
    help: "call out to no neighbours, and listen to none",
    initial: true,
    schema: truth,
    rule: "it is either true or false",
    hint: "Without discovery a node sends nothing to its neighbours; --no-discovery is the flag.",
  },
  discoveryPeers: {
    flag: "discovery-peer",
    isReloadable: true,
    value: "address",
    help: "whom to call beside neighbours",
    isRepeated: true,
    initial: [],
    schema: () => list(discoveryPeer()),
    rule: "a peer is an IPv4 address, with a port or without",
    hint: `Write 192.0.2.1, or 192.0.2.1:${DEFAULT_DISCOVERY_PORT}.`,
  },
  discoveryDht: {
    flag: "discovery-dht",
    isReloadable: true,
    help: "find others, and be found, by the public BitTorrent DHT",
    initial: false,
    initialText: "no",
    schema: truth,
    rule: "it is either true or false",
    hint: "With it this node's address and port are in the public BitTorrent DHT, under a number of the day.",
  },
  discoveryDhtBootstrap: {
    flag: "discovery-dht-bootstrap",
    isReloadable: true,
    value: "host:port",
    help: "by which nodes to enter the DHT",
    isRepeated: true,
    initial: PUBLIC_DHT_BOOTSTRAP,
    schema: () => list(dhtBootstrap()).refine((nodes) => nodes.length >= 1 && nodes.length <= 16),
    rule: "the DHT is entered by 1 to 16 nodes, each a name or an IPv4 address and a port",
    hint: "Write dht.example.com:6881, or 192.0.2.1:6881; without it the public ones are asked.",
  },
};
