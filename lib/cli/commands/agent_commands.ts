/**
 * `weft down`, `logs` and `version`: the running agent's process, and this program.
 * @module
 */

import { type LogReport, MAX_LOG_LINES, type StopReport, type UnitReport } from "../../api/mod.ts";
import { showUnprintable, sleep } from "../../base/mod.ts";
import { systemTimers } from "../../host/mod.ts";
import { type ControlClient, NoAgentError } from "../control_client.ts";
import { CommandError } from "../failure.ts";
import {
  type AnyCommand,
  askAgent,
  type CommandContext,
  defined,
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
      await untilEnded(client, stopped);
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

  askAgent(
    program.command("logs").description("show the end of what the running agent has logged")
      .option("-f, --follow", "then what it logs, until Ctrl-C")
      .option("-n, --lines <number>", `the last so many, up to ${MAX_LOG_LINES} (default: ${USUAL_LINES})`)
      .option("--json", "a line of JSON for each")
      .addHelpText("after", "\nExample:\n  $ weft logs --follow --lines 100"),
    ports,
    async (client, _, { follow, lines: text = USUAL_LINES, json }) => {
      const bounds = { least: 1, most: MAX_LOG_LINES, hint: "For example --lines 100." };
      const first = await client.ask("logs", defined({ lines: readNumber("--lines", text, bounds) }));
      let after = print(first);
      if (first.lines.length === 0 && follow !== true && json !== true) {
        terminal.out("The agent has logged nothing; --log-level debug at its start makes it tell more.\n");
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

      function print({ lines }: LogReport): number {
        for (const line of lines) {
          terminal.out(json === true ? `${JSON.stringify(line)}\n` : `${showUnprintable(line.text)}\n`);
        }
        return lines.at(-1)?.number ?? 0;
      }
    },
  );

  const version = program.command("version").description("print the version of this program")
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  $ weft version");
  version.action(() => {
    if (version.opts().json === true) printJson(ports, { version: ports.version });
    else terminal.out(`${ports.version}\n`);
  });
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
