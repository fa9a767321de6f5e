/**
 * `weft doctor`, `cleanup`: commands about this host, for which no agent need run.
 * @module
 */

import {
  hostChangeText,
  HostJournal,
  leftResolver,
  Netlink,
  putBackLeftResolver,
  SqliteStateStore,
} from "../../host/mod.ts";
import { ControlClient } from "../control_client.ts";
import { SlowNotice } from "../slow_notice.ts";
import { examine } from "./doctor/mod.ts";
import { CommandError } from "../failure.ts";
import { paint } from "../terminal.ts";
import {
  type AnyCommand,
  type CommandContext,
  flagOption,
  optionsOfNextStart,
  printJson,
  runWithOptions,
} from "../weft_command.ts";

/** Adds the commands. */
export function addHostCommands(program: AnyCommand, context: CommandContext): void {
  addDoctor(program, context);
  addCleanup(program, context);
}

function addDoctor(program: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  const doctor: AnyCommand = program.command("doctor");
  runWithOptions(
    doctor.description("check what weft needs of this host")
      .addOption(flagOption("port", { help: "the port to check" }))
      .addOption(flagOption("rootless", { help: "leave out what rootless nodes do not need" }))
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  # weft doctor"),
    ports,
    async (options, _, { json }) => {
      const { stateDir } = options;
      const notice = new SlowNotice(ports, { json });
      using client = new ControlClient(stateDir, { notice });
      let status = await client.ask("status").catch(() => undefined);
      if (status?.dns?.upstreams?.some(({ suffix }) => suffix === ".")) {
        // What was last heard of the servers may be old; a name that nobody keeps asks them now.
        await client.ask("resolveName", unusedName(), "A").catch(() => undefined);
        status = await client.ask("status").catch(() => undefined);
      }
      const { port, rootless } = status === undefined ? await optionsOfNextStart(doctor, ports) : options;
      const { version } = ports;
      const examined = examine({ client, stateDir, status, port, rootless, version });
      const byName = await notice.during("what this host and the agent say", examined);
      const findings = Array.from(byName, ([name, finding]) => ({ name, ...finding }));
      if (json === true) printJson(ports, findings);
      else {
        for (const finding of findings) {
          const isOk = finding.kind === "ok";
          const mark = paint(ports.terminal, isOk ? "good" : "bad", finding.kind.padEnd(7));
          ports.terminal.out(`${mark}  ${finding.name.padEnd(10)}  ${finding.detail}\n`);
          if (finding.kind !== "ok") ports.terminal.out(`${" ".repeat(21)}hint: ${finding.hint}\n`);
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
      // Whichever agent has left it: the file says itself what stood there before.
      const left = leftResolver();
      const isPutBack = putBackLeftResolver();
      if (left !== undefined && isPutBack) ports.terminal.out(`Undid the resolver in ${left.path}\n`);
      if (!SqliteStateStore.existsIn(stateDir)) {
        if (isPutBack) return;
        throw new CommandError(`Cannot clean up: there is no state in ${stateDir}`, {
          hint: "Name the agent's directory with --state.",
        });
      }
      // Opening fails while an agent runs, whose changes must stay.
      using store = SqliteStateStore.open(stateDir);
      const journal = new HostJournal(store);
      if (journal.changes().length === 0) {
        if (!isPutBack) ports.terminal.out("Nothing was left behind.\n");
        return;
      }
      using netlink = Netlink.open();
      for (const change of journal.undoAll(netlink)) {
        const isKnown = change.kind === "resolver" && isPutBack && change.replacement.path === left?.path;
        if (!isKnown) ports.terminal.out(`Undid ${hostChangeText(change)}\n`);
      }
    },
  );
}

/** Nobody has it (RFC 6761 §6.4), and no server has said so before. */
function unusedName(): string {
  return `doctor-${crypto.getRandomValues(new Uint8Array(6)).toHex()}.invalid.`;
}
