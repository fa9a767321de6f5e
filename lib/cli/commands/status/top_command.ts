/**
 * `weft top`: what goes through a node, live: traffic of each peer, and calls of each action.
 *
 * On a terminal it is a page that keys sort (`r`, `i`, `o`, `t`, `l`, `n`) and `q` ends; elsewhere a table each time.
 * @module
 */

import { printableJson, sleep } from "../../../base/mod.ts";
import { systemTimers } from "../../../host/mod.ts";
import type { ControlClient } from "../../control_client.ts";
import { UsageError } from "../../failure.ts";
import { type Cell, formatBytes, formatRtt, formatSpan, paintedCell, tableLines } from "../../output/mod.ts";
import { paint, type Terminal } from "../../terminal.ts";
import {
  type AnyCommand,
  askAgent,
  type CommandContext,
  readNumber,
  stopSignal,
} from "../../weft_command.ts";
import { type ActionRate, type Look, ratesOf, type SortName, SORTS, type TopReport } from "./rates.ts";

/** Between two looks unless told, in seconds. */
const INTERVAL_S = 2;
/** The first rates are there so soon, in milliseconds. */
const FIRST_MS = 500;
/** What a terminal has that does not say how large it is. */
const USUAL_ROWS = 24;

/** Which key sorts by what. */
const KEYS: Readonly<Record<string, SortName>> = {
  r: "rate",
  i: "in",
  o: "out",
  t: "total",
  l: "rtt",
  n: "name",
};

/** Adds the command. */
export function addTopCommand(program: AnyCommand, { ports }: CommandContext): void {
  askAgent(
    program.command("top").description("show traffic by peer and calls by service, live")
      .option("-i, --interval <seconds>", `between two looks (default: ${INTERVAL_S})`)
      .option("--sort <column>", `by ${SORTS.join(", ")} (default: rate)`)
      .option("--once", "one table, of half a second, and no more")
      .option("--json", "as JSON, a line each time: bytes, bytes and calls a second, milliseconds")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft top\n  $ weft top --once --json\n\n" +
          "Keys: r rate, i in, o out, t total, l latency, n name; q ends it.",
      ),
    ports,
    async (client, _, { interval, sort: wanted, once, json }) => {
      const { terminal } = ports;
      const seconds = readNumber("--interval", interval, {
        least: 1,
        most: 3_600,
        of: "seconds",
        hint: "For example --interval 5.",
      }) ?? INTERVAL_S;
      let sort = readSort(wanted);
      const isPage = terminal.isInteractive && json !== true && once !== true;
      using stop = stopSignal(ports, { endsWithReader: true });
      const keys = isPage ? ports.process.readKeys() : undefined;
      try {
        let before: Look | undefined;
        let now = await look(client);
        let turn = 0;
        const show = () => {
          const report = ratesOf(now, before, sort);
          if (json === true) terminal.out(`${printableJson(report)}\n`);
          else if (isPage) terminal.out(page(topText(report, sort, terminal, pageRows(terminal)), terminal));
          else terminal.out(topText(report, sort, terminal));
        };
        if (once !== true) show();
        for (;;) {
          const wait = turn++ === 0 ? FIRST_MS : seconds * 1_000;
          const key = await waitOrKey(keys, wait, stop.signal);
          if (stop.signal.aborted || key === "q" || key === "\x03") return;
          if (key !== undefined) {
            sort = KEYS[key] ?? sort;
            show();
            turn = 1;
            continue;
          }
          before = now;
          now = await look(client);
          show();
          if (once === true) return;
        }
      } finally {
        keys?.close();
        if (isPage) terminal.out("\n");
      }
    },
  );
}

function readSort(wanted: unknown): SortName {
  const sort = SORTS.find((each) => each === (wanted ?? "rate"));
  if (sort !== undefined) return sort;
  throw new UsageError(`Cannot sort by ${wanted}: there is no such column`, {
    hint: `The columns are ${SORTS.join(", ")}.`,
  });
}

async function look(client: ControlClient): Promise<Look> {
  return { atMs: Date.now(), status: await client.ask("status") };
}

/** @returns the key that was typed meanwhile */
async function waitOrKey(
  keys: { next(): Promise<string | undefined> } | undefined,
  ms: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const waiting = new AbortController();
  const both = AbortSignal.any([signal, waiting.signal]);
  const slept = sleep(systemTimers, ms, both).then(() => undefined, () => undefined);
  const key = await (keys === undefined ? slept : Promise.race([slept, keys.next()]));
  waiting.abort();
  return key;
}

/** ECMA-48 §8.3.21, §8.3.41, §8.3.39: home, erase behind each line and below all; nothing flickers then. */
function page(text: string, terminal: Terminal): string {
  const shown = text.split("\n").slice(0, pageRows(terminal)).join("\n");
  return `\x1b[H${shown.replaceAll("\n", "\x1b[K\n")}\x1b[K\x1b[J`;
}

/** @returns how many lines a page has; the last row of the terminal stays free */
function pageRows({ rows }: Terminal): number {
  return (rows || USUAL_ROWS) - 1;
}

/**
 * @param rows how many lines there is room for: where both tables are too long, each has its half, and what the other leaves
 * @returns both tables, with their line ends
 */
export function topText(
  report: TopReport,
  sort: SortName,
  terminal: Terminal,
  rows: number = Infinity,
): string {
  const { node, uptimeMs, rxRate, txRate, calls } = report;
  const head = `${paint(terminal, "strong", node)} up ${formatSpan(uptimeMs)}, in ${perSecond(rxRate)}, out ${
    perSecond(txRate)
  }, calls ${calls.pending} waiting, ${calls.running} running; by ${sort}`;
  const room = rows - 3;
  const actions = actionLines(report, terminal);
  const peers = peerLines(report, terminal, Math.max(Math.ceil(room / 2), room - actions.length));
  return [head, "", ...peers, "", ...actions].join("\n") + "\n";
}

function peerLines({ peers }: TopReport, terminal: Terminal, room: number): readonly string[] {
  if (peers.length === 0) return ["no other member yet"];
  const [titles = "", ...rows] = tableLines(
    ["PEER", ">IN/s", ">OUT/s", ">IN", ">OUT", ">RTT", "PATH"],
    peers.map((peer): readonly (string | Cell)[] => [
      paintedCell(terminal, peer.healthy ? "strong" : "bad", peer.name),
      perSecond(peer.rxRate),
      perSecond(peer.txRate),
      formatBytes(peer.rxBytes),
      formatBytes(peer.txBytes),
      peer.rttMs === null ? "-" : formatRtt(peer.rttMs),
      peer.path,
    ]),
  );
  const all = [paint(terminal, "quiet", titles), ...rows];
  if (all.length <= room) return all;
  const shown = all.slice(0, Math.max(2, room - 1));
  return [...shown, paint(terminal, "quiet", `and ${all.length - shown.length} more peers`)];
}

function actionLines({ actions }: TopReport, terminal: Terminal): readonly string[] {
  if (actions === null) return ["this agent is of a former release, which does not count calls by action"];
  if (actions.length === 0) return ["no calls yet"];
  const ms = (value: number | null): string => value === null ? "-" : formatRtt(value);
  const [titles = "", ...rows] = tableLines(
    ["SERVICE", "ACTION", "SIDE", ">CALLS/s", ">ERRORS/s", ">CALLS", ">ERRORS", ">P50", ">P99"],
    actions.map((one): readonly (string | Cell)[] => [
      one.service ?? "(others)",
      one.action ?? "-",
      one.side,
      one.rate.toFixed(1),
      errorsPerSecond(one, terminal),
      `${one.calls}`,
      `${one.errors}`,
      ms(one.p50Ms),
      ms(one.p99Ms),
    ]),
  );
  return [paint(terminal, "quiet", titles), ...rows];
}

/** What fails now is what a person looks for; what has failed some time may be mended. */
function errorsPerSecond({ errorRate }: ActionRate, terminal: Terminal): string | Cell {
  if (errorRate === null) return "-";
  return errorRate > 0 ? paintedCell(terminal, "bad", errorRate.toFixed(1)) : "0.0";
}

function perSecond(rate: number | null): string {
  return rate === null ? "-" : `${formatBytes(Math.round(rate))}/s`;
}
