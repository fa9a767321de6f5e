/**
 * The configuration file: YAML with the names of the flags.
 * @module
 */

import { FIELD_ENTRIES } from "./fields.ts";
import { type ConfigLayer, InvalidConfigError, SPELLINGS } from "./layers.ts";
import { nearest } from "./nearest.ts";

/** A file of settings is a page; what is larger is something else. */
const MAX_LENGTH = 1 << 20;

/** What a setting may be called, and what it sets. */
const FILE_NAMES: ReadonlyMap<string, string> = new Map([
  ...SPELLINGS,
  ...FIELD_ENTRIES.flatMap(([name, { plural }]) => plural === undefined ? [] : [[plural, name] as const]),
]);

/**
 * Reads the text of a configuration file. What reads YAML is loaded for it: most commands have no file.
 * @param path for the messages
 * @throws InvalidConfigError when it is no YAML map, or has a name that is none, with the nearest one as a hint
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { fileLayer } from "./config_file.ts";
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
