/**
 * The options of the name server, in the table of all.
 * @module
 */

import * as z from "zod";
import { DEFAULT_SERVICE_TTL_SECONDS, DEFAULT_TTL_SECONDS, MAX_TTL_SECONDS } from "../dns/bounds.ts";
import type { AgentOptions } from "./agent_options.ts";
import { DEFAULT_DNS_PORT, DEFAULT_DNS_ZONE } from "./defaults.ts";
import type { Field, OptionName } from "./field.ts";
import { MAX_PORT } from "./compound_options.ts";
import { dnsForward, domainName, integer, list, RESOLVERS } from "./field_schemas.ts";

const TTL = {
  schema: () => integer(0, MAX_TTL_SECONDS),
  rule: `a time to live is a number of seconds from 0 to ${MAX_TTL_SECONDS}`,
};

/** Of the options that say whether, where and how a node answers names. */
export const DNS_FIELDS: {
  readonly [Key in OptionName & `dns${string}` & keyof AgentOptions]-?: Field<Key>;
} = {
  dns: {
    flag: "dns",
    isReloadable: true,
    value: "how",
    help: "auto, on or off: whether this node answers names",
    initial: "auto",
    initialText: "auto, off if rootless",
    schema: () =>
      z.union([z.enum(["auto", "on", "off"]), z.boolean().transform((isOn) => isOn ? "on" : "off")]),
    choices: ["auto", "on", "off"],
    rule: "the name server is auto, on or off",
    hint: "The default is auto: on, but off in rootless nodes.",
  },
  dnsPorts: {
    flag: "dns-port",
    isReloadable: true,
    value: "ports",
    help: "the ports where the name server answers, on this node's overlay address",
    initial: [DEFAULT_DNS_PORT],
    initialText: `${DEFAULT_DNS_PORT}`,
    schema: () =>
      z.union([integer(1, MAX_PORT).transform((port) => [port]), list(integer(1, MAX_PORT))])
        .pipe(z.array(z.number()).min(1).max(4)),
    rule: `the name server has one to four ports from 1 to ${MAX_PORT}`,
    hint:
      `The default is ${DEFAULT_DNS_PORT}; with --dns-port ${DEFAULT_DNS_PORT},53 it has the usual one too.`,
  },
  dnsZone: {
    flag: "dns-zone",
    value: "name",
    help: "the zone of the names",
    initial: DEFAULT_DNS_ZONE,
    schema: domainName,
    rule: "that is no domain name",
    hint: `The default is ${DEFAULT_DNS_ZONE}; overlay.local. is another.`,
  },
  dnsForward: {
    flag: "dns-forward",
    isReloadable: true,
    value: "[suffix=]server",
    help: "whom to ask for other names, or `system`",
    isRepeated: true,
    initial: [],
    initialText: "nobody",
    schema: () => list(dnsForward()),
    rule: "a server is an address, or a suffix, = and an address",
    hint: "Write 9.9.9.9, corp.example=10.0.0.53:5353, or system for the servers that this host asks.",
  },
  dnsResolver: {
    flag: "dns-resolver",
    isReloadable: true,
    value: "how",
    help: "auto, resolved, resolv.conf or off: how this host is made to ask",
    initial: "auto",
    ...RESOLVERS,
    rule: "the host's resolver is auto, resolved, resolv.conf or off",
    hint:
      "The default is auto: systemd-resolved where it is in use, else /etc/resolv.conf; off leaves it alone.",
  },
  dnsTtlSeconds: {
    flag: "dns-ttl",
    isReloadable: true,
    value: "seconds",
    help: "how long others may keep the names of members",
    initial: DEFAULT_TTL_SECONDS,
    ...TTL,
    hint: `The default is ${DEFAULT_TTL_SECONDS}.`,
  },
  dnsServiceTtlSeconds: {
    flag: "dns-service-ttl",
    isReloadable: true,
    value: "seconds",
    help: "how long others may keep the names of services, and `leader`",
    initial: DEFAULT_SERVICE_TTL_SECONDS,
    ...TTL,
    hint: `The default is ${DEFAULT_SERVICE_TTL_SECONDS}: instances come and go.`,
  },
};
