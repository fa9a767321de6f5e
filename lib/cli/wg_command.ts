/**
 * `weft wg IFNAME`: a WireGuard interface that `wg` and `wg-quick` configure.
 * @module
 */

import { silentLogger, WeftError } from "../base/mod.ts";
import type { WgInterfaceOptions } from "../wg/mod.ts";
import { CommandError, UsageError } from "./failure.ts";
import { openLog } from "./log.ts";
import { ownCommand } from "./own_command.ts";
import type { CliPorts } from "./ports.ts";
import { agentOptions, type AnyCommand, type CommandContext } from "./weft_command.ts";

/** What the one that stays tells the one that returns. */
const READY = "ready";

/** How packets are to travel. */
type Way = Required<Pick<WgInterfaceOptions, "choice" | "kernel">>;

const HINTS: Readonly<Record<string, string>> = {
  NotPermitted: "Run as root.",
  InterfaceExists: "Choose another name, or delete that interface.",
  NoTunDevice: "Load the driver with `modprobe tun`; in a container, pass --device /dev/net/tun.",
};

/** Adds the command. */
export function addWgCommand(program: AnyCommand, context: CommandContext): void {
  const wg: AnyCommand = program.command("wg")
    .description("make a WireGuard interface for wg and wg-quick, without a mesh")
    .argument("<interface>", "its name")
    .option("--foreground", "stay until the interface is deleted, or Ctrl-C")
    .option("--dataplane <how>", "auto, fast or portable: how packets travel (default: auto)")
    .option("--kernel <which>", "auto or baseline: what seals packets on the fast one (default: auto)")
    .addHelpText(
      "after",
      "\nExamples:\n  # weft wg wg0 && wg setconf wg0 /etc/wireguard/wg0.conf\n" +
        "  # WG_QUICK_USERSPACE_IMPLEMENTATION=weft wg-quick up wg0",
    ) as AnyCommand;
  wg.action(async () => {
    const [name = ""] = wg.args;
    if (!isInterfaceName(name)) {
      throw new UsageError(
        `Cannot make the interface ${JSON.stringify(name.slice(0, 60))}: that is no name`,
        {
          hint: "It has 1 to 15 of A-Z a-z 0-9 _ . -, and begins with a letter or digit.",
        },
      );
    }
    const { ports } = context;
    const { options: { dataplane, kernel } } = await agentOptions(wg, ports);
    const how: Way = { choice: dataplane, kernel };
    // How the one in the background is told that it is the one; no user sets it.
    const isBackground = ports.process.environment.WEFT_WG_BACKGROUND === "1";
    if (isBackground) {
      await stay(name, ports, { ...how, log: silentLogger }, () => ports.terminal.out(`${READY}\n`));
    } else if (wg.opts().foreground !== true) await leaveBehind(name, how);
    else {
      using log = openLog({ level: "info", held: false, write: ports.terminal.err });
      await stay(name, ports, { ...how, log }, () => log.info("the interface is ready", { interface: name }));
    }
  });
}

/**
 * What `wg-quick` runs is `weft wg0`. The variable that made it do so tells that from a command that is misspelt.
 * @returns the arguments to go by
 */
export function withoutWgQuick(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  program: AnyCommand,
): readonly string[] {
  const [name] = args;
  if (args.length !== 1 || name === undefined || !environment.WG_QUICK_USERSPACE_IMPLEMENTATION) return args;
  const isCommand = program.commands.some((command) => command.name() === name);
  return isCommand || !isInterfaceName(name) ? args : ["wg", name];
}

function isInterfaceName(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]{0,14}$/.test(text);
}

/** Makes the interface and stays until it has ended. */
async function stay(
  name: string,
  ports: CliPorts,
  options: WgInterfaceOptions,
  onReady: () => void,
): Promise<void> {
  const made = await ports.openWgInterface(name, options).catch((error: unknown) => {
    const hint = error instanceof WeftError ? HINTS[error.code] : undefined;
    if (hint === undefined || !(error instanceof WeftError)) throw error;
    throw new CommandError(error.message, { hint, cause: error });
  });
  const forget = ports.process.onStopSignal(() => made.close());
  try {
    onReady();
    const why = await made.ended;
    if (why === "worker-failed") {
      throw new CommandError(`The interface ${name} is gone: the thread that carried its packets died`, {
        hint: "Start it again, and please report it.",
      });
    }
    options.log.info("the interface has ended", { why, ...made.drops() });
  } finally {
    forget();
  }
}

/** Starts this program again, in a session of its own, and returns when the interface is ready. */
async function leaveBehind(name: string, { choice, kernel }: Way): Promise<void> {
  const [program = "", ...args] = ownCommand();
  const child = new Deno.Command(program, {
    args: [...args, "wg", name, "--dataplane", choice, "--kernel", kernel],
    env: { WEFT_WG_BACKGROUND: "1" },
    cwd: "/",
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  const { value } = await child.stdout.getReader().read();
  if (value !== undefined && new TextDecoder().decode(value).startsWith(READY)) return;
  const [line = "", hint = ""] = (await new Response(child.stderr).text()).split("\n");
  throw new CommandError(line.replace(/^weft: /, "") || `The program for ${name} ended at once`, {
    hint: hint.replace(/^hint: /, "") || `\`weft wg ${name} --foreground\` shows what happens.`,
  });
}
