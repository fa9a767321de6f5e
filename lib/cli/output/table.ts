/**
 * Aligned columns of text.
 * @module
 */

import { paint, type Terminal } from "../terminal.ts";

/** One column: its title, and whether numbers stand to the right. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** A cell's text, and the same with colours when it has some. */
export interface Cell {
  readonly text: string;
  readonly painted: string;
}

/** @returns rows below their titles, which are quiet, each with a line end */
export function tableText(
  columns: readonly Column[],
  rows: readonly (readonly (string | Cell)[])[],
  terminal: Terminal,
): string {
  const [titles = "", ...lines] = tableLines(columns, rows);
  return [paint(terminal, "quiet", titles), ...lines].join("\n") + "\n";
}

/**
 * Lays rows out below their titles, two spaces between columns.
 * @returns lines, without blanks at their ends
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly (string | Cell)[])[],
): string[] {
  const cells = [columns.map((column) => column.title), ...rows].map((row) => row.map(asCell));
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => widthOf(row[at]?.text ?? ""))));
  return cells.map((row) =>
    row.map((cell, at) => {
      const space = " ".repeat(Math.max(0, (widths[at] ?? 0) - widthOf(cell.text)));
      return columns[at]?.align === "right" ? space + cell.painted : cell.painted + space;
    }).join("  ").trimEnd()
  );
}

function asCell(cell: string | Cell): Cell {
  return typeof cell === "string" ? { text: cell, painted: cell } : cell;
}

/** Names are DNS labels and all else is ASCII, so characters are columns. */
function widthOf(text: string): number {
  return [...text].length;
}
