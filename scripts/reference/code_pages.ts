/**
 * What the tables of the code say, as pages of Markdown: settings, the HTTP interface, errors.
 * @module
 */

import type * as z from "zod";
import { OPERATION_ENTRIES, VIEWS } from "../../lib/api/mod.ts";
import { type Field, FIELD_ENTRIES, helpText, optionText, TEST_OPTIONS } from "../../lib/config/mod.ts";
import { page, table } from "./markdown.ts";

/** @returns what a node may be told, by flag, variable and file */
export function configurationPage(): string {
  const rows = FIELD_ENTRIES.filter(([option]) => !TEST_OPTIONS.includes(option)).map(([, each]) => {
    const field = each as Field;
    const { flag, plural, hint, isRepeated, isReloadable = false } = field;
    const name = `\`${flag}\`${plural === undefined ? "" : `, \`${plural}\``}`;
    return [
      name,
      `\`WEFT_${flag.toUpperCase().replaceAll("-", "_")}\``,
      initialOf(field),
      helpText(field) + (isRepeated ? "; a list" : ""),
      hint,
      isReloadable ? "reload" : "start",
    ];
  });
  return page(
    "Configuration",
    "Each setting is a flag (`--port 5555`), a variable (`WEFT_PORT=5555`) and a line of the file that `--config` " +
      "names (`port: 5555`). Flags win over variables, those over what `weft config set` keeps, that over the file, that " +
      "over what stands here. `weft config show` says of each what holds and why, `weft config init weft.yaml` writes a " +
      "file with all of them. A change takes effect at `weft reload`, or at the next start.",
    table(["setting", "variable", "unless told", "is", "how", "at"], rows),
  );
}

function initialOf({ initial, initialText }: Field): string {
  if (initialText !== undefined) return initialText;
  if (initial === undefined) return "";
  if (typeof initial === "boolean") return initial ? "yes" : "no";
  return [optionText(initial)].flat().map((text) => `\`${text}\``).join(", ");
}

/** @returns what can be asked over HTTP */
export function httpPage(): string {
  const views = Object.values(VIEWS).map((
    { path, summary },
  ) => [`\`GET ${path}\``, "everybody on this host", "", summary]);
  const operations = OPERATION_ENTRIES.map(([, { route, summary, isPublic, lines, request }]) => [
    `\`${route}\``,
    isPublic ? "who may read the page" : "the control socket",
    fieldsOf(request?.().shape ?? {}, route),
    summary +
    (lines === undefined ? "" : lines === "always" ? "; in lines" : "; in lines where the handler streams"),
  ]);
  return page(
    "HTTP interface",
    "An agent answers at `127.0.0.1:9180`, where nothing can be changed, and at `control.sock` in its state directory, " +
      "which its owner alone may open (`curl --unix-socket /var/lib/weft/control.sock http://weft/status`). " +
      "`GET /openapi.json` describes each request and answer. A failure is an object with `code`, `message` and mostly a `hint`. " +
      "Fields in braces stand in the path; the others in the query of a GET or DELETE, in the JSON body of a POST; those " +
      "with a question mark may be left out. Lines are JSON, one object each.",
    "```text\n" +
      "$ curl http://127.0.0.1:9180/peers\n" +
      "$ curl --unix-socket /var/lib/weft/control.sock http://weft/call \\\n" +
      '    --json \'{"path":"math/add","params":{"a":1,"b":2}}\'\n' +
      "$ curl --unix-socket /var/lib/weft/control.sock -N 'http://weft/subscribe?pattern=orders/>'\n```",
    table(["request", "for", "takes", "does"], [...views, ...operations]),
  );
}

/** @returns the fields of a request that do not stand in its path */
function fieldsOf(shape: Readonly<Record<string, z.ZodType>>, route: string): string {
  return Object.entries(shape).filter(([name]) => !route.includes(`{${name}}`))
    .map(([name, schema]) => `\`${name}${schema._zod.optin === "optional" ? "?" : ""}\``).join(", ");
}

/** Where codes are explained in a table of a docstring. */
const TABLES = [
  [
    "Calls and events",
    "lib/service/errors.ts",
    "`CallError`s, which may also have a code of the handler's own.",
  ],
  ["Collections and queues", "lib/data/errors.ts", "`DataError`s."],
] as const;

/** @returns the codes of failures, by who fails */
export async function errorsPage(root: URL): Promise<string> {
  const parts = [];
  for (const [title, path, about] of TABLES) {
    const text = await Deno.readTextFile(new URL(path, root));
    const rows = [...text.matchAll(/^ \* \| (`\w+`) \| (.*) \|$/gm)].map((
      [, code = "", what = ""],
    ) => [code, what]);
    if (rows.length === 0) throw new Error(`${path} has no table of codes`);
    parts.push(`## ${title}`, about, table(["code", "what happened"], rows));
  }
  const classes: string[][] = [];
  for await (const text of sourcesBelow(new URL("lib/", root))) {
    for (const [, doc = "", name = "", , code = ""] of text.matchAll(CODED_CLASS)) {
      const what = doc.replaceAll(/\s*\n \* ?/g, " ").replace(/ ?@\w+[^]*$/, "").trim();
      classes.push([`\`${code}\``, `\`${name}\``, what]);
    }
  }
  classes.sort(([a = ""], [b = ""]) => a < b ? -1 : 1);
  return page(
    "Errors",
    "Every failure of the library is a `WeftError` with a `code` that stays the same, `retryable`, and mostly a `hint` that " +
      "says what to do. Over HTTP and in `--json` the same codes are used. What a caller does wrong in the code itself is a " +
      "`TypeError` or `RangeError`.",
    ...parts,
    "## Everything else",
    table(["code", "class", "what happened"], classes),
  );
}

const CODED_CLASS =
  /\/\*\* ((?:(?!\*\/)[^])*?) ?\*\/\nexport class (\w+) extends (\w+) \{\n(?:[^}]*?\n)??\s+(?:override )?readonly code = "(\w+)"/g;

async function* sourcesBelow(folder: URL): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory && name !== "testing") yield* sourcesBelow(new URL(`${name}/`, folder));
    else if (/(?<!_test)\.ts$/.test(name)) yield await Deno.readTextFile(new URL(name, folder));
  }
}
