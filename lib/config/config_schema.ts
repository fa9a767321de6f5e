/**
 * The configuration file as JSON Schema, by which editors complete and check it, and as a file to begin with: both made from
 * the one table of fields.
 * @module
 */

import type { Field, OptionName } from "./field.ts";
import { FIELD_ENTRIES, TEST_OPTIONS } from "./fields.ts";
import { type JsonForm, jsonForm } from "./json_form.ts";
import { optionText } from "./option_text.ts";

/** The fields that a file is for. */
const FILE_FIELDS = FIELD_ENTRIES.filter(([name]) => !TEST_OPTIONS.includes(name));
const WIDTH = 110;

/**
 * @returns the schema of a configuration file, of draft 2020-12; names of earlier versions are deprecated
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { configSchema } from "./config_schema.ts";
 * const { properties } = configSchema() as { properties: Record<string, { default?: unknown }> };
 * assert.equal(properties["port"]?.default, 51820);
 * ```
 */
export function configSchema(): JsonForm {
  const properties = FILE_FIELDS.flatMap(([, field]): (readonly [string, JsonForm])[] => {
    const { flag, plural, aliases = [] } = field;
    if (plural === undefined && aliases.length === 0) return [[flag, fieldForm(field)]];
    const shared = { $ref: `#/$defs/${flag}` };
    return [
      ...plural === undefined ? [] : [[plural, shared] as const],
      [flag, shared],
      ...aliases.map((name) => [name, { ...shared, deprecated: true }] as const),
    ];
  });
  const shared = FILE_FIELDS.filter(([, { plural, aliases }]) =>
    plural !== undefined || aliases !== undefined
  );
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "weft.yaml",
    description: "How a node of weft is told to run. Every setting is optional.",
    type: "object",
    properties: Object.fromEntries(properties),
    additionalProperties: false,
    $defs: Object.fromEntries(shared.map(([, field]) => [field.flag, fieldForm(field)])),
  };
}

/** @returns a configuration file in which every setting is there, with its help, commented out */
export function configTemplate(): string {
  const sections = FILE_FIELDS.map(([name, field]) =>
    [...comment(`${helpText(field)}. ${field.hint}`, "# "), ...example(name, field).map((line) => `#${line}`)]
      .join("\n")
  );
  const head =
    "How this node is told to run: `weft up --config FILE` reads it at every start, `weft reload` while it " +
    "runs. Flags and variables (WEFT_PORT) win over it. `weft config check FILE` checks it, `weft config schema` " +
    "prints a schema for editors.";
  return `${comment(head, "# ").join("\n")}\n\n${sections.join("\n\n")}\n`;
}

function fieldForm(field: Field): JsonForm {
  const { schema, initial, initialText, isReloadable = false } = field;
  const told = initialText === undefined ? "" : ` (default: ${initialText})`;
  const when = isReloadable ? "" : " A change takes effect at the next start.";
  const isPlain = /^(string|number|boolean)$/.test(typeof initial);
  return {
    description: `${helpText(field)}${told}.${when}`,
    ...jsonForm(schema()),
    ...isPlain && initialText === undefined && { default: initial },
  };
}

/** @returns what a setting is, as a sentence; what is on unless told is explained by what it means when it is not */
export function helpText({ help, initial }: Field): string {
  return initial === true ? `False: ${help}` : help.replace(/^\w/, (letter) => letter.toUpperCase());
}

/** @returns the setting as it stands in a file, with its default or the example of its hint */
function example(
  name: OptionName,
  { flag, plural = flag, initial, isRepeated = false }: Field,
): readonly string[] {
  const said = EXAMPLES[name];
  if (said !== undefined) return said.split("\n");
  if (initial === undefined) return [`${plural}:`];
  const text = optionText(initial);
  if (isRepeated) return [`${plural}: ${typeof text === "string" ? text : `[${text.join(", ")}]`}`];
  return [`${plural}: ${text}`];
}

/** What is better shown than its default. */
const EXAMPLES: Partial<Readonly<Record<OptionName, string>>> = {
  name: "name: web-1",
  address: "address: 10.200.1.7",
  cidr: "cidr: 10.200.0.0/16",
  endpoints: "endpoints: [vpn.example.com:51820]",
  discoveryPeers: "discovery-peer: [192.0.2.7]",
  discoveryDhtBootstrap: "discovery-dht-bootstrap: [dht.example.com:6881]",
  stunServers: "stun-servers: [stun.example.com:3478]",
  labels: "labels: { role: web, rack: r7 }",
  statusNames: "status-names: [weft.example.com]",
  statusTokenFile: "status-token-file: /etc/weft/token",
  dnsForward: "dns-forward: [9.9.9.9, corp.example=192.0.2.53]",
  offers: "offers: [80=127.0.0.1:3000, 5432 for role=web]",
  forwardAllow: "forward-allow: role=admin",
  relayPorts: "relay-ports: 40000-40099",
  networks: "networks:\n  blue: { type: vxlan, vni: 1001, cidr: 10.0.0.0/24 }",
  networkEndpoints: "network-endpoints:\n  blue/web-1: { ip: 10.0.0.9 }",
  policy: "policy: /etc/weft/policy.yaml",
};

function comment(text: string, mark: string): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && mark.length + line.length + 1 + word.length > WIDTH) {
      lines.push(mark + line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, mark + line];
}
