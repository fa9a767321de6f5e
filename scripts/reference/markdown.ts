/**
 * Pages and tables of Markdown.
 * @module
 */

/** @returns a page of these parts */
export function page(title: string, ...parts: readonly string[]): string {
  return [`# ${title}`, ...parts].join("\n\n") + "\n";
}

/** @returns a table, of cells in which what Markdown would read is written as text */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("<", "\\<")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
