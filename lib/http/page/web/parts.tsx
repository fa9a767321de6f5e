/**
 * Small things that the whole page is made of: badges, copy buttons, lines of the past, tables.
 * @module
 */

/// <reference lib="dom" />
import type { ComponentChildren, VNode } from "preact";
import { useState } from "preact/hooks";

/** What a badge says by its colour. */
export type Tone = "good" | "warn" | "bad" | "quiet" | "plain";

/** A word with a colour. */
export function Badge(
  { tone, children }: { readonly tone: Tone; readonly children: ComponentChildren },
): VNode {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** How long a button says that it has copied. */
const COPIED_MS = 1_500;

/** A text that a press copies. */
export function Copied({ text, label, isShort = false }: {
  readonly text: string;
  readonly label: string;
  /** Whether it is cut to one line. */
  readonly isShort?: boolean;
}): VNode {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await copyText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MS);
  };
  // Its name begins with what is seen, which is what people say who speak to their browser.
  return (
    <button
      type="button"
      class={`copy${isShort ? " short" : ""}`}
      title={`Copy ${text}`}
      aria-label={`${text} ${isCopied ? "copied" : "copy"}: ${label}`}
      onClick={() => void copy()}
    >
      <code>{text}</code> <span class="copy-mark" aria-hidden="true">{isCopied ? "copied" : "copy"}</span>
    </button>
  );
}

/** Beyond the loopback the page is plain HTTP, where browsers have no clipboard for pages. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined && isSecureContext) {
    const isDone = await navigator.clipboard.writeText(text).then(() => true, () => false);
    if (isDone) return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "off-screen";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** A line of the past; its highest point is as high as the line may be. */
export function Sparkline({ points, least = 0, width = 120, height = 26, label }: {
  readonly points: readonly number[];
  /** A lower highest point is drawn as if it were this. */
  readonly least?: number;
  readonly width?: number;
  readonly height?: number;
  readonly label: string;
}): VNode {
  const most = Math.max(least, ...points, Number.MIN_VALUE);
  // A short past is as wide as half a minute, so that it is seen.
  const step = width / Math.max(29, points.length - 1);
  const line = points.map((value, i) => {
    const x = width - step * (points.length - 1 - i);
    return `${x.toFixed(1)} ${(height - 1.5 - (height - 4) * value / most).toFixed(1)}`;
  });
  const first = width - step * (points.length - 1);
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
      preserveAspectRatio="none"
    >
      {line.length > 1 && (
        <>
          <path
            class="spark-area"
            d={`M${first.toFixed(1)} ${height}L${line.join("L")}L${width} ${height}Z`}
          />
          <path class="spark-line" d={`M${line.join("L")}`} />
        </>
      )}
    </svg>
  );
}

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  /** Whether it is of numbers, which stand at the right. */
  readonly isNumber?: boolean;
  /** Without it the column can't be sorted by. */
  readonly compare?: (a: Row, b: Row) => number;
  readonly cell: (row: Row) => ComponentChildren;
}

/** By what a table is sorted. */
export interface Sorting {
  readonly column: number;
  readonly isReverse: boolean;
}

/** So many rows are shown at first, fewer where each is a card, and many more each time. */
const ROWS = 60;
const CARDS = 15;

/** A table that sorts by its heads; on a phone each row is a card. */
export function Table<Row>({ label, columns, rows, keyOf, initial, onPick, picked }: {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly initial?: Sorting;
  readonly onPick?: (row: Row) => void;
  readonly picked?: string | undefined;
}): VNode {
  const [sorting, setSorting] = useState(initial);
  const [most, setMost] = useState(() => matchMedia("(max-width: 44rem)").matches ? CARDS : ROWS);
  const compare = sorting === undefined ? undefined : columns[sorting.column]?.compare;
  const sorted = compare === undefined ? [...rows] : rows.toSorted(compare);
  if (sorting?.isReverse) sorted.reverse();
  const sortBy = (column: number): void =>
    setSorting({ column, isReverse: sorting?.column === column && !sorting.isReverse });
  return (
    <div class="scroll">
      <table role="table" aria-label={label} aria-rowcount={rows.length + 1}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ title, isNumber, compare }, i) => {
              const isSorted = sorting?.column === i;
              const order = !isSorted ? "none" : sorting.isReverse ? "descending" : "ascending";
              return (
                <th
                  role="columnheader"
                  scope="col"
                  class={isNumber ? "number" : ""}
                  aria-sort={order}
                  key={title}
                >
                  {compare === undefined
                    ? title
                    : (
                      <button type="button" class="sort" onClick={() => sortBy(i)}>
                        {title}
                        <span aria-hidden="true" class="arrow">
                          {isSorted ? sorting.isReverse ? "↓" : "↑" : ""}
                        </span>
                      </button>
                    )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {sorted.slice(0, most).map((row) => {
            const key = keyOf(row);
            return (
              <tr
                role="row"
                key={key}
                class={onPick === undefined ? "" : "pickable"}
                aria-selected={picked === key ? "true" : undefined}
                onClick={onPick && ((event: MouseEvent) => {
                  if (!(event.target as Element).closest("button, a")) onPick(row);
                })}
              >
                {columns.map(({ title, isNumber, cell }, i) =>
                  i === 0
                    ? <th role="rowheader" scope="row" key={title}>{cell(row)}</th>
                    : (
                      <td role="cell" data-label={title} class={isNumber ? "number" : ""} key={title}>
                        {cell(row)}
                      </td>
                    )
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
      {sorted.length > most && (
        <p class="more">
          <button type="button" class="button" onClick={() => setMost(most + 4 * ROWS)}>
            Show more of {sorted.length.toLocaleString("en")}
          </button>
        </p>
      )}
    </div>
  );
}

/** A field that narrows a list down. */
export function Search({ value, onChange, label, id }: {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly label: string;
  readonly id: string;
}): VNode {
  return (
    <input
      id={id}
      class="search"
      type="search"
      placeholder={label}
      aria-label={label}
      autocomplete="off"
      spellcheck={false}
      value={value}
      onInput={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** What stands where there is nothing. */
export function Nothing({ children }: { readonly children: ComponentChildren }): VNode {
  return <p class="nothing">{children}</p>;
}

/** A command to copy. */
export function Command({ text }: { readonly text: string }): VNode {
  return (
    <div class="command">
      <span aria-hidden="true">$</span>
      <Copied text={text} label="the command" />
    </div>
  );
}
