/**
 * How an agent's options are put together from flags, environment, file and defaults.
 * @module
 */

import { WeftError } from "../base/mod.ts";
import type { AgentOptions, AgentOptionsInput } from "./agent_options.ts";
import type { OptionName } from "./field.ts";
import { refusalOf } from "./declared_networks.ts";
import { FIELD_ENTRIES, FIELDS, schemaOf } from "./fields.ts";
import { nearest } from "./nearest.ts";
import type { FilePosition } from "./policy/mod.ts";

/** A setting that cannot be used; the message names it, where it was said, and its value. */
export class InvalidConfigError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidConfig";
  /** Where it stands in a file; undefined elsewhere. */
  readonly position: FilePosition | undefined;

  /** Says what cannot be used, and where it stands. */
  constructor(
    message: string,
    options: { hint?: string; cause?: unknown; position?: FilePosition | undefined } = {},
  ) {
    const { position, ...rest } = options;
    super(message, rest);
    this.position = position;
  }
}

/** Where settings were written; errors quote them in the same form. */
export interface ConfigLayer {
  readonly source: "flags" | "environment" | "file" | "options" | "kept";
  /** By name of `AgentOptions`; absent and undefined ones are not set. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The file's path. */
  readonly path?: string;
  /**
   * Of a file: where a value stands, or the part of it that is wrong.
   * @param key as in `values`
   * @param isRight whether a value with one part of this one in it alone could be used
   * @returns undefined when it is not in the file
   */
  readonly locate?: (key: string, isRight: (value: unknown) => boolean) => FilePosition | undefined;
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
 * Checks what is of use only together.
 * @throws InvalidConfigError that names the option which is there alone
 */
export function checkPairs(options: Partial<Record<OptionName, unknown>>): void {
  for (const [name, other] of PAIRS) {
    if (options[name] === undefined || options[other] !== undefined) continue;
    const [{ flag }, { flag: missing, hint }] = [FIELDS[name], FIELDS[other]];
    throw new InvalidConfigError(`Cannot use ${flag}: it needs ${missing} beside it`, { hint });
  }
}

const PAIRS: readonly (readonly [OptionName, needs: OptionName])[] = [
  ["dataCertificate", "dataKey"],
  ["dataKey", "dataCertificate"],
];

/**
 * @returns the options of one layer as they are read; an alias before the name that overrules it
 * @throws InvalidConfigError that names the setting as it was written, its value, and the rule
 */
export function readLayer(layer: ConfigLayer): readonly (readonly [OptionName, unknown])[] {
  return Object.keys(layer.values).filter((key) => layer.values[key] !== undefined)
    .map((key) => readSetting(layer, key));
}

/**
 * @param key as in `layer.values`
 * @returns one option as it is read
 * @throws InvalidConfigError
 */
export function readSetting(layer: ConfigLayer, key: string): readonly [OptionName, unknown] {
  const value = layer.values[key];
  const name = optionNamed(key);
  const { flag, rule, hint, isUnspoken = false } = FIELDS[name];
  const schema = schemaOf(name);
  const read = schema.safeParse(value);
  if (read.success) return [name, read.data];
  const exact = refusalOf(read.error);
  const position = layer.locate?.(key, (part) => schema.safeParse(part).success);
  const written = asWritten(layer, {
    key,
    flag: key === name ? flag : key,
    value: exact === undefined && !isUnspoken ? value : undefined,
    position,
  });
  if (exact !== undefined) {
    throw new InvalidConfigError(`Cannot use ${written}: ${exact.rule}`, { hint: exact.hint, position });
  }
  throw new InvalidConfigError(`Cannot use ${written}: ${rule}`, { hint, position });
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

/** What an option may be called by whom it is told, and its name. */
export const SETTING_NAMES: ReadonlyMap<string, OptionName> = new Map(
  FIELD_ENTRIES.flatMap(([name, { flag, plural = flag, aliases = [] }]) =>
    [flag, plural, ...aliases].map((word) => [word, name] as const)
  ),
);

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

/** @param said.value undefined where what is wrong with it is said */
function asWritten(
  layer: ConfigLayer,
  { key, flag, value, position }: {
    readonly key: string;
    readonly flag: string;
    readonly value: unknown;
    readonly position: FilePosition | undefined;
  },
): string {
  const text = value === undefined ? "" : shown(value);
  const [blank, equals, colon] = text === "" ? ["", "", ""] : [" ", "=", ": "];
  if (layer.source === "flags") return `--${flag}${blank}${text}`;
  if (layer.source === "environment") return `${variableName(flag)}${equals}${text}`;
  if (layer.source !== "file") return `${key}${blank}${text}`;
  const place = position === undefined ? "" : `:${position.line}:${position.column}`;
  return `${flag}${colon}${text} in ${layer.path ?? "the file"}${place}`;
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
