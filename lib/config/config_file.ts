/**
 * The configuration file: YAML with the names of the flags. What is wrong in it is named with its line and column, the first
 * of it by an error, all of it by `checkConfigFile`.
 * @module
 */

import type { LineCounter as Lines, Node, YAMLMap } from "yaml";
import { FIELD_ENTRIES, TEST_OPTIONS } from "./fields.ts";
import { checkPairs, type ConfigLayer, InvalidConfigError, readSetting, SPELLINGS } from "./layers.ts";
import { nearest } from "./nearest.ts";
import type { FilePosition } from "./policy/mod.ts";

/** A file of settings is a page; what is larger is something else. */
const MAX_LENGTH = 1 << 20;

/** What a setting may be called, and what it sets. */
const FILE_NAMES: ReadonlyMap<string, string> = new Map([
  ...SPELLINGS,
  ...FIELD_ENTRIES.flatMap(([name, { plural }]) => plural === undefined ? [] : [[plural, name] as const]),
]);

/** Something in a configuration file that cannot be used. */
export interface ConfigProblem {
  /** Names the setting, its value, and the rule, in one line. */
  readonly message: string;
  readonly hint: string;
  /** Where it stands; absent when it is about the file as a whole. */
  readonly position?: FilePosition;
}

/**
 * Reads the text of a configuration file; the values are checked where they are used. What reads YAML is loaded for it: most
 * commands have no file.
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
  const { layer, problems: [first] } = await readFile(text, path);
  if (first === undefined) return layer;
  throw new InvalidConfigError(first.message, { hint: first.hint });
}

/**
 * Reads a file as a start would, and goes on after what is wrong.
 * @param path for the messages
 * @returns all that a start would refuse, as it stands in the file; nothing when it can be used
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { checkConfigFile } from "./config_file.ts";
 * const problems = await checkConfigFile("prot: 51821\nmtu: 9\n", "weft.yaml");
 * assert.deepEqual(problems.map(({ position, hint }) => [position?.line, hint]), [
 *   [1, "Did you mean port?"],
 *   [2, "The default is 1420; 1280 fits through almost every path."],
 * ]);
 * ```
 */
export async function checkConfigFile(text: string, path: string): Promise<readonly ConfigProblem[]> {
  const { layer, problems } = await readFile(text, path);
  const wrong = Object.keys(layer.values).flatMap((key): ConfigProblem[] => {
    try {
      readSetting(layer, key);
      return [];
    } catch (error) {
      if (!(error instanceof InvalidConfigError)) throw error;
      const { message, hint = "", position } = error;
      return [{ message, hint, ...position && { position } }];
    }
  });
  const alone = wrong.length > 0 ? undefined : pairProblem(layer);
  const line = ({ position }: ConfigProblem): number => position?.line ?? 0;
  return [...problems, ...wrong, ...alone ? [alone] : []].sort((a, b) => line(a) - line(b));
}

function pairProblem({ values }: ConfigLayer): ConfigProblem | undefined {
  try {
    checkPairs(values);
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error;
    return { message: error.message, hint: error.hint ?? "" };
  }
}

interface ReadFile {
  readonly layer: ConfigLayer;
  readonly problems: readonly ConfigProblem[];
}

async function readFile(text: string, path: string): Promise<ReadFile> {
  const nothing: ConfigLayer = { source: "file", values: {}, path };
  if (text.length > MAX_LENGTH) {
    const message = `Cannot read ${path}: it is larger than ${MAX_LENGTH} characters`;
    return { layer: nothing, problems: [{ message, hint: "Name a configuration file with --config." }] };
  }
  const { isAlias, isMap, LineCounter, parseDocument, visit } = await import("yaml");
  const lines = new LineCounter();
  // YAML 1.2 core schema: `no` is text, times are not numbers.
  const document = parseDocument(text, {
    version: "1.2",
    prettyErrors: false,
    stringKeys: true,
    lineCounter: lines,
  });
  const problems: ConfigProblem[] = document.errors.map(({ message, pos: [at] }) =>
    problem(
      path,
      positionAt(lines, at),
      message.split("\n")[0] ?? "",
      "It is YAML, one `name: value` a line.",
    )
  );
  visit(document, {
    // Aliases could blow a small file up.
    Alias: (_, { range }) => {
      problems.push(
        problem(
          path,
          positionAt(lines, range?.[0] ?? 0),
          "aliases are not allowed",
          "Write the value out.",
        ),
      );
    },
  });
  const { contents } = document;
  if (problems.length > 0 || contents === null || isAlias(contents)) return { layer: nothing, problems };
  if (!isMap(contents)) {
    // `null` and `~` are what is left of a file whose settings are all taken out.
    if (document.toJS() === null) return { layer: nothing, problems };
    const hint = "Write one `name: value` a line, for example `port: 51820`.";
    return { layer: nothing, problems: [problem(path, undefined, "it is no map of names to values", hint)] };
  }
  return readSettings(contents as YAMLMap<Node, Node | null>, document.toJS() as object, { lines, path });
}

/** @param content the same as plain values */
function readSettings(
  map: YAMLMap<Node, Node | null>,
  content: object,
  { lines, path }: { readonly lines: Lines; readonly path: string },
): ReadFile {
  const problems: ConfigProblem[] = [];
  const values: Record<string, unknown> = {};
  const nodes = new Map<string, Node | null>();
  for (const [at, [name, value]] of Object.entries(content).entries()) {
    const pair = map.items[at];
    const position = positionAt(lines, pair?.key.range?.[0] ?? 0);
    const key = FILE_NAMES.get(name);
    if (key === undefined) {
      const said = `there is no setting ${JSON.stringify(name.slice(0, 60))}`;
      problems.push(problem(path, position, said, unknownHint(name)));
    } else if (nodes.has(key)) {
      problems.push(problem(path, position, `${name} is said twice`, "Keep one of its spellings."));
    } else {
      nodes.set(key, pair?.value ?? null);
      if (value !== null) values[key] = value;
    }
  }
  const locate: ConfigLayer["locate"] = (key, isRight) => {
    const node = nodes.get(key);
    return node === undefined || node === null
      ? undefined
      : positionAt(lines, narrowed(node, values[key], isRight).range?.[0] ?? 0);
  };
  return { layer: { source: "file", values, path, locate }, problems };
}

/**
 * @param isRight whether a value of the same form, with one part of this one in it alone, could be used
 * @returns the smallest part that is wrong by itself, or the whole
 */
function narrowed(node: Node, value: unknown, isRight: (value: unknown) => boolean): Node {
  if (typeof value !== "object" || value === null || !("items" in node)) return node;
  const items = node.items as readonly (Node | { readonly key: Node; readonly value: Node | null })[];
  const isList = Array.isArray(value);
  for (const [at, [key, part]] of Object.entries(value).entries()) {
    const alone = (one: unknown): unknown => isList ? [one] : { [key]: one };
    if (isRight(alone(part))) continue;
    const item = items[at];
    if (item === undefined) return node;
    if (!("value" in item) || !("key" in item)) {
      return narrowed(item as Node, part, (one) => isRight(alone(one)));
    }
    return item.value === null ? item.key : narrowed(item.value, part, (one) => isRight(alone(one)));
  }
  return node;
}

function positionAt(lines: Lines, offset: number): FilePosition {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function problem(
  path: string,
  position: FilePosition | undefined,
  what: string,
  hint: string,
): ConfigProblem {
  const place = position === undefined ? path : `${path}:${position.line}:${position.column}`;
  return { message: `Cannot read ${place}: ${what}`, hint, ...position && { position } };
}

function unknownHint(name: string): string {
  const names = FIELD_ENTRIES.filter(([key]) => !TEST_OPTIONS.includes(key))
    .map(([, { flag, plural = flag }]) => plural);
  const meant = nearest(name, names);
  return meant ? `Did you mean ${meant}?` : `The settings are ${names.join(", ")}.`;
}
