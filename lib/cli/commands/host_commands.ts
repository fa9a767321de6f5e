/**
 * `weft doctor`, `cleanup`, `install`: commands about this host, for which no agent need run.
 * @module
 */

import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { showUnprintable } from "../../base/mod.ts";
import {
  HostJournal,
  leftResolver,
  Netlink,
  putBackLeftResolver,
  SqliteStateStore,
  untrustedInside,
  type UntrustedPart,
  untrustedPart,
} from "../../host/mod.ts";
import { ControlClient } from "../control_client.ts";
import { changeText, doctorFindings, hostProbes } from "./doctor.ts";
import { CommandError, systemReason } from "../failure.ts";
import { ownCommand } from "../own_command.ts";
import { paint } from "../terminal.ts";
import {
  type AnyCommand,
  type CommandContext,
  flagOption,
  optionsOfNextStart,
  printJson,
  runWithOptions,
} from "../weft_command.ts";

/** Where `weft install` puts it. */
const UNIT_PATH = "/etc/systemd/system/weft.service";

/** Adds the commands. */
export function addHostCommands(program: AnyCommand, context: CommandContext): void {
  addDoctor(program, context);
  addCleanup(program, context);
  addInstall(program, context);
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
      using client = new ControlClient(stateDir);
      let status = await client.ask("status").catch(() => undefined);
      if (status?.dns?.upstreams?.some(({ suffix }) => suffix === ".")) {
        // What was last heard of the servers may be old; a name that nobody keeps asks them now.
        await client.ask("resolveName", unusedName(), "A").catch(() => undefined);
        status = await client.ask("status").catch(() => undefined);
      }
      const { port, rootless } = status === undefined ? await optionsOfNextStart(doctor, ports) : options;
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
        if (!isKnown) ports.terminal.out(`Undid ${changeText(change)}\n`);
      }
    },
  );
}

function addInstall(program: AnyCommand, { ports }: CommandContext): void {
  runWithOptions(
    program.command("install").description("make systemd start weft with this host")
      .option("--print", "print the unit instead of writing it")
      .addHelpText("after", "\nExample:\n  # weft install && systemctl enable --now weft"),
    ports,
    async ({ stateDir: given }, _, { print }) => {
      const stateDir = resolve(given);
      const unit = systemdUnit(stateDir);
      const untrusted = untrustedOfUnit(stateDir);
      if (untrusted !== undefined) {
        const { path, why } = untrusted;
        const error = new CommandError(`Cannot let root run weft with ${path}: ${why}`, { hint: TRUST_HINT });
        if (print !== true) throw error;
        ports.terminal.err(`weft: ${showUnprintable(error.message)}\nhint: ${TRUST_HINT}\n`);
      }
      if (print === true) return ports.terminal.out(unit);
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
    },
  );
}

/** Nobody has it (RFC 6761 §6.4), and no server has said so before. */
function unusedName(): string {
  return `doctor-${crypto.getRandomValues(new Uint8Array(6)).toHex()}.invalid.`;
}

const TRUST_HINT = "The program, the directories above it and the state have to be root's alone: " +
  "`install -m 755 weft /usr/local/bin/weft`, then `/usr/local/bin/weft install`; for the state --state /var/lib/weft.";

/** A unit runs as root with every start of the host, so what others can change would be theirs to run as root. */
function untrustedOfUnit(stateDir: string): UntrustedPart | undefined {
  const programs = [Deno.execPath()];
  const isSource = !Deno.build.standalone && Deno.mainModule.startsWith("file:");
  if (isSource) programs.push(fileURLToPath(Deno.mainModule));
  for (const path of [...programs, stateDir, dirname(UNIT_PATH)]) {
    const found = untrustedPart(path);
    if (found !== undefined) return found;
  }
  // The main module imports what is beside it and below.
  return isSource ? untrustedInside(dirname(fileURLToPath(Deno.mainModule))) : undefined;
}

/** @returns the text of the unit that resumes an agent with the host; no token is in it */
function systemdUnit(stateDir: string): string {
  const line = [...ownCommand(), "up", "--state", stateDir].map(quoted).join(" ");
  return `[Unit]
Description=weft, a private network of machines
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=${line}
Restart=on-failure
RestartSec=2
KillSignal=SIGTERM
TimeoutStopSec=15
AmbientCapabilities=CAP_NET_ADMIN
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_DAC_OVERRIDE
NoNewPrivileges=yes
ProtectHome=read-only
PrivateTmp=yes
DeviceAllow=/dev/net/tun rw

[Install]
WantedBy=multi-user.target
`;
}

/** systemd.service(5), "Command lines": C-style quotes, `%` and `$` doubled. */
function quoted(word: string): string {
  const escaped = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replace(/["\\]/g, "\\$&")}"`;
}
