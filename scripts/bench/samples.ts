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

/** What was measured. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  /** Digits after the point. */
  readonly digits?: number;
  /** By the name of the column. */
  readonly values: ReadonlyMap<string, readonly number[]>;
}

/** Rows with the same columns. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** Gathers a table, value by value. */
export class Samples {
  readonly #columns: readonly string[];
  readonly #rows = new Map<string, Row & { readonly values: Map<string, number[]> }>();

  constructor(columns: readonly string[]) {
    this.#columns = columns;
  }

  /** Adds a value to the row of that name, which is made when it is the first. */
  add(row: Omit<Row, "values">, column: string, value: number): void {
    const known = this.#rows.get(row.what) ?? { ...row, values: new Map<string, number[]>() };
    this.#rows.set(row.what, known);
    known.values.set(column, [...known.values.get(column) ?? [], value]);
  }

  get table(): Table {
    return { columns: this.#columns, rows: [...this.#rows.values()] };
  }
}

/**
 * @param compare names of two columns, of which the ratio is given in a further one
 * @returns a markdown table of medians, each with its lowest and highest value
 */
export function markdownTable(
  { columns, rows }: Table,
  compare: readonly (readonly [string, string])[] = [],
): string {
  const heads = ["median (lowest to highest)", ...columns, ...compare.map(([a, b]) => `${a} / ${b}`)];
  const lines = [heads, heads.map(() => "---")];
  for (const row of rows) {
    const of = (column: string) => row.values.get(column) ?? [];
    const ratios = compare.map(([a, b]) => median(of(a)) / median(of(b)));
    lines.push([
      row.what,
      ...columns.map((column) => cell(row, of(column))),
      ...ratios.map((ratio) => Number.isFinite(ratio) ? ratio.toFixed(2) : ""),
    ]);
  }
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function cell({ unit, digits = 0 }: Row, values: readonly number[]): string {
  if (values.length === 0) return "";
  const middle = `${median(values).toFixed(digits)} ${unit}`;
  if (values.length === 1) return middle;
  return `${middle} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;
}
