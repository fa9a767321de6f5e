/**
 * `weft doctor`, `cleanup`, `install`, `completions`: commands about this host, for which no agent need run.
 * @module
 */

import { type HostChange, HostJournal, Netlink, SqliteStateStore } from "../../host/mod.ts";
import { completionScript, SHELLS } from "./completions.ts";
import { ControlClient } from "../control_client.ts";
import { doctorChecks, hostProbes } from "./doctor.ts";
import { CommandError, systemReason, UsageError } from "../failure.ts";
import { flagOption } from "../option_flags.ts";
import { ownCommand } from "../own_command.ts";
import { systemdUnit, UNIT_PATH } from "./systemd_unit.ts";
import { paint } from "../terminal.ts";
import { agentOptions, type AnyCommand, type CommandContext, printJson, withState } from "../weft_command.ts";

/** Adds the commands. */
export function addHostCommands(program: AnyCommand, context: CommandContext): void {
  addDoctor(program, context);
  addCleanup(program, context);
  addInstall(program, context);
  addCompletions(program, context);
}

function addDoctor(program: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  const doctor: AnyCommand = withState(
    program.command("doctor").description("check what weft needs of this host")
      .addOption(flagOption("port", { help: "the port to check" }))
      .addOption(flagOption("rootless", { help: "leave out what rootless nodes do not need" }))
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  # weft doctor"),
  );
  doctor.action(async () => {
    const { options } = await agentOptions(doctor, ports);
    const { stateDir, port, rootless } = options;
    using client = new ControlClient(stateDir);
    const status = await client.ask("status").catch(() => undefined);
    const isRunning = status !== undefined;
    const names = status?.dns === undefined ? {} : { dns: status.dns };
    const said = status === undefined ? {} : {
      refused: status.refused,
      unreadable: status.services.rejected,
      clockSkewMs: status.clockSkewMs,
    };
    const checks = doctorChecks({ stateDir, port, rootless, isRunning, ...names, ...said }, hostProbes());
    const findings = [];
    for (const check of checks) findings.push({ name: check.name, ...await check.run() });
    if (doctor.opts().json === true) printJson(ports, findings);
    else {
      for (const finding of findings) {
        const isOk = finding.kind === "ok";
        const mark = paint(ports.terminal, isOk ? "good" : "bad", isOk ? "ok     " : "problem");
        ports.terminal.out(`${mark}  ${finding.name.padEnd(10)}  ${finding.detail}\n`);
        if (finding.kind === "problem") ports.terminal.out(`${" ".repeat(21)}hint: ${finding.hint}\n`);
      }
    }
    if (findings.some((finding) => finding.kind === "problem")) context.exitCode = 1;
  });
}

function addCleanup(program: AnyCommand, { ports }: CommandContext): void {
  const cleanup: AnyCommand = withState(
    program.command("cleanup").description("undo what a crashed agent left on this host")
      .addHelpText("after", "\nExample:\n  # weft cleanup"),
  );
  cleanup.action(async () => {
    const { options: { stateDir } } = await agentOptions(cleanup, ports);
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
  });
}

function addInstall(program: AnyCommand, { ports }: CommandContext): void {
  const install: AnyCommand = withState(
    program.command("install").description("make systemd start weft with this host")
      .option("--print", "print the unit instead of writing it")
      .addHelpText("after", "\nExample:\n  # weft install && systemctl enable --now weft"),
  );
  install.action(async () => {
    const { options: { stateDir } } = await agentOptions(install, ports);
    const unit = systemdUnit({ command: ownCommand(), stateDir });
    if (install.opts().print === true) {
      ports.terminal.out(unit);
      return;
    }
    try {
      await Deno.writeTextFile(UNIT_PATH, unit, { mode: 0o644 });
    } catch (cause) {
      throw new CommandError(`Cannot write ${UNIT_PATH}: ${systemReason(cause)}`, {
        hint: "Run as root on a host with systemd, or use --print.",
        cause,
      });
    }
    ports.terminal.out(`Wrote ${UNIT_PATH}\nStart it with: systemctl enable --now weft\n`);
    if (!SqliteStateStore.existsIn(stateDir)) {
      ports.terminal.out(
        `Before that, let this machine lead or join: there is no node in ${stateDir} to resume.\n`,
      );
    }
  });
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
