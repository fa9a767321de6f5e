/**
 * How an agent's options are put together from flags, environment, file and defaults. The file is YAML with the names of the
 * flags.
 * @module
 */

import { WeftError } from "../base/mod.ts";
import type { AgentOptions, AgentOptionsInput } from "./agent_options.ts";
import type { OptionName } from "./field.ts";
import { refusalOf } from "./declared_networks.ts";
import { FIELD_ENTRIES, FIELDS } from "./fields.ts";
import { nearest } from "./nearest.ts";

/** A file of settings is a page; what is larger is something else. */
const MAX_LENGTH = 1 << 20;

/** A setting that cannot be used; the message names it, where it was said, and its value. */
export class InvalidConfigError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidConfig";
}

/** Where settings were written; errors quote them in the same form. */
export interface ConfigLayer {
  readonly source: "flags" | "environment" | "file" | "options" | "kept";
  /** By name of `AgentOptions`; absent and undefined ones are not set. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The file's path. */
  readonly path?: string;
}

/**
 * Puts an agent's options together: earlier layers win over later ones, defaults stand last.
 * @throws InvalidConfigError that names the setting as it was written, its value, and the rule
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { layerAgentOptions } from "./layers.ts";
 * const options = layerAgentOptions([
 *   { source: "flags", values: { port: "51821" } },
 *   { source: "environment", values: { port: "4", mtuBytes: "1280" } },
 * ]);
 * assert.equal(options.port, 51821);
 * assert.equal(options.mtuBytes, 1280);
 * assert.equal(options.interfaceName, "weft0");
 * ```
 */
export function layerAgentOptions(layers: readonly ConfigLayer[]): AgentOptions {
  return layerOptions(layers).options;
}

/** Options that hold, and of each where it comes from; undefined for a default. */
export interface LayeredOptions {
  readonly options: AgentOptions;
  readonly origins: ReadonlyMap<OptionName, ConfigLayer>;
}

/**
 * The same as `layerAgentOptions`, with where each option comes from.
 * @param isPassedOver whether a layer does not say an option, whatever stands there; it has to be readable all the same
 * @throws InvalidConfigError
 */
export function layerOptions(
  layers: readonly ConfigLayer[],
  isPassedOver: (name: OptionName, layer: ConfigLayer) => boolean = () => false,
): LayeredOptions {
  const options: Record<string, unknown> = {};
  const origins = new Map<OptionName, ConfigLayer>();
  for (const [name, { initial }] of FIELD_ENTRIES) if (initial !== undefined) options[name] = initial;
  for (const layer of layers.toReversed()) {
    for (const [name, value] of readLayer(layer)) {
      if (isPassedOver(name, layer)) continue;
      options[name] = value;
      origins.set(name, layer);
    }
  }
  return { options: options as unknown as AgentOptions, origins };
}

/**
 * @returns the options of one layer as they are read; an alias before the name that overrules it
 * @throws InvalidConfigError that names the setting as it was written, its value, and the rule
 */
export function readLayer(layer: ConfigLayer): readonly (readonly [OptionName, unknown])[] {
  return Object.entries(layer.values).filter(([, value]) => value !== undefined).map(([key, value]) => {
    const name = optionNamed(key);
    const { flag, schema, rule, hint } = FIELDS[name];
    const read = schema.safeParse(value);
    if (read.success) return [name, read.data];
    const exact = refusalOf(read.error);
    const written = asWritten(layer, key, key === name ? flag : key, exact === undefined ? value : undefined);
    if (exact !== undefined) {
      throw new InvalidConfigError(`Cannot use ${written}: ${exact.rule}`, { hint: exact.hint });
    }
    throw new InvalidConfigError(`Cannot use ${written}: ${rule}`, { hint });
  });
}

/**
 * Reads options that a program hands over.
 * @throws InvalidConfigError that names the option, its value, and the rule
 */
export function parseAgentOptions(input: AgentOptionsInput): AgentOptions {
  return layerAgentOptions([{ source: "options", values: input }]);
}

/** @returns options whose variable is set and empty, which says that what an earlier start found there holds no more */
export function emptiedVariables(
  environment: Readonly<Record<string, string | undefined>>,
): readonly OptionName[] {
  return FIELD_ENTRIES.filter(([, { flag }]) => environment[variableName(flag)] === "").map(([name]) => name);
}

/** @returns the settings of the variables named `WEFT_…` that are options; others are left alone */
export function environmentLayer(environment: Readonly<Record<string, string | undefined>>): ConfigLayer {
  const values: Record<string, unknown> = {};
  for (const [flag, key] of SPELLINGS) {
    const value = environment[variableName(flag)];
    if (value !== undefined && value !== "") values[key] = value;
  }
  return { source: "environment", values };
}

/** For each name of a flag the one of its option; those of earlier versions, which later ones overrule, come first. */
export const SPELLINGS: readonly (readonly [flag: string, key: string])[] = [
  ...FIELD_ENTRIES.flatMap(([, { aliases = [] }]) => aliases.map((alias) => [alias, alias] as const)),
  ...FIELD_ENTRIES.map(([name, { flag }]) => [flag, name] as const),
];

/** What a setting may be called, and what it sets. */
const FILE_NAMES: ReadonlyMap<string, string> = new Map([
  ...SPELLINGS,
  ...FIELD_ENTRIES.flatMap(([name, { plural }]) => plural === undefined ? [] : [[plural, name] as const]),
]);

/** What an option may be called by whom it is told, and its name. */
export const SETTING_NAMES: ReadonlyMap<string, OptionName> = new Map(
  FIELD_ENTRIES.flatMap(([name, { flag, plural = flag, aliases = [] }]) =>
    [flag, plural, ...aliases].map((word) => [word, name] as const)
  ),
);

/**
 * Reads the text of a configuration file. What reads YAML is loaded for it: most commands have no file.
 * @param path for the messages
 * @throws InvalidConfigError when it is no YAML map, or has a name that is none, with the nearest one as a hint
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { fileLayer } from "./layers.ts";
 * const layer = await fileLayer("port: 51821\nlabels:\n  role: web\n", "/etc/weft.yaml");
 * assert.deepEqual(layer.values, { port: 51821, labels: { role: "web" } });
 * ```
 */
export async function fileLayer(text: string, path: string): Promise<ConfigLayer> {
  if (text.length > MAX_LENGTH) {
    throw new InvalidConfigError(`Cannot read ${path}: it is larger than ${MAX_LENGTH} characters`, {
      hint: "Name a configuration file with --config.",
    });
  }
  const content = await readYaml(text, path);
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(content)) {
    const key = FILE_NAMES.get(name);
    if (key === undefined) throw unknownName(name, path);
    if (key in values) {
      throw new InvalidConfigError(`Cannot read ${path}: ${name} is said twice`, {
        hint: `Keep one of its spellings.`,
      });
    }
    if (value !== null) values[key] = value;
  }
  return { source: "file", values, path };
}

/** @throws InvalidConfigError when there is no such option */
function optionNamed(key: string): OptionName {
  const entry = FIELD_ENTRIES.find(([name, { aliases = [] }]) => name === key || aliases.includes(key));
  if (entry !== undefined) return entry[0];
  const names = Object.keys(FIELDS);
  const meant = nearest(key, names);
  throw new InvalidConfigError(`Cannot use the option ${key}: there is none of that name`, {
    hint: meant ? `Did you mean ${meant}?` : `The options are ${names.join(", ")}.`,
  });
}

/** @param value undefined where what is wrong with it is said */
function asWritten(layer: ConfigLayer, key: string, flag: string, value: unknown): string {
  const text = value === undefined ? "" : shown(value);
  const [blank, equals, colon] = text === "" ? ["", "", ""] : [" ", "=", ": "];
  if (layer.source === "flags") return `--${flag}${blank}${text}`;
  if (layer.source === "environment") return `${variableName(flag)}${equals}${text}`;
  if (layer.source !== "file") return `${key}${blank}${text}`;
  return `${flag}${colon}${text} in ${layer.path ?? "the file"}`;
}

/** @returns the variable of an option's flag */
export function variableName(flag: string): string {
  return `WEFT_${flag.toUpperCase().replaceAll("-", "_")}`;
}

/** One line of at most 60 characters, without what could steer a terminal. */
function shown(value: unknown): string {
  const isList = Array.isArray(value) && value.every((item) => typeof item === "string");
  const text = isList
    ? value.join(", ")
    : typeof value === "string"
    ? value
    : JSON.stringify(value) ?? String(value);
  // deno-lint-ignore no-control-regex -- these are what must not get out
  const plain = text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
  return plain.length <= 60 ? plain || '""' : `${plain.slice(0, 59)}…`;
}

async function readYaml(text: string, path: string): Promise<object> {
  const { parseDocument } = await import("yaml");
  // YAML 1.2 core schema: `no` is text, times are not numbers. Aliases could blow a small file up.
  const document = parseDocument(text, { version: "1.2", prettyErrors: true, stringKeys: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const [line = ""] = error.message.split("\n");
    throw new InvalidConfigError(`Cannot read ${path}: ${line.replace(/:$/, "")}`, {
      hint: "It is YAML, one `name: value` a line.",
    });
  }
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 0 }) ?? {};
  } catch (cause) {
    throw new InvalidConfigError(`Cannot read ${path}: aliases are not allowed`, {
      hint: "Write the value out.",
      cause,
    });
  }
  if (typeof content === "object" && content !== null && !Array.isArray(content)) return content;
  throw new InvalidConfigError(`Cannot read ${path}: it is no map of names to values`, {
    hint: "Write one `name: value` a line, for example `port: 51820`.",
  });
}

function unknownName(name: string, path: string): InvalidConfigError {
  const names = FIELD_ENTRIES.map(([, { flag, plural = flag }]) => plural);
  const meant = nearest(name, names);
  return new InvalidConfigError(
    `Cannot read ${path}: there is no setting ${JSON.stringify(name.slice(0, 60))}`,
    { hint: meant ? `Did you mean ${meant}?` : `The settings are ${names.join(", ")}.` },
  );
}
