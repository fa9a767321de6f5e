/**
 * `weft sim`: a mesh in one process, to see how it comes through what befalls it.
 * @module
 */

import type { KindReport, ReachReport, ScenarioReport } from "../../simulation/mod.ts";
import { UsageError } from "../failure.ts";
import { formatBytes, formatSpan, paintedCell, parseDurationMs, tableLines } from "../output/mod.ts";
import { paint, type Terminal } from "../terminal.ts";
import { type AnyCommand, type CommandContext, printJson } from "../weft_command.ts";

/** More nodes than this do not fit the memory of an ordinary machine. */
const MAX_NODES = 10_000;
/** Of the progress bar, in columns. */
const MAX_BAR_WIDTH = 40;
const TITLES = ["WHAT", ">CHANGES", ">AGREED AFTER", ">ROUNDS", ">MESSAGES/NODE", ">BYTES/NODE"];
const REACH_TITLES = ["PLACES", ">PAIRS", ">CONNECTED", ">FIRST PATH", ">DIRECT", "PATHS"];

/** Adds the command. */
export function addSimCommand(program: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  const command: AnyCommand = program.command("sim")
    .description("simulate a mesh: changes, removals, crashes, wrong clocks and splits, in virtual time")
    .option("--nodes <number>", "how many nodes, 2 to 10000 (default: 100)")
    .option("--seed <number>", "the same seed is the same run (default: 1)")
    .option("--loss <part>", "the part of messages that is lost, 0 to 0.9 (default: 0)")
    .option("--split <duration>", "how long the network is split (default: 1h)")
    .option("--reach", "in place of all that: nodes behind NATs and firewalls look for paths to each other")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  $ weft sim --nodes 1000 --seed 7 --loss 0.05\n  $ weft sim --nodes 1000 --reach",
    );
  command.action(async () => {
    const { nodes = "100", seed = "1", loss = "0", split = "1h", json, reach } = command.opts();
    if (reach === true && command.opts()["split"] !== undefined) {
      throw new UsageError("Cannot use --split with --reach: the network stays whole there", {
        hint: "Leave one of them out.",
      });
    }
    const splitMs = parseDurationMs(String(split));
    if (splitMs === undefined) {
      throw new UsageError(`Cannot use --split ${split}: that is no duration`, { hint: "Write 90s or 1h." });
    }
    const options = {
      nodes: numberOf("--nodes", nodes, { min: 2, max: MAX_NODES }),
      seed: numberOf("--seed", seed, { min: 0, max: 0xffff_ffff }),
      loss: numberOf("--loss", loss, { min: 0, max: 0.9, isPart: true }),
    };
    // No other command needs it.
    const { runReach, runScenario } = await import("../../simulation/mod.ts");
    const { terminal } = ports;
    const bar = new ProgressBar(terminal);
    const onProgress = (part: number, what: string): void => {
      if (json !== true) bar.show(part, what);
    };
    const finish = <R>(report: R, isGood: boolean, text: (report: R, terminal: Terminal) => string): void => {
      bar.clear();
      if (json === true) printJson(ports, report);
      else terminal.out(text(report, terminal));
      if (!isGood) context.exitCode = 1;
    };
    if (reach === true) {
      const report = runReach({ ...options, onProgress });
      return finish(report, report.isConnected, reachText);
    }
    const report = runScenario({ ...options, splitMs, onProgress });
    finish(report, report.isConverged && report.violations.length === 0, simText);
  });
}

/** @returns the table, and what it comes down to */
export function simText(report: ScenarioReport, terminal: Terminal): string {
  const rows = report.phases.map((phase) => [
    phase.name,
    `${phase.changes}`,
    phase.convergedMs === null
      ? paintedCell(terminal, "bad", "never")
      : `${(phase.convergedMs / 1000).toFixed(1)} s`,
    phase.rounds === null ? "" : `${phase.rounds}`,
    phase.messagesPerNode.toFixed(1),
    formatBytes(phase.bytesPerNode),
  ]);
  const { nodes, loss, seed, simulatedMs, isConverged, violations } = report;
  const verdict = isConverged
    ? paint(terminal, "good", "All nodes agreed in the end.")
    : paint(terminal, "bad", "Not all nodes agreed in time.");
  return [
    ...tableLines(TITLES, rows),
    "",
    ...violations.map((what) => paint(terminal, "bad", `Must not be: ${what}`)),
    `${verdict} ${nodes} nodes, ${loss * 100} % lost, seed ${seed}, ${
      formatSpan(simulatedMs)
    } of virtual time.`,
    "",
  ].join("\n");
}

/** @returns what came of each pair of kinds of places, and of all */
export function reachText(report: ReachReport, terminal: Terminal): string {
  const { nodes, loss, seed, pairs, simulatedMs, kinds, failures, isConnected } = report;
  const rows = kinds.map((kind) => {
    const { kinds: [a, b], connected, slowestFirstMs, slowestDirectMs } = kind;
    const share = `${Math.floor(100 * connected / kind.pairs)} %`;
    return [
      `${a}, ${b}`,
      `${kind.pairs}`,
      connected === kind.pairs ? share : paintedCell(terminal, "bad", share),
      millisText(slowestFirstMs),
      millisText(slowestDirectMs),
      pathsText(kind),
    ];
  });
  const verdict = isConnected
    ? paint(terminal, "good", "All pairs reach each other, directly where their NATs let them.")
    : paint(terminal, "bad", "Not all pairs have the path that they could have.");
  return [
    ...tableLines(REACH_TITLES, rows),
    "",
    ...failures.map((what) => paint(terminal, "bad", `Must not be: ${what}`)),
    `${verdict} ${nodes} nodes, ${pairs} pairs, ${loss * 100} % lost, seed ${seed}, ${
      formatSpan(simulatedMs)
    } of virtual time.`,
    "",
  ].join("\n");
}

function millisText(ms: number | null): string {
  return ms === null ? "" : `${Math.round(ms)} ms`;
}

function pathsText({ direct, connected }: KindReport): string {
  const relayed = connected - direct;
  return [...direct > 0 ? [`${direct} direct`] : [], ...relayed > 0 ? [`${relayed} by a relay`] : []].join(
    ", ",
  );
}

function numberOf(
  option: string,
  given: unknown,
  { min, max, isPart = false }: { readonly min: number; readonly max: number; readonly isPart?: boolean },
): number {
  const text = String(given);
  const number = /^\d{1,10}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max && (isPart || Number.isInteger(number))) return number;
  throw new UsageError(`Cannot use ${option} ${text}: it is a number from ${min} to ${max}`, {
    hint: isPart ? "0.05 is one of twenty." : "See `weft sim --help`.",
  });
}

/** How far the work has come: one line that is written over; nothing is written where nobody looks. */
class ProgressBar {
  readonly #terminal: Terminal;
  #shown = "";

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /**
   * @param part how much is done, 0 to 1
   * @param what is under way
   */
  show(part: number, what: string): void {
    if (!this.#terminal.isInteractive) return;
    const width = Math.max(5, Math.min(MAX_BAR_WIDTH, (this.#terminal.columns ?? 80) - what.length - 10));
    const full = Math.round(width * part);
    const percent = `${Math.floor(part * 100)}`.padStart(3);
    const line = `${percent} % ${"█".repeat(full)}${"░".repeat(width - full)} ${what}`;
    if (line === this.#shown) return;
    this.#shown = line;
    // ECMA-48 §8.3.41: erase to the end of the line.
    this.#terminal.out(`\r${line}\x1b[K`);
  }

  /** Leaves the line empty for what comes. */
  clear(): void {
    if (this.#shown !== "") this.#terminal.out("\r\x1b[K");
    this.#shown = "";
  }
}
