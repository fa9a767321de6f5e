/**
 * `weft doctor`, `cleanup`, `completions`: commands about this host, for which no agent need run.
 * @module
 */

import { type HostChange, HostJournal, Netlink, SqliteStateStore } from "../../host/mod.ts";
import { completionScript, SHELLS } from "./completions.ts";
import { ControlClient } from "../control_client.ts";
import { doctorFindings, hostProbes } from "./doctor.ts";
import { CommandError, UsageError } from "../failure.ts";
import { paint } from "../terminal.ts";
import {
  type AnyCommand,
  type CommandContext,
  flagOption,
  printJson,
  runWithOptions,
} from "../weft_command.ts";

/** Adds the commands. */
export function addHostCommands(program: AnyCommand, context: CommandContext): void {
  addDoctor(program, context);
  addCleanup(program, context);
  addCompletions(program, context);
}

function addDoctor(program: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  runWithOptions(
    program.command("doctor").description("check what weft needs of this host")
      .addOption(flagOption("port", { help: "the port to check" }))
      .addOption(flagOption("rootless", { help: "leave out what rootless nodes do not need" }))
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  # weft doctor"),
    ports,
    async ({ stateDir, port, rootless }, _, { json }) => {
      using client = new ControlClient(stateDir);
      const status = await client.ask("status").catch(() => undefined);
      const byName = await doctorFindings({ stateDir, port, rootless, status }, hostProbes());
      const findings = Array.from(byName, ([name, finding]) => ({ name, ...finding }));
      if (json === true) printJson(ports, findings);
      else {
        for (const finding of findings) {
          const isOk = finding.kind === "ok";
          const mark = paint(ports.terminal, isOk ? "good" : "bad", isOk ? "ok     " : "problem");
          ports.terminal.out(`${mark}  ${finding.name.padEnd(10)}  ${finding.detail}\n`);
          if (finding.kind === "problem") ports.terminal.out(`${" ".repeat(21)}hint: ${finding.hint}\n`);
        }
      }
      if (findings.some((finding) => finding.kind === "problem")) context.exitCode = 1;
    },
  );
}

function addCleanup(program: AnyCommand, { ports }: CommandContext): void {
  runWithOptions(
    program.command("cleanup").description("undo what a crashed agent left on this host")
      .addHelpText("after", "\nExample:\n  # weft cleanup"),
    ports,
    ({ stateDir }) => {
      if (!SqliteStateStore.existsIn(stateDir)) {
        throw new CommandError(`Cannot clean up: there is no state in ${stateDir}`, {
          hint: "Name the agent's directory with --state.",
        });
      }
      // Opening fails while an agent runs, whose changes must stay.
      using store = SqliteStateStore.open(stateDir);
      const journal = new HostJournal(store);
      if (journal.changes().length === 0) {
        ports.terminal.out("Nothing was left behind.\n");
        return;
      }
      using netlink = Netlink.open();
      for (const change of journal.undoAll(netlink)) ports.terminal.out(`Undid ${changeText(change)}\n`);
    },
  );
}

function addCompletions(program: AnyCommand, { ports }: CommandContext): void {
  const completions: AnyCommand = program.command("completions")
    .description(`print completions for a shell: ${SHELLS.join(", ")}`)
    .argument("<shell>")
    .addHelpText(
      "after",
      "\nExample:\n  $ weft completions bash > /etc/bash_completion.d/weft",
    ) as AnyCommand;
  completions.action(() => {
    const [shell = ""] = completions.args;
    const script = completionScript(shell, program);
    if (script === undefined) {
      throw new UsageError(`No completions for the shell ${shell.slice(0, 60)}`, {
        hint: `There are some for ${SHELLS.join(", ")}.`,
      });
    }
    ports.terminal.out(script);
  });
}

function changeText(change: HostChange): string {
  if (change.kind === "interface") return `the interface ${change.name}`;
  if (change.kind === "resolver") return `the resolver in ${change.replacement.path}`;
  return `the route to ${change.cidr} on ${change.interfaceName}`;
}
