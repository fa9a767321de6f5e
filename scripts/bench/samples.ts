/**
 * Repeated measurements and what they come to.
 * @module
 */

/** @returns the middle value; of an even number of values the mean of the two in the middle; NaN of none */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[(sorted.length >> 1) - 1] ?? NaN) + upper) / 2;
}

/** One row of the report. */
export interface Row {
  readonly what: string;
  readonly weft: readonly number[];
  /** Empty where there is nothing to compare with. */
  readonly peer: readonly number[];
  readonly unit: string;
  /** Digits after the point. */
  readonly digits?: number;
}

/** @returns a markdown table of medians, each with its lowest and highest value, and their ratio */
export function markdownTable(peerName: string, rows: readonly Row[]): string {
  const lines = [`| median (lowest to highest) | weft | ${peerName} | ratio |`, "| --- | --- | --- | --- |"];
  for (const row of rows) {
    const ratio = median(row.weft) / median(row.peer);
    const cells = [row.what, cell(row, row.weft), cell(row, row.peer), isNaN(ratio) ? "" : ratio.toFixed(2)];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

function cell({ unit, digits = 0 }: Row, values: readonly number[]): string {
  if (values.length === 0) return "";
  const middle = `${median(values).toFixed(digits)} ${unit}`;
  if (values.length === 1) return middle;
  return `${middle} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;
}
