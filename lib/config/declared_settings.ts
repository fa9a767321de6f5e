/**
 * What is said of a declared network or endpoint: each setting's names, what it must be, and how it is read.
 * @module
 */

import { isPrintable } from "../base/mod.ts";
import { NODE_NAME } from "../mesh/bounds.ts";
import { Cidr, IpAddress, MacAddress } from "../net/mod.ts";
import { nearest } from "./nearest.ts";

/** How many texts a list in one of them holds, and how long each is. */
const MAX_ITEMS = 64;
const MAX_TEXT = 1_024;
const MAX_IDENTIFIER = 0xffff_ffff;
/** As of `lib/overlay`: what reads as an option or a path is none. */
const INTERFACE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/;

/** What is wrong with a declaration, and what to do. */
export class Refusal {
  readonly rule: string;
  readonly hint: string;

  constructor(rule: string, hint: string) {
    this.rule = rule;
    this.hint = hint;
  }
}

/** How a setting is read: what it is called, what it sets, and what it makes of a value. */
export interface Setting {
  readonly field: string;
  /** Others that say the same. */
  readonly aliases?: readonly string[];
  /** Whether it may be said more than once in a line of text. */
  readonly isList?: boolean;
  /** What a value must be, and an example. */
  readonly rule: string;
  readonly example: string;
  /** @returns undefined for a value that is none */
  read(value: unknown): unknown;
}

const text = (pattern?: RegExp) => (value: unknown): string | undefined =>
  typeof value === "string" && isSayable(value) && pattern?.test(value) !== false ? value : undefined;
/** A DNS label, in lower case. */
export const label = (value: unknown): string | undefined =>
  typeof value === "string" ? text(NODE_NAME)(value.toLowerCase()) : undefined;
const number = (least: number, most: number) => (value: unknown): number | undefined => {
  const read = typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : value;
  return Number.isInteger(read) && Number(read) >= least && Number(read) <= most ? Number(read) : undefined;
};
const written = (parse: (text: string) => object | undefined) => (value: unknown): string | undefined =>
  typeof value === "string" ? parse(value)?.toString() : undefined;
const list = (read: (value: unknown) => string | undefined) => (value: unknown): string[] | undefined => {
  const items = [value].flat().flatMap((item) => typeof item === "string" ? item.split(",") : [item]);
  const found = items.map((item) => read(typeof item === "string" ? item.trim() : item));
  const isWhole = found.length > 0 && found.length <= MAX_ITEMS && !found.includes(undefined);
  return isWhole ? found as string[] : undefined;
};
const ofFamilies =
  (read: (value: unknown) => string | undefined) => (value: unknown): string[] | undefined => {
    const found = list(read)(value);
    const isOnce = new Set(found?.map((text) => text.includes(":"))).size === found?.length;
    return isOnce ? found : undefined;
  };
/** With the length of a prefix or without. */
const hostAddress = (value: unknown): string | undefined => {
  const [address = "", bits] = typeof value === "string" ? value.split(/(?=\/)/) : [];
  const isPrefix = bits === undefined || Cidr.parse(address + bits) !== undefined;
  return isPrefix && IpAddress.parse(address) !== undefined ? address + (bits ?? "") : undefined;
};
const stationAddress = (value: unknown): string | undefined => {
  const read = typeof value === "string" ? MacAddress.parse(value) : undefined;
  return read === undefined || read.isGroup ? undefined : read.toString();
};
const truth = (value: unknown): boolean | undefined => {
  if (/^(true|yes|1)$/.test(String(value))) return true;
  return /^(false|no|0)$/.test(String(value)) ? false : undefined;
};
const pairs = (value: unknown): Record<string, string> | undefined => {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  const entries = isMap ? Object.entries(value) : [value].flat().map((item): [string, unknown] => {
    const [, key = "", each = ""] = /^([^=]*)=(.*)$/s.exec(String(item)) ?? [];
    return [key, each];
  });
  const isGood = entries.length <= MAX_ITEMS &&
    entries.every(([key, each]) =>
      /^[a-z][a-z0-9_.-]{0,31}$/.test(key) && /^(string|number|boolean)$/.test(typeof each) &&
      (each === "" || isSayable(String(each)))
    );
  return isGood ? Object.fromEntries(entries.map(([key, each]) => [key, String(each)])) : undefined;
};

/** What a line can say, in quotes of one kind. */
function isSayable(value: string): boolean {
  return value.length > 0 && value.length <= MAX_TEXT && isPrintable(value) && !/'.*"|".*'/.test(value);
}

const interfaceName = {
  rule: "an interface has a name of 1 to 15 letters, digits, dots, hyphens and underscores",
  read: text(INTERFACE_NAME),
};

/** What is said of a network. */
export const NETWORK_SETTINGS: Readonly<Record<string, Setting>> = {
  type: { field: "type", rule: "it is the name of a driver", example: "vxlan", read: label },
  vni: {
    field: "identifier",
    aliases: ["id", "vsid", "key", "label", "vlan", "vid"],
    rule: `it is a number from 0 to ${MAX_IDENTIFIER}`,
    example: "1001",
    read: number(0, MAX_IDENTIFIER),
  },
  cidr: {
    field: "cidrs",
    aliases: ["cidr6"],
    isList: true,
    rule: "it is a network in CIDR notation, or one of each family",
    example: "10.0.0.0/24",
    read: ofFamilies(written(Cidr.parse)),
  },
  mtu: { field: "mtuBytes", rule: "it is a number of bytes", example: "1370", read: number(1, 65_535) },
  underlay: {
    field: "underlay",
    rule: "it is mesh or plain",
    example: "mesh",
    read: text(/^(mesh|plain)$/),
  },
  remotes: {
    field: "remotes",
    aliases: ["remote"],
    isList: true,
    rule: "they are addresses of hosts",
    example: "192.0.2.7",
    read: list(written(IpAddress.parse)),
  },
  group: {
    field: "group",
    rule: "it is a multicast address",
    example: "239.1.1.1",
    read: written(IpAddress.parse),
  },
  port: { field: "port", rule: "it is a port", example: "4789", read: number(1, 65_535) },
  "hop-limit": { field: "hopLimit", rule: "it is 1 to 255", example: "8", read: number(1, 255) },
  interfaces: {
    field: "interfaces",
    aliases: ["interface"],
    isList: true,
    ...interfaceName,
    example: "eth0",
    read: list(interfaceName.read),
  },
  members: { field: "members", rule: "it is a selector of members", example: "role=web", read: text() },
  gateway: { field: "gateway", rule: "it is the name of a member", example: "web-1", read: text() },
  "storm-limit": {
    field: "stormLimit",
    rule: "it is a number of frames a second",
    example: "1000",
    read: number(1, 0xffff_ffff),
  },
  options: {
    field: "options",
    aliases: ["option"],
    isList: true,
    rule: "options are written KEY=VALUE, or as a map",
    example: "ttl=32",
    read: pairs,
  },
};

/** What is said of an endpoint. */
export const ENDPOINT_SETTINGS: Readonly<Record<string, Setting>> = {
  mac: {
    field: "macAddress",
    rule: "it is the MAC address of one host",
    example: "02:42:ac:11:00:02",
    read: stationAddress,
  },
  ip: {
    field: "ipAddresses",
    aliases: ["ip6"],
    isList: true,
    rule: "it is an IP address, or one of each family",
    example: "10.0.0.9",
    read: ofFamilies(hostAddress),
  },
  device: { field: "device", ...interfaceName, example: "blue0" },
  netns: { field: "netns", rule: "it is a namespace's name or path", example: "lab", read: text() },
  attach: { field: "attach", ...interfaceName, example: "eth1" },
  foreign: { field: "allowsForeign", rule: "it is either true or false", example: "true", read: truth },
};

/** What is said of one: in which order does not matter, but a line of text may say a list bit by bit. */
export type Said = readonly (readonly [key: string, value: unknown])[];

/** @returns the fields that were said, as they are read @throws Refusal */
export function readSettings(
  what: string,
  said: Said,
  settings: Readonly<Record<string, Setting>>,
): Record<string, unknown> {
  const values = new Map<string, { readonly key: string; readonly setting: Setting; value: unknown }>();
  for (const [key, value] of said) {
    if (value === null || value === undefined) continue;
    const isMeant = ([name, { field, aliases = [] }]: [string, Setting]) =>
      [name, field, ...aliases].includes(key);
    const [name, setting] = Object.entries(settings).find(isMeant) ?? [];
    if (name === undefined || setting === undefined) throw unknownSetting(what, key, Object.keys(settings));
    const before = values.get(name);
    if (before === undefined) values.set(name, { key, setting, value });
    else if (setting.isList) before.value = [before.value, value].flat();
    else throw new Refusal(`${what} says ${key} twice`, "Keep one of them.");
  }
  return Object.fromEntries(
    [...values.values()].map(({ key, setting, value }) => {
      const read = setting.read(value);
      if (read !== undefined) return [setting.field, read];
      const shown = typeof value === "object" ? JSON.stringify(value) : String(value);
      throw new Refusal(
        `${what} cannot have ${key} ${shown.slice(0, 60)}: ${setting.rule}`,
        `For example ${key}: ${setting.example}.`,
      );
    }),
  );
}

function unknownSetting(what: string, key: string, names: readonly string[]): Refusal {
  const meant = nearest(key, names);
  return new Refusal(
    `${what} has no setting ${JSON.stringify(key.slice(0, 60))}`,
    meant ? `Did you mean ${meant}?` : `Its settings are ${names.join(", ")}.`,
  );
}
