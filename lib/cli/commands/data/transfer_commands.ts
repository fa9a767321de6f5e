/**
 * `weft data export` and `import`: a collection as lines of JSON, or as CSV.
 * @module
 */

import { printableJson } from "../../../base/mod.ts";
import type { Collection, DataClient, Document } from "../../../data/mod.ts";
import { CommandError, systemReason, UsageError } from "../../failure.ts";
import { counted } from "../../output/mod.ts";
import type { CliPorts } from "../../ports.ts";
import { type AnyCommand, type CommandContext, printJson, readNumber } from "../../weft_command.ts";
import { runWithData } from "./attached_data.ts";
import type { ValueFormat } from "./value_files.ts";

/** So many values become durable together, and of them at most so many characters. */
const BATCH_VALUES = 500;
const BATCH_CHARACTERS = 200_000;
/** How many properties a table has. */
const MAX_COLUMNS = 1_000;
const TRANSACTION_MS = 60_000;

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
      .option("--after <key>", "those behind this key: an export that was cut off goes on")
      .option("--format <format>", "jsonl, or csv with a first line of names (default: jsonl)")
      .option("--json", "with keys and revisions")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft data export orders > orders.jsonl\n  $ weft data export orders --format csv > orders.csv",
      ),
    ports,
    async ({ client }, [name = ""], { prefix, after, format, json }) => {
      const collection = await client.existing(name);
      const range = {
        ...typeof prefix === "string" && { prefix },
        ...typeof after === "string" && { after },
      };
      if (readFormat(format, "") === "csv") {
        if (json === true) {
          throw new UsageError("Cannot use --json and --format csv together", {
            hint: "Leave one of them out.",
          });
        }
        return await exportCsv(collection, range, ports);
      }
      for await (const { key, revision, value } of collection.list(range)) {
        // For programs, which read back the same: nothing may be lost, and nothing reaches a terminal.
        ports.terminal.out(`${printableJson(json === true ? { key, revision, value } : value)}\n`);
      }
    },
  );
}

/** Reads it twice: a table begins with the names of all columns. */
async function exportCsv(
  collection: Collection,
  range: { readonly prefix?: string; readonly after?: string },
  { terminal }: CliPorts,
): Promise<void> {
  const { csvCell, csvText } = await import("./value_files.ts");
  const names = new Set<string>([collection.key]);
  for await (const { value } of collection.list(range)) {
    for (const property of Object.keys(value)) names.add(property);
    if (names.size > MAX_COLUMNS) {
      throw new CommandError(
        `Cannot export ${collection.name} as CSV: it has more than ${MAX_COLUMNS} properties`,
        {
          hint: "Leave --format out: lines of JSON have no columns.",
        },
      );
    }
  }
  const columns = [...names];
  terminal.out(csvText([columns]));
  for await (const { key, value } of collection.list(range)) {
    const other = Object.keys(value).find((property) => !names.has(property));
    if (other !== undefined) {
      throw new CommandError(
        `Cannot export ${JSON.stringify(key)}: its ${other} is new since the export began`,
        {
          hint: "Run it again.",
        },
      );
    }
    terminal.out(csvText([columns.map((property) => csvCell(value[property]))]));
  }
}

function addImport(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("import").description(
      "write values, each a line of JSON or CSV; what has the same key is replaced",
    )
      .argument("<collection>", "as `weft data list` shows it")
      .argument("<file>", "with the lines, or - for standard input")
      .option("--format <format>", "jsonl or csv (default: as the file's name ends, else jsonl)")
      .option("--text", "of CSV: every cell is text, also one that reads as a number")
      .option("--from-line <number>", "begin with this line, as a failure has named it (default: 1)")
      .option("--json", "say as JSON how many")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft data import orders orders.jsonl\n  $ weft data import orders orders.csv\n\n" +
          `So many as ${BATCH_VALUES} values are written together or not at all; of a collection with shards, those of one.`,
      ),
    ports,
    async ({ client }, [name = "", path = ""], { format, text, fromLine, json }) => {
      const { readValues } = await import("./value_files.ts");
      const first = readNumber("--from-line", fromLine, { least: 1, hint: "For example --from-line 501." }) ??
        1;
      const collection = await client.existing(name);
      const file = await openFile(path, ports);
      let written = 0;
      const values = readValues(file, path, readFormat(format, path), text === true);
      try {
        for await (const batch of batches(values, first)) {
          await write(client, collection, batch.values).catch((error) => {
            throw afterSome(error, collection, written, batch.line);
          });
          written += batch.values.length;
        }
      } catch (error) {
        throw error instanceof CommandError && written > 0 && !error.message.startsWith("Cannot import")
          ? new CommandError(`${error.message}; ${counted(written, "value")} before it were written`, {
            hint: error.hint ?? "",
            cause: error,
          })
          : error;
      }
      if (json === true) printJson(ports, { written });
      else ports.terminal.out(`Wrote ${counted(written, "value")} to ${name}\n`);
    },
  );
}

/** Writes values together; of a collection with shards those of each shard. */
async function write(client: DataClient, collection: Collection, values: readonly Document[]): Promise<void> {
  const parts = Map.groupBy(values, (value) => collection.shard(value));
  for (const part of parts.values()) {
    await client.transaction(async (tx) => {
      for (const value of part) await tx.put(collection, value);
    }, { timeoutMs: TRANSACTION_MS });
  }
}

/** Parts of the values, with the number of the first line of each. */
async function* batches(
  found: AsyncIterable<{ readonly value: Document; readonly line: number }>,
  fromLine: number,
): AsyncGenerator<{ readonly values: readonly Document[]; readonly line: number }> {
  let values: Document[] = [];
  let characters = 0;
  let first = 1;
  for await (const { value, line } of found) {
    if (line < fromLine) continue;
    const length = JSON.stringify(value)?.length ?? 0;
    if (values.length === BATCH_VALUES || (values.length > 0 && characters + length > BATCH_CHARACTERS)) {
      yield { values, line: first };
      [values, characters] = [[], 0];
    }
    if (values.length === 0) first = line;
    values.push(value);
    characters += length;
  }
  if (values.length > 0) yield { values, line: first };
}

function readFormat(given: unknown, path: string): ValueFormat {
  if (given === undefined) return path.toLowerCase().endsWith(".csv") ? "csv" : "jsonl";
  if (given === "csv" || given === "jsonl") return given;
  throw new UsageError(`Cannot use --format ${given}`, { hint: "It is jsonl or csv." });
}

async function openFile(path: string, ports: CliPorts): Promise<ReadableStream<Uint8Array>> {
  try {
    return await ports.process.openFile(path);
  } catch (cause) {
    throw new UsageError(`Cannot read the values from ${path}: ${systemReason(cause)}`, {
      hint: "Check the path and its permissions.",
      cause,
    });
  }
}

function afterSome(error: unknown, { name }: Collection, written: number, line: number): unknown {
  if (!(error instanceof Error)) return error;
  const before = written === 0
    ? "nothing was written"
    : `${counted(written, "value")} before it were written`;
  return new CommandError(
    `Cannot import line ${line} and those behind it into ${name}: ${error.message}; ${before}`,
    {
      hint: `Run it again when that is mended, with --from-line ${line}: what has the same key is replaced.`,
      cause: error,
    },
  );
}
