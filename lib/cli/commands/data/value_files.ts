/**
 * Files of values, read as a stream: lines of JSON, or CSV with a first line of names (RFC 4180).
 *
 * In CSV a number, `true`, `false`, `null`, a list and an object stand as JSON, a text as it is, unless it would read as one
 * of those: then it stands as JSON, too, with its quotes. An empty cell is a property that is not there. So what was written
 * is read as it was.
 *
 * @module
 */

import { Readable } from "node:stream";
import { parse } from "csv-parse";
import { stringify } from "csv-stringify/sync";
import type { Document } from "../../../data/mod.ts";
import type { JsonValue } from "../../../query/mod.ts";
import { CommandError } from "../../failure.ts";

/** How files are written. */
export type ValueFormat = "jsonl" | "csv";

/** A longer line is no value: those have 256 KiB. */
const MAX_LINE_CHARACTERS = 1 << 20;

/** A value, and where it was found. */
export interface FoundValue {
  readonly value: Document;
  /** The number of its first line. */
  readonly line: number;
}

/** Reads values, as far as whoever asks for them comes. @throws CommandError with the number of a line that is none */
export function readValues(
  bytes: ReadableStream<Uint8Array>,
  path: string,
  format: ValueFormat,
  isText: boolean,
): AsyncGenerator<FoundValue> {
  return format === "csv" ? readCsv(bytes, path, isText) : readLines(bytes, path);
}

/** @returns lines of CSV, each with its end */
export function csvText(rows: readonly (readonly string[])[]): string {
  return stringify(rows.map((row) => [...row]));
}

/** @returns a cell that reads as the value */
export function csvCell(value: JsonValue | undefined): string {
  if (value === undefined) return "";
  if (typeof value !== "string") return JSON.stringify(value);
  return value === "" || typeof readCell(value) !== "string" || value.startsWith('"')
    ? JSON.stringify(value)
    : value;
}

async function* readLines(bytes: ReadableStream<Uint8Array>, path: string): AsyncGenerator<FoundValue> {
  let line = 0;
  let rest = "";
  const valueOf = (text: string): FoundValue => {
    try {
      return { value: JSON.parse(text), line };
    } catch (cause) {
      throw new CommandError(`Cannot read line ${line} of ${path}: it is no JSON`, {
        hint: "Each line is one value, as `weft data export` prints them.",
        cause,
      });
    }
  };
  for await (const text of texts(bytes)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const one of lines) {
      line++;
      if (one.trim() !== "") yield valueOf(one);
    }
    if (rest.length > MAX_LINE_CHARACTERS) {
      throw new CommandError(`Cannot read line ${line + 1} of ${path}: it is longer than a value is`, {
        hint: "Each line is one value, as `weft data export` prints them.",
      });
    }
  }
  line++;
  if (rest.trim() !== "") yield valueOf(rest);
}

async function* readCsv(
  bytes: ReadableStream<Uint8Array>,
  path: string,
  isText: boolean,
): AsyncGenerator<FoundValue> {
  const parser = parse({
    columns: true,
    info: true,
    bom: true,
    skip_empty_lines: true,
    max_record_size: MAX_LINE_CHARACTERS,
  });
  const source = Readable.from(texts(bytes));
  source.on("error", (error) => parser.destroy(error));
  let line = 1;
  try {
    for await (const { record, info } of source.pipe(parser)) {
      const cells = Object.entries(record as Record<string, string>).filter(([, text]) => text !== "");
      yield {
        value: Object.fromEntries(cells.map(([name, text]) => [name, isText ? text : readCell(text)])),
        line: line + 1,
      };
      line = info.lines;
    }
  } catch (cause) {
    const { lines } = cause as { readonly lines?: unknown };
    if (typeof lines !== "number") throw cause;
    throw new CommandError(`Cannot read line ${lines} of ${path}: ${(cause as Error).message}`, {
      hint: "The first line has the names of the properties, and each other one as many cells.",
      cause,
    });
  }
}

function readCell(text: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function* texts(bytes: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}
