/**
 * Overlay networks and endpoints as they are declared: in a file as maps or lists, elsewhere as a line of text each.
 *
 *     networks:
 *       blue: { type: vxlan, vni: 1001, cidr: 10.0.0.0/24 }
 *     network-endpoints:
 *       blue/web-1: { ip: 10.0.0.9 }
 *
 *     --network 'blue type=vxlan vni=1001 cidr=10.0.0.0/24' --network-endpoint 'blue/web-1 ip=10.0.0.9'
 *
 * @module
 */

import * as z from "zod";
import {
  ENDPOINT_SETTINGS,
  label,
  NETWORK_SETTINGS,
  readSettings,
  Refusal,
  type Said,
  type Setting,
} from "./declared_settings.ts";
import { type JsonForm, written } from "./json_form.ts";

/** How many may be declared of each. */
const MAX_NETWORKS = 64;
const MAX_ENDPOINTS = 256;

/** An overlay network that a leader makes when there is none of its name. */
export interface DeclaredNetwork {
  /** A DNS label. */
  readonly name: string;
  /** The driver; `vxlan` unless said. */
  readonly type?: string;
  /** What tells it apart on the wire; the lowest that is free unless said. */
  readonly identifier?: number;
  /** Blocks that endpoints get their addresses of, one of each family at most. */
  readonly cidrs?: readonly string[];
  /** The longest IP packet inside, in bytes; what the underlay leaves unless said. */
  readonly mtuBytes?: number;
  /** What carries it; `mesh` unless said. */
  readonly underlay?: "mesh" | "plain";
  /** Addresses of hosts of the plain underlay that are no members. */
  readonly remotes?: readonly string[];
  /** The multicast group of the plain underlay. */
  readonly group?: string;
  /** The UDP port of the plain underlay, where it is not the driver's. */
  readonly port?: number;
  /** How far packets of the plain underlay go. */
  readonly hopLimit?: number;
  /** The hosts' interfaces of the plain underlay. */
  readonly interfaces?: readonly string[];
  /** A selector of members that may have endpoints. */
  readonly members?: string;
  /** The member that leads out of it. */
  readonly gateway?: string;
  /** How many frames to everybody a port may send in a second. */
  readonly stormLimit?: number;
  /** The driver's options. */
  readonly options?: Readonly<Record<string, string>>;
}

/** An endpoint that this node adds when it has none of its name. */
export interface DeclaredEndpoint {
  /** The name of its network. */
  readonly network: string;
  /** A DNS label. */
  readonly name: string;
  /** Its MAC address; drawn unless said. */
  readonly macAddress?: string;
  /** Its addresses, one of each family at most; free ones of the network unless said. */
  readonly ipAddresses?: readonly string[];
  /** The TAP device's name; made of the endpoint's unless said. */
  readonly device?: string;
  /** The network namespace that the device stands in. */
  readonly netns?: string;
  /** An interface of this host that is bridged in, in place of a TAP device. */
  readonly attach?: string;
  /** Whether frames may come from addresses that nobody has been given. */
  readonly allowsForeign?: boolean;
}

/** Words of a line, parted by blanks outside of quotes: the first one names it, the others say `key=value`, or `key`. */
function readLine(line: string): readonly [name: string, said: Said] {
  const [name = "", ...words] = [...line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, "$1$2")
  );
  return [
    name,
    words.map((word) => {
      const at = word.indexOf("=");
      return at < 0 ? [word, true] : [word.slice(0, at), word.slice(at + 1)];
    }),
  ];
}

/** @returns the name and the settings of each; what they are called in a list of maps is put together by `nameOf` */
function entriesOf(
  value: unknown,
  nameOf: (map: Record<string, unknown>) => readonly [name: string, said: Said],
): (readonly [name: string, said: Said])[] {
  const example = "Write a map of names to their settings.";
  if (typeof value === "string") {
    const lines: readonly string[] = value.match(/(?:[^;'"]|'[^']*'|"[^"]*")+/g) ?? [];
    return lines.filter((line) => line.trim() !== "").map(readLine);
  }
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      if (typeof item === "string") return entriesOf(item, nameOf);
      if (typeof item === "object" && item !== null && !Array.isArray(item)) return [nameOf(item)];
      throw new Refusal("one of them is neither a map nor a line of text", example);
    });
  }
  if (typeof value !== "object" || value === null) throw new Refusal("it is no map", example);
  return Object.entries(value).map(([name, said]) => {
    if (said === null) return [name, []];
    if (typeof said === "object" && !Array.isArray(said)) return [name, Object.entries(said)];
    throw new Refusal(`${name} is no map`, example);
  });
}

function readNetworks(value: unknown): readonly DeclaredNetwork[] {
  return entriesOf(value, ({ name, ...said }) => [String(name ?? ""), Object.entries(said)]).map(
    ([text, said]) => {
      const name = label(text);
      if (name === undefined) throw badName(text, "a network", "blue");
      return { name, ...readSettings(name, said, NETWORK_SETTINGS) };
    },
  );
}

function readEndpoints(value: unknown): readonly DeclaredEndpoint[] {
  const entries = entriesOf(
    value,
    ({ network, name, ...said }) => [`${network ?? ""}/${name ?? ""}`, Object.entries(said)],
  );
  return entries.map(([text, said]) => {
    const [network, name, ...more] = text.split("/").map(label);
    if (network === undefined || name === undefined || more.length > 0) {
      throw badName(text, "NETWORK/ENDPOINT", "blue/web-1");
    }
    return { network, name, ...readSettings(`${network}/${name}`, said, ENDPOINT_SETTINGS) };
  });
}

function badName(text: string, what: string, example: string): Refusal {
  return new Refusal(
    `${JSON.stringify(text.slice(0, 60))} is no name of ${what}: it has letters, digits and hyphens`,
    `For example ${example}.`,
  );
}

/** @returns a schema whose one issue says what is wrong, see `refusalOf` */
function declared<T extends { readonly name: string; readonly network?: string }>(
  read: (value: unknown) => readonly T[],
  { most, settings }: { readonly most: number; readonly settings: Readonly<Record<string, Setting>> },
): z.ZodType<readonly T[]> {
  const schema = z.unknown().transform((value, context): readonly T[] => {
    try {
      const found = read(value);
      const names = found.map(({ network, name }) => network === undefined ? name : `${network}/${name}`);
      const twice = names.find((name, at) => names.indexOf(name) !== at);
      if (twice !== undefined) throw new Refusal(`${twice} is there twice`, "Keep one of them.");
      if (found.length <= most) return found;
      throw new Refusal(`there are more than ${most}`, "Make the others by commands.");
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      context.addIssue({ code: "custom", message: error.rule, params: { hint: error.hint } });
      return z.NEVER;
    }
  });
  return written(schema, () => declaredForm(settings));
}

/** Of a list the maps name themselves. */
function declaredForm(settings: Readonly<Record<string, Setting>>): JsonForm {
  const properties = Object.fromEntries(
    Object.entries(settings).flatMap(([name, { aliases = [], rule, example }]) =>
      [name, ...aliases].map((key) => [key, { description: rule, examples: [example] }])
    ),
  );
  const one = { type: ["object", "null"], properties, additionalProperties: false };
  const named = {
    type: "object",
    properties: { ...properties, name: { type: "string" }, network: { type: "string" } },
    required: ["name"],
  };
  return {
    anyOf: [
      { type: "object", additionalProperties: one },
      { type: "array", items: { anyOf: [{ type: "string" }, named] } },
      { type: "string" },
    ],
  };
}

/** How an option is read, and what it must be. */
interface Read<T> {
  readonly schema: () => z.ZodType<readonly T[]>;
  readonly rule: string;
  readonly hint: string;
}

/** Networks by name, each once. */
export const NETWORKS: Read<DeclaredNetwork> = {
  schema: () => declared(readNetworks, { most: MAX_NETWORKS, settings: NETWORK_SETTINGS }),
  rule: "a network is a name and its settings",
  hint: "Write 'blue type=vxlan vni=1001 cidr=10.0.0.0/24'; the settings are those of a configuration file.",
};

/** Endpoints by the names of their networks and their own, each once. */
export const NETWORK_ENDPOINTS: Read<DeclaredEndpoint> = {
  schema: () => declared(readEndpoints, { most: MAX_ENDPOINTS, settings: ENDPOINT_SETTINGS }),
  rule: "an endpoint is NETWORK/NAME and its settings",
  hint: "Write blue/web-1, or 'blue/web-1 ip=10.0.0.9 netns=lab'.",
};

/** @returns what exactly is wrong, where a schema says it */
export function refusalOf(error: z.ZodError): { readonly rule: string; readonly hint: string } | undefined {
  const [issue] = error.issues;
  const hint = issue?.code === "custom" ? issue.params?.["hint"] : undefined;
  return issue === undefined || typeof hint !== "string" ? undefined : { rule: issue.message, hint };
}

/** @returns one of them as a line of text, which is read as the same again */
export function declaredText(value: DeclaredNetwork | DeclaredEndpoint): string {
  const [name, settings] = "network" in value
    ? [`${value.network}/${value.name}`, ENDPOINT_SETTINGS]
    : [value.name, NETWORK_SETTINGS];
  const words = Object.entries(settings).flatMap(([key, { field }]) => {
    const said = (value as unknown as Record<string, unknown>)[field];
    if (said === undefined) return [];
    if (typeof said === "boolean") return said ? [key] : [`${key}=false`];
    const texts = Array.isArray(said)
      ? [said.join(",")]
      : typeof said === "object" && said !== null
      ? Object.entries(said).map(([option, each]) => `${option}=${each}`)
      : [String(said)];
    return texts.map((text) => `${key}=${quoted(text)}`);
  });
  return [name, ...words].join(" ");
}

function quoted(text: string): string {
  if (/^[^\s'";]*$/.test(text)) return text;
  return text.includes("'") ? `"${text}"` : `'${text}'`;
}
