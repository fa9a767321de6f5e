/**
 * Aligned columns of text. What stands in them may be of somebody else: each cell and each fact stays one line of
 * printable text, whatever it is made of.
 * @module
 */

import { showUnprintable } from "../../base/mod.ts";
import { paint, type Terminal, type Tone } from "../terminal.ts";

/** A cell's text, and the same with colours when it has some. */
export interface Cell {
  readonly text: string;
  readonly painted: string;
}

/** @returns a cell in a colour, when the terminal has colours */
export function paintedCell(terminal: Terminal, tone: Tone, text: string): Cell {
  return { text: showUnprintable(text), painted: paint(terminal, tone, text) };
}

/** @returns rows below their titles, which are quiet, each with a line end; see `tableLines` */
export function tableText(
  titles: readonly string[],
  rows: readonly (readonly (string | Cell)[])[],
  terminal: Terminal,
): string {
  const [first = "", ...lines] = tableLines(titles, rows);
  return [paint(terminal, "quiet", first), ...lines].join("\n") + "\n";
}

/**
 * Lays rows out below their titles, two spaces between columns.
 * @param titles with `>` before one whose column stands to the right, as numbers do
 * @returns lines, without blanks at their ends
 */
export function tableLines(
  titles: readonly string[],
  rows: readonly (readonly (string | Cell)[])[],
): string[] {
  const cells = [titles.map((title) => title.replace(/^>/, "")), ...rows].map((row) => row.map(asCell));
  const widths = titles.map((_, at) => Math.max(...cells.map((row) => widthOf(row[at]?.text ?? ""))));
  return cells.map((row) =>
    row.map((cell, at) => {
      const space = " ".repeat(Math.max(0, (widths[at] ?? 0) - widthOf(cell.text)));
      return titles[at]?.startsWith(">") ? space + cell.painted : cell.painted + space;
    }).join("  ").trimEnd()
  );
}

/** What is said of one thing, in pieces that follow each other. */
export type Fact = readonly [name: string, ...pieces: readonly (string | Cell)[]];

/** @returns lines of names, which are quiet, and what is said of each */
export function factLines(facts: readonly Fact[], terminal: Terminal): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, ...pieces]) => {
    const text = pieces.map((piece) => asCell(piece).painted).join("");
    return `${paint(terminal, "quiet", name.padEnd(width))}  ${text}\n`;
  }).join("");
}

function asCell(cell: string | Cell): Cell {
  if (typeof cell !== "string") return cell;
  const text = showUnprintable(cell);
  return { text, painted: text };
}

/** What is aligned is ASCII as a rule, so characters are columns. */
function widthOf(text: string): number {
  return [...text].length;
}

/** @returns labels in one line */
export function pairsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(",");
}
