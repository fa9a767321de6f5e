/**
 * What `weft wg` was told to make, and making it. It needs nothing of the other commands, because the process stays for
 * as long as the interface does.
 * @module
 */

import { silentLogger, WeftError } from "../base/mod.ts";
import type { WgInterfaceOptions } from "../wg_interface/mod.ts";
import { CommandError } from "./failure.ts";
import { ownCommand } from "./own_command.ts";
import type { CliPorts, WgInterfacePort } from "./ports.ts";
import { steady } from "./terminal.ts";

/** What the one that stays tells the one that returns. */
const READY = "ready";
/** How the one in the background is told that it is the one; no user sets it. */
const BACKGROUND_VARIABLE = "WEFT_WG_BACKGROUND";
/** Variables that are no settings. */
const OWN_VARIABLES: ReadonlySet<string> = new Set([BACKGROUND_VARIABLE, "WEFT_DEBUG"]);

const CHOICES: ReadonlySet<string> = new Set(["auto", "fast", "portable"]);
const CIPHERS: ReadonlySet<string> = new Set(["auto", "native", "baseline", "noble"]);

const WORKERS = /^(auto|[1-9]|1[0-6])$/;

const HINTS: Readonly<Record<string, string>> = {
  NotPermitted: "Run as root.",
  InterfaceExists: "Choose another name, or delete that interface.",
  NoTunDevice: "Load the driver with `modprobe tun`; in a container, pass --device /dev/net/tun.",
};

/** An interface that is wanted, and how its packets are to travel. */
export interface WgOrder extends Required<Pick<WgInterfaceOptions, "choice" | "cipher" | "workers">> {
  /** Of the interface. */
  readonly name: string;
  /** Whether this process stays instead of starting another one. */
  readonly foreground: boolean;
}

/**
 * Reads a command line that is plain enough to need no other part of the program: `wg NAME [--foreground]
 * [--dataplane HOW] [--cipher WHICH] [--workers NUMBER]` without settings in the environment that could say otherwise.
 * @returns undefined for any other line, wrong ones included
 */
export function readWgOrder(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): WgOrder | undefined {
  if (args[0] !== "wg") return undefined;
  let name: string | undefined;
  let foreground = false;
  const values = new Map([["--dataplane", "auto"], ["--cipher", "auto"], ["--workers", "auto"]]);
  for (let i = 1; i < args.length; i++) {
    // The flag's name in earlier versions.
    const word = args[i] === "--kernel" ? "--cipher" : args[i] ?? "";
    if (word === "--foreground") foreground = true;
    else if (values.has(word)) values.set(word, args[++i] ?? "");
    else if (name === undefined && isInterfaceName(word)) name = word;
    else return undefined;
  }
  const [choice = "", cipher = "", threads = ""] = values.values();
  if (name === undefined || !CHOICES.has(choice) || !CIPHERS.has(cipher) || !WORKERS.test(threads)) {
    return undefined;
  }
  // Whoever started the background one has read them.
  const isBackground = environment[BACKGROUND_VARIABLE] === "1";
  const hasSettings = Object.keys(environment).some((key) =>
    key.startsWith("WEFT_") && !OWN_VARIABLES.has(key)
  );
  if (hasSettings && !isBackground) return undefined;
  const workers = threads === "auto" ? threads : Number(threads);
  return {
    name,
    foreground,
    choice: choice as WgOrder["choice"],
    cipher: cipher as WgOrder["cipher"],
    workers,
  };
}

/** @returns whether `text` can be the name of an interface that wg-quick takes too */
export function isInterfaceName(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]{0,14}$/.test(text);
}

/**
 * Makes the interface, and stays with it or leaves another process with it.
 * @throws CommandError
 */
export async function runWg(
  { name, foreground, choice, cipher, workers }: WgOrder,
  ports: CliPorts,
): Promise<void> {
  const how = { choice, cipher, workers };
  if (ports.process.environment[BACKGROUND_VARIABLE] === "1") {
    await stay(name, ports, { ...how, log: silentLogger }, () => steady(ports.terminal).out(`${READY}\n`));
  } else if (!foreground) await leaveBehind(name, how);
  else {
    const { openLog } = await import("./log.ts");
    using log = openLog({ level: "info", held: false, write: ports.terminal.err });
    await stay(name, ports, { ...how, log }, (way) => {
      log.info("the interface is ready", { interface: name, ...way });
    });
  }
}

/** Makes the interface and stays until it has ended. */
async function stay(
  name: string,
  ports: CliPorts,
  options: WgInterfaceOptions,
  onReady: (way: WgInterfacePort["way"]) => void,
): Promise<void> {
  const made = await ports.openWgInterface(name, options).catch((error: unknown) => {
    const hint = error instanceof WeftError ? HINTS[error.code] : undefined;
    if (hint === undefined || !(error instanceof WeftError)) throw error;
    throw new CommandError(error.message, { hint, cause: error });
  });
  const forget = ports.process.onStopSignal(() => made.close());
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const release = ports.process.onUncaught((error) => failed.reject(error));
  try {
    onReady(made.way);
    ports.process.onStarted();
    const why = await Promise.race([made.ended, failed.promise]);
    if (why === "worker-failed") {
      throw new CommandError(`The interface ${name} is gone: the thread that carried its packets died`, {
        hint: "Start it again, and please report it.",
      });
    }
    options.log.info("the interface has ended", { why, ...made.drops() });
  } catch (error) {
    made.close();
    throw error;
  } finally {
    forget();
    release();
  }
}

/** Starts this program again, in a session of its own, and returns when the interface is ready. */
async function leaveBehind(
  name: string,
  { choice, cipher, workers }: Omit<WgOrder, "name" | "foreground">,
): Promise<void> {
  const [program = "", ...args] = ownCommand("wg");
  const child = new Deno.Command(program, {
    args: [...args, "wg", name, "--dataplane", choice, "--cipher", cipher, "--workers", `${workers}`],
    env: { [BACKGROUND_VARIABLE]: "1" },
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
