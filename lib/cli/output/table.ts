/**
 * Aligned columns of text.
 * @module
 */

import { paint, type Terminal, type Tone } from "../terminal.ts";

/** A cell's text, and the same with colours when it has some. */
export interface Cell {
  readonly text: string;
  readonly painted: string;
}

/** @returns a cell in a colour, when the terminal has colours */
export function paintedCell(terminal: Terminal, tone: Tone, text: string): Cell {
  return { text, painted: paint(terminal, tone, text) };
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

/** @returns lines of names, which are quiet, and what is said of each */
export function factLines(facts: readonly (readonly [string, string])[], terminal: Terminal): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, text]) => `${paint(terminal, "quiet", name.padEnd(width))}  ${text}\n`).join("");
}

function asCell(cell: string | Cell): Cell {
  return typeof cell === "string" ? { text: cell, painted: cell } : cell;
}

/** Names are DNS labels and all else is ASCII, so characters are columns. */
function widthOf(text: string): number {
  return [...text].length;
}
