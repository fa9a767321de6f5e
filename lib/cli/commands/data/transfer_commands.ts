/**
 * `weft data export` and `import`: a collection as lines of JSON.
 * @module
 */

import type { Collection, Document } from "../../../data/mod.ts";
import { CommandError } from "../../failure.ts";
import { counted } from "../../output/mod.ts";
import { type AnyCommand, type CommandContext, printJson, readFile } from "../../weft_command.ts";
import { runWithData } from "./attached_data.ts";

/** So many lines become durable together, and of them at most so many characters. */
const BATCH_LINES = 500;
const BATCH_CHARACTERS = 200_000;

/** Adds the commands. */
export function addTransferCommands(group: AnyCommand, context: CommandContext): void {
  addExport(group, context);
  addImport(group, context);
}

function addExport(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("export").description(
      "print all values, each as a line of JSON, in the order of their keys",
    )
      .argument("<collection>", "as `weft data list` shows it")
      .option("--prefix <text>", "those whose keys begin so")
      .option("--json", "with keys and revisions")
      .addHelpText("after", "\nExample:\n  $ weft data export orders > orders.jsonl"),
    ports,
    async ({ client }, [name = ""], { prefix, json }) => {
      const collection = await client.existing(name);
      const entries = collection.list(typeof prefix === "string" ? { prefix } : {});
      for await (const { key, revision, value } of entries) {
        // As it is, for programs: JSON has no control characters, and nothing of the rest may be lost.
        ports.terminal.out(`${JSON.stringify(json === true ? { key, revision, value } : value)}\n`);
      }
    },
  );
}

function addImport(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("import").description(
      "write values, each a line of JSON; what has the same key is replaced",
    )
      .argument("<collection>", "as `weft data list` shows it")
      .argument("<file>", "with the lines, or - for standard input")
      .option("--json", "say as JSON how many")
      .addHelpText("after", "\nExample:\n  $ weft data import orders orders.jsonl"),
    ports,
    async ({ client }, [name = "", path = ""], { json }) => {
      const collection = await client.existing(name);
      const lines = (await readFile(path, ports, "the values")).split("\n");
      let written = 0;
      for (const { values, line } of batches(lines, path)) {
        const write = (values: readonly Document[]) =>
          client.transaction(async (tx) => {
            for (const value of values) await tx.put(collection, value);
          }, { timeoutMs: 60_000 });
        await write(values).catch((error) => {
          throw afterSome(error, collection, written, line);
        });
        written += values.length;
      }
      if (json === true) printJson(ports, { written });
      else ports.terminal.out(`Wrote ${counted(written, "value")} to ${name}\n`);
    },
  );
}

/** Parts of the values, with the number of the first line of each. @throws CommandError */
function* batches(
  lines: readonly string[],
  path: string,
): Generator<{ readonly values: readonly Document[]; readonly line: number }> {
  let values: Document[] = [];
  let characters = 0;
  let first = 1;
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    if (values.length === BATCH_LINES || (values.length > 0 && characters + line.length > BATCH_CHARACTERS)) {
      yield { values, line: first };
      [values, characters, first] = [[], 0, i + 1];
    }
    try {
      values.push(JSON.parse(line));
    } catch (cause) {
      throw new CommandError(`Cannot read line ${i + 1} of ${path}: it is no JSON`, {
        hint: "Each line is one value, as `weft data export` prints them.",
        cause,
      });
    }
    characters += line.length;
  }
  if (values.length > 0) yield { values, line: first };
}

function afterSome(error: unknown, { name }: Collection, written: number, line: number): unknown {
  if (!(error instanceof Error)) return error;
  const before = written === 0
    ? "nothing was written"
    : `${counted(written, "value")} before it were written`;
  return new CommandError(
    `Cannot import line ${line} and those behind it into ${name}: ${error.message}; ${before}`,
    {
      hint: "Run it again when that is mended: what has the same key is replaced.",
      cause: error,
    },
  );
}
