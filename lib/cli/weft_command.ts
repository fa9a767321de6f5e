/**
 * What all commands share: how they are made, where they find the agent, how they answer.
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import {
  type AgentOptions,
  type ConfigLayer,
  DEFAULT_STATE_DIR,
  defaultStateDir,
  environmentLayer,
  fileLayer,
  layerAgentOptions,
  nearest,
} from "../config/mod.ts";
import { ControlClient } from "./control_client.ts";
import { systemReason, UsageError } from "./failure.ts";
import type { CliPorts } from "./ports.ts";

/** A command with whatever options and arguments. */
export type AnyCommand = Command<unknown[], Record<string, unknown>, Record<string, unknown>>;

/** What the actions of commands are given, and where they leave their exit code. */
export interface CommandContext {
  readonly ports: CliPorts;
  exitCode: number;
}

/** Option names of the command line and what they set; the rules are those of the configuration. */
const OPTION_KEYS: ReadonlyMap<string, string> = new Map([
  ["state", "stateDir"],
  ["name", "name"],
  ["cidr", "cidr"],
  ["port", "port"],
  ["interface", "interfaceName"],
  ["mtu", "mtuBytes"],
  ["dataplane", "dataplane"],
  ["cipher", "cipher"],
  ["kernel", "kernel"],
  ["rootless", "rootless"],
  ["discovery", "discovery"],
  ["discoveryPeer", "discoveryPeers"],
  ["discoveryDht", "discoveryDht"],
  ["discoveryDhtBootstrap", "discoveryDhtBootstrap"],
  ["endpoint", "endpoints"],
  ["statusAddress", "statusAddress"],
  ["statusPort", "statusPort"],
  ["label", "labels"],
  ["dns", "dns"],
  ["dnsPort", "dnsPorts"],
  ["dnsZone", "dnsZone"],
  ["dnsForward", "dnsForward"],
  ["dnsResolver", "dnsResolver"],
  ["offer", "offers"],
  ["logLevel", "logLevel"],
]);

/** Adds the options that every command has. */
export function withState<T extends AnyCommand>(command: T): T {
  command.option(
    "--state <directory>",
    `the agent's state and socket (default: ${DEFAULT_STATE_DIR} as root)`,
  );
  command.option("--config <file>", "settings as YAML, with the names of the options");
  return command;
}

/** Appends to an option that may be given more than once. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...before ?? [], value];
}

/**
 * Puts the options of a command together with the environment and the configuration file.
 * @throws InvalidConfigError; UsageError when the file cannot be read
 */
export async function agentOptions(
  command: AnyCommand,
  ports: CliPorts,
): Promise<{ readonly options: AgentOptions; readonly isLogLevelSet: boolean }> {
  const given = givenOptions(command);
  const values: Record<string, unknown> = {};
  for (const [name, key] of OPTION_KEYS) values[key] = given[name];
  const { environment, isRoot } = ports.process;
  const path = typeof given.config === "string" ? given.config : environment.WEFT_CONFIG;
  const layers: ConfigLayer[] = [
    { source: "flags", values },
    environmentLayer(environment),
    ...(path ? [await fileLayer(await readFile(path, ports, "the configuration"), path)] : []),
  ];
  const isLogLevelSet = layers.some((layer) => layer.values.logLevel !== undefined);
  const fallback = {
    source: "options",
    values: { stateDir: defaultStateDir({ isRoot }, environment) },
  } as const;
  return { options: layerAgentOptions([...layers, fallback]), isLogLevelSet };
}

/** Runs `use` with a client of the agent that the command means. @throws NoAgentError when none runs */
export async function withAgent<T>(
  command: AnyCommand,
  ports: CliPorts,
  use: (client: ControlClient) => Promise<T>,
): Promise<T> {
  const { options } = await agentOptions(command, ports);
  using client = new ControlClient(options.stateDir);
  return await use(client);
}

/** @returns what `path` holds, or standard input for `-` @throws UsageError when it cannot be read */
export async function readFile(path: string, ports: CliPorts, what: string): Promise<string> {
  try {
    return await ports.process.readText(path);
  } catch (cause) {
    throw new UsageError(`Cannot read ${what} from ${path}: ${systemReason(cause)}`, {
      hint: "Check the path and its permissions.",
      cause,
    });
  }
}

/** Writes a value as JSON. */
export function printJson(ports: CliPorts, value: unknown): void {
  ports.terminal.out(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Refuses a word that is none of the commands, or that none was given. */
export function refuseUnknown(command: AnyCommand, word: string | undefined): never {
  const path = command.parent === null ? "weft" : `weft ${command.name()}`;
  const names = command.commands.map((each) => each.name());
  if (word === undefined) {
    throw new UsageError(`${path} needs a command: ${names.join(", ")}`, { hint: `See \`${path} --help\`.` });
  }
  const meant = nearest(word, names);
  throw new UsageError(`Unknown command: ${path} ${word.slice(0, 60)}`, {
    hint: meant ? `Did you mean \`${path} ${meant}\`?` : `See \`${path} --help\` for the commands.`,
  });
}

/**
 * Makes a command that only holds others refuse any other word. Comes after they are made, because they inherit its
 * settings as they are then.
 */
export function refuseOthers(group: AnyCommand): void {
  group.allowExcessArguments().action(() => refuseUnknown(group, group.args[0]));
}

/** Options before the name of a command count for it too, unless it has them itself. */
function givenOptions(command: AnyCommand): Record<string, unknown> {
  const above = command.parent === null ? {} : givenOptions(command.parent as AnyCommand);
  return { ...above, ...command.opts() };
}

export { Command };
