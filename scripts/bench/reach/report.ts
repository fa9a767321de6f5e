/**
 * The matrix as Markdown.
 * @module
 */

import { median } from "../samples.ts";
import type { Cell, CellResult } from "./cell.ts";
import type { RoamingCell } from "./roaming.ts";

/** @param names of the contenders; the ratio is of the first to the second */
export function matrixTable(cells: readonly Cell[], names: readonly string[]): string {
  const heads = ["pair", "theory", ...names.map((name) => `path (${name})`)];
  const versus = names.join(" / ");
  heads.push(`first packet, s (${versus})`, `direct path, s (${versus})`, `Mbit/s (${versus})`);
  const rows = cells.map(({ pair, theory, results }) => {
    const of = names.map((name) => results[name] ?? {});
    return [
      pair.join(" – "),
      theory,
      ...of.map(pathCell),
      compared(of.map(({ firstPacketMs }) => seconds(firstPacketMs)), 2, "never"),
      compared(of.map(({ directMs }) => seconds(directMs)), 2, theory === "none" ? "" : "never"),
      compared(of.map(({ bitsPerSecond }) => megabits(bitsPerSecond)), 0, "0"),
    ];
  });
  return table([heads, ...rows]);
}

function pathCell({ path, carriedBy, failure }: CellResult): string {
  if (failure !== undefined) return "not up";
  if (path === undefined) return "none";
  return carriedBy === undefined || carriedBy === path ? path : `${path}, then ${carriedBy}`;
}

/** What each kind of path carries, over all cells. */
export function throughputTable(cells: readonly Cell[], names: readonly string[]): string {
  const all = (name: string) => cells.map(({ results }) => results[name] ?? {});
  const paths = [...new Set(names.flatMap((name) => all(name).flatMap(({ carriedBy }) => carriedBy ?? [])))]
    .toSorted();
  const middle = (results: readonly CellResult[], path: string) => {
    const values = results.filter((result) => result.carriedBy === path).flatMap(({ bitsPerSecond }) =>
      bitsPerSecond ?? []
    );
    return values.length === 0 ? undefined : megabits(median(values));
  };
  const rows = paths.map((path) => [
    path,
    compared(names.map((name) => middle(all(name), path)), 0, ""),
    names.map((name) => all(name).filter((result) => result.carriedBy === path).length).join(" / "),
  ]);
  const versus = names.join(" / ");
  return table([["path", `median Mbit/s (${versus})`, `cells (${versus})`], ...rows]);
}

/** How long flows stood still. */
export function roamingTable(cells: readonly RoamingCell[], names: readonly string[]): string {
  const versus = names.join(" / ");
  const heads = [
    "moves from – to",
    "partner",
    `only receiving, s (${versus})`,
    `sending, back, s (${versus})`,
  ];
  const rows = cells.map(({ journey, results }) => {
    const of = names.map((name) => results[name] ?? {});
    return [
      `${journey.from} – ${journey.to}`,
      journey.partner,
      compared(of.map(({ receivingMs }) => seconds(receivingMs)), 2, "broken"),
      compared(of.map(({ sendingMs }) => seconds(sendingMs)), 2, "broken"),
    ];
  });
  return table([heads, ...rows]);
}

/** @returns the values, and the ratio of the first to the second where both are there */
function compared(values: readonly (number | undefined)[], digits: number, missing: string): string {
  if (values.every((value) => value === undefined) && missing === "") return "";
  const text = values.map((value) => value === undefined ? missing : value.toFixed(digits)).join(" / ");
  const [first, second] = values;
  return first === undefined || second === undefined || second === 0
    ? text
    : `${text} (${(first / second).toFixed(2)})`;
}

function table(rows: readonly (readonly string[])[]): string {
  const [heads = [], ...rest] = rows;
  return [heads, heads.map(() => "---"), ...rest].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

function megabits(bitsPerSecond: number | undefined): number | undefined {
  return bitsPerSecond === undefined ? undefined : bitsPerSecond / 1e6;
}
