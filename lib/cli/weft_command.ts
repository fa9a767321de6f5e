/**
 * What all commands share: their flags, where they find the agent, how they ask, answer and stop.
 * @module
 */

import { resolve } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { printableJson } from "../base/mod.ts";
import {
  type AgentOptions,
  type ConfigFile,
  defaultStateDir,
  emptiedVariables,
  environmentLayer,
  type Field,
  FIELDS,
  fileLayer,
  nearest,
  type OptionName,
  parseAgentOptions,
  SaidSettings,
  SETTING_NAMES,
  SPELLINGS,
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

/** A flag that is for the agent, other than an option of a command that is called the same. */
class AgentFlag extends Option<string> {}

/** Adds the flag of an option, and hidden ones for its names of earlier versions. */
export function addFlag(command: AnyCommand, name: OptionName): void {
  const { flag, help, initial, aliases = [] } = FIELDS[name] as Field;
  const isOn = initial === true;
  const said = initial === false ? { help: `${help}; --no-${flag} takes it back` } : {};
  command.addOption(flagOption(name, said).hideHelp(isOn));
  for (const alias of aliases) command.addOption(flagOption(name, { flag: alias }).hideHelp());
  // What is kept from an earlier start can be said back. Without its counterpart a flag that is on would have a default,
  // which would win over the environment and the file.
  if (typeof initial === "boolean") {
    command.addOption(flagOption(name, { flag: `no-${flag}` }).hideHelp(!isOn));
  }
}

/**
 * @param said.flag how it is spelled, where that is not as usual
 * @param said.help what the help says, where that is not what the option means to an agent
 * @returns the flag of an option
 */
export function flagOption(
  name: OptionName,
  said: { readonly flag?: string; readonly help?: string } = {},
): Option<string> {
  const { value, isRepeated = false, initial, initialText, ...field } = FIELDS[name] as Field;
  const { flag, help } = { ...field, ...said };
  const told = initialText ?? (/^(string|number)$/.test(typeof initial) ? `${initial}` : undefined);
  const option = new AgentFlag(
    `--${flag}${value === undefined ? "" : ` <${value}>`}`,
    help + (isRepeated ? "; may be repeated" : "") + (told === undefined ? "" : ` (default: ${told})`),
  );
  return isRepeated ? option.argParser(collect) : option;
}

/** Appends to an option that may be given more than once. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...before ?? [], value];
}

/** @returns what a command line says of an agent's options */
export function flagValues(command: AnyCommand): Record<string, unknown> {
  const given = givenFlags(command);
  const camelCase = (flag: string) => flag.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(SPELLINGS.map(([flag, key]) => [key, given[camelCase(flag)]]));
}

/** Adds the options that every command has. */
export function withState(command: AnyCommand): AnyCommand {
  addFlag(command, "stateDir");
  return command.addOption(
    new AgentFlag("--config <file>", "settings as YAML, with the names of the options"),
  ) as AnyCommand;
}

/**
 * Reads what a command is told: by its flags, the environment and the configuration file.
 * @throws InvalidConfigError; UsageError when the file cannot be read
 */
export async function saidSettings(command: AnyCommand, ports: CliPorts): Promise<SaidSettings> {
  const { config } = givenFlags(command);
  const { environment, isRoot } = ports.process;
  const path = typeof config === "string" ? config : environment.WEFT_CONFIG;
  const file = path ? await readConfigFile(path, ports) : undefined;
  return new SaidSettings(
    [{ source: "flags", values: flagValues(command) }, environmentLayer(environment)],
    {
      file,
      emptied: emptiedVariables(environment),
      defaults: { stateDir: defaultStateDir({ isRoot }, environment) },
    },
  );
}

async function readConfigFile(path: string, ports: CliPorts): Promise<ConfigFile> {
  const layer = await fileLayer(await readFile(path, ports, "the configuration"), path);
  // It is kept, and the next start may be in another directory.
  return { ...layer, path: resolve(path) };
}

/**
 * Puts the options of a command together with the environment and the configuration file.
 * @throws InvalidConfigError; UsageError when the file cannot be read
 */
export async function agentOptions(command: AnyCommand, ports: CliPorts): Promise<AgentOptions> {
  return (await saidSettings(command, ports)).own;
}

/**
 * Reads what the next start would find: what is kept, too, where a node is that does not run.
 * @throws InvalidConfigError; UsageError when the file cannot be read
 */
export async function optionsOfNextStart(command: AnyCommand, ports: CliPorts): Promise<AgentOptions> {
  const said = await saidSettings(command, ports);
  // Without a node, or a right to read its state, there is nothing else.
  const reports = await (await ports.loadAgent()).storedSettings(said, () => {}).catch(() => []);
  const values = reports.flatMap(({ name, value, source }) => {
    const option = SETTING_NAMES.get(name);
    return option === undefined || value === null || source === "network" ? [] : [[option, value]];
  });
  return { ...said.own, ...parseAgentOptions(Object.fromEntries(values)), stateDir: said.stateDir };
}

/** What a command does: with the agent that it means, the words after it, and its options. */
type Action<Agent, Result> = (
  agent: Agent,
  args: readonly string[],
  options: Readonly<Record<string, unknown>>,
) => Result;

/** Makes a command do something that needs the agent's options, `--state` above all. */
export function runWithOptions(
  command: AnyCommand,
  ports: CliPorts,
  run: Action<AgentOptions, void | Promise<void>>,
): void {
  withState(command).action(async () => {
    refuseEmpty(command);
    await run(await agentOptions(command, ports), command.args, command.opts());
  });
}

/** What a shell makes of a variable that is not set. Of several words, as in the text of a record, one may be empty. */
function refuseEmpty(command: AnyCommand): void {
  const word = command.registeredArguments.find(({ variadic }, at) => !variadic && command.args[at] === "");
  const option = command.options.find((one) => command.getOptionValue(one.attributeName()) === "");
  if (word === undefined && option === undefined) return;
  throw new UsageError(
    `Missing ${word ? `argument: <${word.name()}>` : `value: ${option?.flags}`} is empty`,
    {
      hint:
        "A variable of the shell may have no value; --help after the name of the command shows an example.",
    },
  );
}

/** Makes a command ask the running agent, which fails with `NoAgentError` when none runs. */
export function askAgent(
  command: AnyCommand,
  ports: CliPorts,
  ask: Action<ControlClient, Promise<void>>,
): void {
  runWithOptions(command, ports, async ({ stateDir }, args, options) => {
    using client = new ControlClient(stateDir);
    await ask(client, args, options);
  });
}

/**
 * Makes a command ask the running agent and print the answer, with `--json` as JSON.
 * @param tell says it for people
 */
export function askAndPrint<Answer>(
  command: AnyCommand,
  ports: CliPorts,
  ask: Action<ControlClient, Promise<Answer>>,
  tell: Action<Answer, string>,
): void {
  askAgent(command, ports, async (client, args, options) => {
    const answer = await ask(client, args, options);
    if (options.json === true) printJson(ports, answer);
    else ports.terminal.out(tell(answer, args, options));
  });
}

/** @returns the fields of a request without those that were not given */
export function defined<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
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

/**
 * Reads the number that an option is given.
 * @param bounds.of what it counts, in a word
 * @returns undefined when the option is not given
 * @throws UsageError when it is no whole number within the bounds
 */
export function readNumber(
  flag: string,
  text: unknown,
  bounds: { readonly least: number; readonly most?: number; readonly of?: string; readonly hint: string },
): number | undefined {
  if (text === undefined) return undefined;
  const { least, most = 999_999_999, of, hint } = bounds;
  if (/^\d{1,9}$/.test(String(text)) && Number(text) >= least && Number(text) <= most) return Number(text);
  const what = `a number${of === undefined ? "" : ` of ${of}`} from ${least}`;
  const end = bounds.most === undefined ? "" : ` to ${most}`;
  throw new UsageError(`Cannot use ${flag} ${text}: it is ${what}${end}`, { hint });
}

/** Tells, until it is disposed of, that the process is asked to stop. */
export function stopSignal(
  { process }: CliPorts,
): Disposable & { readonly signal: AbortSignal; readonly stopped: Promise<void> } {
  const abort = new AbortController();
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  abort.signal.addEventListener("abort", () => resolve());
  return { signal: abort.signal, stopped, [Symbol.dispose]: process.onStopSignal(() => abort.abort()) };
}

/** Writes a value as JSON. */
export function printJson(ports: CliPorts, value: unknown): void {
  ports.terminal.out(`${printableJson(value, 2)}\n`);
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

/** Flags before the name of a command count for it too, unless it has them itself. */
function givenFlags(command: AnyCommand): Record<string, unknown> {
  const above = command.parent === null ? {} : givenFlags(command.parent as AnyCommand);
  const own = command.options.filter((option) => option instanceof AgentFlag)
    .map((flag) => [flag.attributeName(), command.getOptionValue(flag.attributeName())] as const)
    .filter(([, value]) => value !== undefined);
  return { ...above, ...Object.fromEntries(own) };
}

export { Command };
