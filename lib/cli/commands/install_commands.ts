/**
 * `weft install`, `uninstall`: the unit by which systemd starts a node with the host, or with a user.
 * @module
 */

import { showUnprintable } from "../../base/mod.ts";
import { RESOLVER_CONF_PATH, runtimeModule, SqliteStateStore } from "../../host/mod.ts";
import { absolutePath } from "../absolute_path.ts";
import { CommandError, systemReason, UsageError } from "../failure.ts";
import type { CliPorts } from "../ports.ts";
import {
  stateDirOf,
  UNIT_DESCRIPTION,
  type UnitProgram,
  unitProgram,
  unitText,
  untrustedOfUnit,
} from "../systemd/mod.ts";
import { type AnyCommand, type CommandContext, runWithOptions } from "../weft_command.ts";

/** Where a binary is copied to that stands in a place of its maker's. */
const COPY_PATH = "/usr/local/bin/weft";

/** Which unit is meant. */
interface UnitPlace {
  readonly scope: "system" | "user";
  /** Without `.service`. */
  readonly name: string;
  readonly path: string;
}

/** Adds the commands. */
export function addInstallCommands(program: AnyCommand, context: CommandContext): void {
  addInstall(program, context);
  addUninstall(program, context);
}

function withPlace(command: AnyCommand): AnyCommand {
  return command
    .option("--user", "a unit of this user's, for a rootless node")
    .option("--name <name>", "what the unit is called; for a second network", "weft") as AnyCommand;
}

function addInstall(program: AnyCommand, { ports }: CommandContext): void {
  const command: AnyCommand = program.command("install")
    .description("make systemd start weft with this host")
    .option("--print", "print the unit instead of writing it")
    .option("--copy", `copy the binary to ${COPY_PATH} first`)
    .addHelpText(
      "after",
      "\nExamples:\n  # weft install && systemctl enable --now weft\n" +
        "  # weft install --name lab --state /var/lib/weft-lab\n" +
        "  $ weft install --user && systemctl --user enable --now weft",
    ) as AnyCommand;
  runWithOptions(withPlace(command), ports, async ({ stateDir: given }, _, { print, copy, ...said }) => {
    const place = placeOf(said, ports);
    const stateDir = absolutePath(given);
    const program = programOf(ports, copy === true);
    const isPrinted = print === true;
    refuseUntrusted(program, place, stateDir, isPrinted ? ports.terminal.err : undefined);
    if (copy === true && !isPrinted) await copyProgram(program.path);
    // A first start installs what later ones run.
    if (program.kind === "checkout" && !isPrinted) await prepare(program);
    const unit = unitText({
      scope: place.scope,
      command: [copy === true ? COPY_PATH : program.path],
      program: copy === true ? COPY_PATH : program.root,
      environment: program.environment,
      stateDir,
      isResolverConfLink: isLink(RESOLVER_CONF_PATH),
      systemdVersion: await systemdVersion(),
    });
    if (isPrinted) return ports.terminal.out(unit);
    ports.terminal.out(`${await write(place, unit, stateDir)} ${place.path}\n`);
    await reload(place, ports);
    tellNext(place, stateDir, ports);
  });
}

function addUninstall(program: AnyCommand, { ports }: CommandContext): void {
  const command: AnyCommand = program.command("uninstall")
    .description("take away what `weft install` has written; the node's state stays")
    .addHelpText("after", "\nExample:\n  # weft uninstall") as AnyCommand;
  runWithOptions(withPlace(command), ports, async (_, __, said) => {
    const place = placeOf(said, ports);
    const former = await readUnit(place.path);
    if (former === undefined) {
      ports.terminal.out(`There is no ${place.path}\n`);
      return;
    }
    refuseForeign(place, former);
    if (isManaged(place, ports)) await systemctl(place, ["disable", "--now", place.name]);
    try {
      await Deno.remove(place.path);
    } catch (cause) {
      throw cannot("remove", place, cause);
    }
    await reload(place, ports);
    ports.terminal.out(`Removed ${place.path}; the node's state stays\n`);
  });
}

function placeOf(said: Readonly<Record<string, unknown>>, { process }: CliPorts): UnitPlace {
  const name = String(said.name);
  if (!/^[A-Za-z0-9][\w.-]{0,60}$/.test(name) || /\.(?:service|target|socket)$/.test(name)) {
    throw new UsageError(`Cannot call a unit ${JSON.stringify(name.slice(0, 80))}`, {
      hint: "Its name has 1 to 61 of A-Z a-z 0-9 _ . -, and no ending such as .service.",
    });
  }
  if (said.user !== true) return { scope: "system", name, path: `/etc/systemd/system/${name}.service` };
  const { XDG_CONFIG_HOME, HOME } = process.environment;
  const folder = XDG_CONFIG_HOME?.startsWith("/") ? XDG_CONFIG_HOME : HOME && `${HOME}/.config`;
  if (!folder) {
    throw new CommandError("Cannot write a unit of this user: HOME is not set", {
      hint: "Log in as that user; `sudo -iu NAME` does.",
    });
  }
  return { scope: "user", name, path: `${folder}/systemd/user/${name}.service` };
}

function programOf({ process }: CliPorts, isCopied: boolean): UnitProgram {
  const program = unitProgram(process.environment);
  if (program === undefined) {
    throw new CommandError("Cannot name this program in a unit: it runs from a cache, which may be emptied", {
      hint: "Use the binary, or bin/weft of a checkout.",
    });
  }
  if (isCopied && program.kind === "checkout") {
    throw new UsageError("Cannot copy a checkout: --copy is for the binary", {
      hint: `A checkout stays where it is; \`ln -s ${program.path} ${COPY_PATH}\` makes it a command.`,
    });
  }
  return program;
}

/** @param warn where a unit is only printed, that is told and nothing is refused */
function refuseUntrusted(
  program: UnitProgram,
  { scope, path }: UnitPlace,
  stateDir: string,
  warn: ((text: string) => void) | undefined,
): void {
  const isSystem = scope === "system";
  const owner = isSystem ? undefined : { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
  const untrusted = untrustedOfUnit(program, [stateDir, runtimeModule("node:path").dirname(path)], owner);
  if (untrusted === undefined) return;
  const error = new CommandError(
    `Cannot let ${isSystem ? "root" : "a unit"} run weft with ${untrusted.path}: ${untrusted.why}`,
    { hint: trustHint(program, isSystem) },
  );
  if (warn === undefined) throw error;
  warn(`weft: ${showUnprintable(error.message)}\nhint: ${error.hint}\n`);
}

/** Where a checkout may stand that root runs. */
const OWN_PLACE = "/opt/weft";

function trustHint({ kind, root }: UnitProgram, isSystem: boolean): string {
  if (!isSystem) {
    return "Nobody else may write to the program, the directories above it and the state: `chmod go-w`.";
  }
  const move = kind === "binary"
    ? "`install -m 755 weft /usr/local/bin/weft`, then `/usr/local/bin/weft install`"
    : `\`${
      root === OWN_PLACE ? "" : `cp -R ${root} ${OWN_PLACE} && `
    }chown -R root:root ${OWN_PLACE} && chmod -R go-w ${OWN_PLACE}\`, then \`${OWN_PLACE}/bin/weft install\`, or the binary in /usr/local/bin/weft`;
  return "The program, the directories above it and the state have to be root's alone: " +
    `${move}; for the state --state /var/lib/weft.`;
}

async function copyProgram(path: string): Promise<void> {
  if (path === COPY_PATH) return;
  const fresh = `${COPY_PATH}.${Deno.pid}`;
  try {
    await Deno.copyFile(path, fresh);
    await Deno.chmod(fresh, 0o755);
    await Deno.rename(fresh, COPY_PATH);
  } catch (cause) {
    await Deno.remove(fresh).catch(() => {});
    throw new CommandError(`Cannot copy ${path} to ${COPY_PATH}: ${systemReason(cause)}`, {
      hint: "Run as root.",
      cause,
    });
  }
}

async function prepare({ path, environment }: UnitProgram): Promise<void> {
  const command = new Deno.Command(path, {
    args: ["--version"],
    env: { WEFT_DENO: "", ...environment },
    stdout: "null",
    stderr: "piped",
  });
  const { success, stderr } = await command.output();
  if (success) return;
  const lines = new TextDecoder().decode(stderr).trim().split("\n");
  const [hint = "", message = ""] = lines.reverse();
  throw new CommandError(message.replace(/^weft: /, "") || `${path} does not start`, {
    hint: hint.replace(/^hint: /, ""),
  });
}

/** @returns what was done */
async function write(place: UnitPlace, unit: string, stateDir: string): Promise<string> {
  const former = await readUnit(place.path);
  if (former === unit) return "Nothing has changed in";
  if (former !== undefined) {
    refuseForeign(place, former);
    const other = stateDirOf(former);
    if (other !== undefined && other !== stateDir) {
      throw new CommandError(`Cannot write ${place.path}: it starts the node in ${other}`, {
        hint: "Call this one differently with --name, or take that one away with `weft uninstall`.",
      });
    }
  }
  const fresh = `${place.path}.${Deno.pid}`;
  try {
    await Deno.mkdir(runtimeModule("node:path").dirname(place.path), { recursive: true });
    await Deno.writeTextFile(fresh, unit, { mode: 0o644 });
    await Deno.rename(fresh, place.path);
  } catch (cause) {
    await Deno.remove(fresh).catch(() => {});
    throw cannot("write", place, cause);
  }
  return "Wrote";
}

function cannot(what: string, { scope, path }: UnitPlace, cause: unknown): CommandError {
  return new CommandError(`Cannot ${what} ${path}: ${systemReason(cause)}`, {
    hint: scope === "system"
      ? "Run as root on a host with systemd, or use --user, or --print."
      : "The directory has to be this user's; --print prints the unit.",
    cause,
  });
}

async function readUnit(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new CommandError(`Cannot read ${path}: ${systemReason(cause)}`, { hint: "Run as root.", cause });
  }
}

function refuseForeign({ path }: UnitPlace, text: string): void {
  if (text.includes(UNIT_DESCRIPTION)) return;
  throw new CommandError(`Cannot change ${path}: \`weft install\` has not written it`, {
    hint: "Use another --name, or remove that unit yourself.",
  });
}

/** Whether that manager runs here (sd_booted(3)). */
function isManaged({ scope }: UnitPlace, { process }: CliPorts): boolean {
  const { XDG_RUNTIME_DIR } = process.environment;
  const path = scope === "system" ? "/run/systemd/system" : `${XDG_RUNTIME_DIR ?? ""}/systemd/private`;
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function reload(place: UnitPlace, ports: CliPorts): Promise<void> {
  if (isManaged(place, ports)) await systemctl(place, ["daemon-reload"]);
}

/** @throws CommandError with what it complained of */
async function systemctl({ scope }: UnitPlace, args: readonly string[]): Promise<void> {
  const all = [...scope === "user" ? ["--user"] : [], ...args];
  const failed = (why: string) =>
    new CommandError(`Cannot run \`systemctl ${all.join(" ")}\`: ${why}`, {
      hint: "`systemctl status` and `journalctl -b` say more.",
    });
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command("systemctl", { args: all, stdout: "null", stderr: "piped" }).output();
  } catch (cause) {
    throw failed(systemReason(cause));
  }
  if (output.success) return;
  throw failed(new TextDecoder().decode(output.stderr).trim().split("\n")[0] ?? `code ${output.code}`);
}

/** @returns the version of systemd that is installed here */
async function systemdVersion(): Promise<number | undefined> {
  try {
    const { stdout } = await new Deno.Command("systemctl", { args: ["--version"], stderr: "null" }).output();
    const [, version] = /^systemd (\d+)/.exec(new TextDecoder().decode(stdout)) ?? [];
    return version === undefined ? undefined : Number(version);
  } catch {
    return undefined;
  }
}

function tellNext({ scope, name }: UnitPlace, stateDir: string, { terminal }: CliPorts): void {
  if (!SqliteStateStore.existsIn(stateDir)) {
    const how = scope === "user" ? " with --rootless" : "";
    terminal.out(`First let this machine lead or join${how}: there is no node in ${stateDir} to resume.\n`);
  }
  const systemctl = scope === "user" ? "systemctl --user" : "systemctl";
  terminal.out(`Start it, now and from now on: ${systemctl} enable --now ${name}\n`);
  terminal.out(`See how it does:               ${systemctl} status ${name}\n`);
  if (scope === "user") {
    terminal.out("It runs while you are logged in; with the host it starts after: loginctl enable-linger\n");
  }
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}
