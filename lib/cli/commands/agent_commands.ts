/**
 * `weft down`, `logs` and `version`: the running agent's process, and this program.
 * @module
 */

import { Option } from "@commander-js/extra-typings";
import {
  type LogLevelChange,
  type LogLine,
  type LogReport,
  MAX_LOG_LINES,
  type StopReport,
  type UnitReport,
} from "../../api/mod.ts";
import { LOG_CATEGORIES, type LogLevel, printableJson, showUnprintable, sleep } from "../../base/mod.ts";
import { systemTimers } from "../../host/mod.ts";
import { type ControlClient, NoAgentError } from "../control_client.ts";
import { SlowNotice } from "../slow_notice.ts";
import { CommandError, UsageError } from "../failure.ts";
import {
  type AnyCommand,
  askAgent,
  type CommandContext,
  printJson,
  readNumber,
  stopSignal,
} from "../weft_command.ts";

/** How long `weft down` and `leave` wait until the agent has stopped, and how often they look. */
const STOP_BOUND_MS = 10_000;
const STOP_LOOK_MS = 50;
/** How often `weft logs --follow` asks. */
const FOLLOW_MS = 500;
/** As `journalctl` and `tail` have it. */
const USUAL_LINES = "10";

/** Adds the commands. */
export function addAgentCommands(program: AnyCommand, { ports }: CommandContext): void {
  const { terminal } = ports;
  askAgent(
    program.command("down").description("stop the running agent, as Ctrl-C does; `weft up` resumes it")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft down"),
    ports,
    async (client, _, { json }) => {
      const stopped = await client.ask("stop");
      const ended = untilEnded(client, stopped);
      await new SlowNotice(ports, { json }).during(`${stopped.name} to stop`, ended, {
        boundMs: STOP_BOUND_MS,
      });
      if (json === true) return printJson(ports, stopped);
      const { name, unit, isLeaving = false } = stopped;
      terminal.out(
        isLeaving
          ? `${name} has stopped and left the network, being ephemeral; it joins anew by a token\n`
          : `${name} has stopped; \`weft up\` resumes it\n`,
      );
      if (unit === undefined) return;
      terminal.err(
        `weft: ${unit.name} is a unit of systemd, which may start it again\n` +
          `hint: \`${
            systemctl(unit)
          } stop ${unit.name}\` stops it there; \`disable\` keeps it down with the host.\n`,
      );
    },
  );

  addLogCommands(program, { ports });

  const version = program.command("version").description("print the version of this program")
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  $ weft version");
  version.action(() => {
    if (version.opts().json === true) printJson(ports, { version: ports.version });
    else terminal.out(`${ports.version}\n`);
  });
}

/** A line is written from this level on, those that are graver too. */
const LEVELS = ["debug", "info", "warn", "error"] as const;

function addLogCommands(program: AnyCommand, { ports }: Pick<CommandContext, "ports">): void {
  const { terminal } = ports;
  // What stands behind `level` is its own.
  const logs: AnyCommand = program.command("logs").enablePositionalOptions();
  askAgent(
    logs.description("show the end of what the running agent has logged")
      .option("-f, --follow", "then what it logs, until Ctrl-C")
      .option("-n, --lines <number>", `the last so many, up to ${MAX_LOG_LINES} (default: ${USUAL_LINES})`)
      .addOption(new Option("--level <level>", "only from this level on").choices(LEVELS))
      .addOption(new Option("--category <part>", "only of this part of the node").choices(LOG_CATEGORIES))
      .option("--grep <text>", "only what holds this text")
      .option("--json", "a line of JSON for each")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft logs --follow --lines 100\n  $ weft logs --level warn --category mesh\n" +
          "  $ weft logs level mesh=debug",
      ),
    ports,
    async (client, _, { follow, lines: text = USUAL_LINES, level, category, grep, json }) => {
      const bounds = { least: 1, most: MAX_LOG_LINES, hint: "For example --lines 100." };
      const count = readNumber("--lines", text, bounds) ?? MAX_LOG_LINES;
      const isFiltered = level !== undefined || category !== undefined || typeof grep === "string";
      const isWanted = (line: LogLine) =>
        (level === undefined || LEVELS.indexOf(line.level ?? "error") >= LEVELS.indexOf(level as LogLevel)) &&
        (category === undefined || line.category === category) &&
        (typeof grep !== "string" || line.text.includes(grep));
      const first = await client.ask("logs", isFiltered ? {} : { lines: count });
      let after = print(first, count);
      if (first.lines.length === 0 && follow !== true && json !== true) {
        terminal.out("The agent has logged nothing; `weft logs level debug` makes it tell more.\n");
      }
      if (follow !== true) {
        if (first.unit !== undefined && terminal.isInteractive) terminal.err(journalText(first.unit));
        return;
      }
      using stop = stopSignal(ports, { endsWithReader: true });
      while (!stop.signal.aborted) {
        await sleep(systemTimers, FOLLOW_MS, stop.signal).catch(() => {});
        if (stop.signal.aborted) return;
        after = Math.max(after, print(await client.ask("logs", { after })));
      }

      function print({ lines }: LogReport, most = lines.length): number {
        for (const line of most === 0 ? [] : lines.filter(isWanted).slice(-most)) {
          terminal.out(json === true ? `${printableJson(line)}\n` : `${showUnprintable(line.text)}\n`);
        }
        return lines.at(-1)?.number ?? 0;
      }
    },
  );
  askAgent(
    logs.command("level").description("show how much the running agent logs, or change it until it ends")
      .argument("[change...]", "LEVEL for all, or PART=LEVEL")
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        `\nLevels: ${LEVELS.join(", ")}.\nParts: ${LOG_CATEGORIES.join(", ")}.\n` +
          "\nExamples:\n  $ weft logs level\n  $ weft logs level mesh=debug dns=warn\n  $ weft logs level info",
      ),
    ports,
    async (client, texts, { json }) => {
      const changes = texts.map(readLevelChange);
      let levels = await client.ask("logLevels");
      for (const change of changes) levels = await client.ask("changeLogLevel", change);
      if (json === true) return printJson(ports, levels);
      const parts = Object.entries(levels.categories).map(([part, level]) => `, ${part} from ${level} on`);
      terminal.out(`Lines are written from ${levels.level} on${parts.join("")}\n`);
    },
  );
}

function readLevelChange(text: string): LogLevelChange {
  const [, part, level] = /^(?:([^=]*)=)?(.*)$/.exec(text) ?? [];
  const known = LEVELS.find((one) => one === level);
  const category = LOG_CATEGORIES.find((one) => one === part);
  if (known === undefined || (part !== undefined && category === undefined)) {
    throw new UsageError(`Cannot log at ${printableJson(text)}: that is neither a level nor PART=LEVEL`, {
      hint: `Levels are ${LEVELS.join(", ")}; parts are ${LOG_CATEGORIES.join(", ")}.`,
    });
  }
  return { level: known, ...category !== undefined && { category } };
}

/**
 * Waits until nobody answers any more, and the process is gone where that can be seen.
 * @throws CommandError when it takes too long
 */
export async function untilEnded(client: ControlClient, { name, pid }: StopReport): Promise<void> {
  const never = new AbortController().signal;
  // Of a container that shares its directory, the number is another one's here.
  const isSeen = pid !== undefined && await isRunning(pid);
  for (let waitedMs = 0; waitedMs < STOP_BOUND_MS; waitedMs += STOP_LOOK_MS) {
    if (!(isSeen ? await isRunning(pid) : await answers(client))) return;
    await sleep(systemTimers, STOP_LOOK_MS, never);
  }
  throw new CommandError(`${name} was told to stop, and has not after ${STOP_BOUND_MS / 1000} s`, {
    hint: `\`weft logs\` may say why${isSeen ? `; \`kill -9 ${pid}\` and \`weft cleanup\` end it` : ""}.`,
  });
}

async function answers(client: ControlClient): Promise<boolean> {
  try {
    await client.ask("status");
    return true;
  } catch (error) {
    return !(error instanceof NoAgentError);
  }
}

/** Whether there is such a process that runs weft. */
async function isRunning(pid: number): Promise<boolean> {
  try {
    const state = /^State:\s*(\w)/m.exec(await Deno.readTextFile(`/proc/${pid}/status`))?.[1];
    return state !== "Z";
  } catch {
    return false;
  }
}

function systemctl({ isUser }: UnitReport): string {
  return isUser ? "systemctl --user" : "systemctl";
}

function journalText({ name, isUser }: UnitReport): string {
  return `hint: \`journalctl ${isUser ? "--user-unit" : "--unit"} ${name}\` has more.\n`;
}
