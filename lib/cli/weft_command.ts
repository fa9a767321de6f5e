/**
 * What all commands share: their flags, where they find the agent, how they ask, answer and stop.
 * @module
 */

import { Command, Option } from "@commander-js/extra-typings";
import { printableJson } from "../base/mod.ts";
import {
  type AgentOptions,
  type ConfigFile,
  type ConfigLayer,
  defaultStateDir,
  emptiedVariables,
  environmentLayer,
  type Field,
  FIELDS,
  fileLayer,
  type OptionName,
  parseAgentOptions,
  SaidSettings,
  SETTING_NAMES,
  SPELLINGS,
} from "../config/mod.ts";
import { absolutePath } from "./absolute_path.ts";
import { type AnyCommand, pathOf, refuseUnknown } from "./command_tree.ts";
import { ControlClient } from "./control_client.ts";
import { systemReason, UsageError } from "./failure.ts";
import type { CliPorts } from "./ports.ts";
import { SlowNotice } from "./slow_notice.ts";

/** What the actions of commands are given, and where they leave their exit code. */
export interface CommandContext {
  readonly ports: CliPorts;
  exitCode: number;
}

/** A flag that is for the agent, other than an option of a command that is called the same. */
export class AgentFlag extends Option<string> {
  /** The words that its value may be, for shells to complete. */
  values: readonly string[] = [];
}

/** Adds the flag of an option, and hidden ones for its names of earlier versions. */
export function addFlag(command: AnyCommand, name: OptionName): void {
  const { flag, help, initial, aliases = [], hasOpposite = false } = FIELDS[name] as Field;
  const isOn = initial === true;
  const said = initial === false ? { help: `${help}; --no-${flag} takes it back` } : {};
  command.addOption(flagOption(name, said).hideHelp(isOn));
  for (const alias of aliases) command.addOption(flagOption(name, { flag: alias, short: "" }).hideHelp());
  // What is kept from an earlier start can be said back. Without its counterpart a flag that is on would have a default,
  // which would win over the environment and the file.
  if (typeof initial === "boolean") {
    command.addOption(flagOption(name, { flag: `no-${flag}`, short: "" }).hideHelp(!isOn));
  } else if (hasOpposite) {
    command.addOption(new AgentFlag(`--no-${flag}`, `the same as --${flag} off`).hideHelp());
  }
}

/**
 * @param said.flag how it is spelled, where that is not as usual
 * @param said.help what the help says, where that is not what the option means to an agent
 * @param said.short its one letter, empty for none
 * @returns the flag of an option
 */
export function flagOption(
  name: OptionName,
  said: { readonly flag?: string; readonly help?: string; readonly short?: string } = {},
): Option<string> {
  const { value, isRepeated = false, isValueOptional, initial, initialText, ...field } =
    FIELDS[name] as Field;
  const { flag, help, short = "" } = { ...field, ...said };
  const told = initialText ?? (/^(string|number)$/.test(typeof initial) ? `${initial}` : undefined);
  const shownValue = value === undefined ? "" : isValueOptional ? ` [${value}]` : ` <${value}>`;
  const option = new AgentFlag(
    `${short && `-${short}, `}--${flag}${shownValue}`,
    help + (isRepeated ? "; may be repeated" : "") + (told === undefined ? "" : ` (default: ${told})`),
  );
  option.values = field.choices ?? [];
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
export function withState(
  command: AnyCommand,
  { isHidden = false }: { readonly isHidden?: boolean } = {},
): AnyCommand {
  const config = new AgentFlag("--config <file>", "settings as YAML, with the names of the options");
  return command.addOption(flagOption("stateDir").hideHelp(isHidden)).addOption(
    config.hideHelp(isHidden),
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
    [{ source: "flags", values: flagValues(command) } as const, environmentLayer(environment)].map(withPaths),
    {
      file,
      emptied: emptiedVariables(environment),
      defaults: { stateDir: defaultStateDir({ isRoot }, environment) },
    },
  );
}

const PATH_OPTIONS = [
  "statusTokenFile",
  "policy",
  "dataCredentials",
  "dataAuthority",
  "dataCertificate",
  "dataKey",
] as const satisfies readonly OptionName[];

/** What is kept is read again in another directory. */
function withPaths(layer: ConfigLayer): ConfigLayer {
  const values = { ...layer.values };
  for (const name of PATH_OPTIONS) {
    const path = values[name];
    if (typeof path === "string" && path !== "") values[name] = absolutePath(path);
  }
  return { ...layer, values };
}

async function readConfigFile(path: string, ports: CliPorts): Promise<ConfigFile> {
  const layer = await fileLayer(await readFile(path, ports, "the configuration"), path);
  // It is kept, and the next start may be in another directory.
  return { ...layer, path: absolutePath(path) };
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

/**
 * @param given the values of `--state` and `--config`, where a line has them
 * @returns the state directory that it means @throws as `agentOptions`
 */
export async function stateDirOf(given: Readonly<Record<string, string>>, ports: CliPorts): Promise<string> {
  const command = withState(new Command("weft") as AnyCommand);
  for (const [name, value] of Object.entries(given)) command.setOptionValue(name, value);
  return (await agentOptions(command, ports)).stateDir;
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
    `Cannot do that: ${word ? `<${word.name()}>` : option?.flags} is empty`,
    { hint: `A variable of the shell may have no value; \`${pathOf(command)} --help\` shows an example.` },
  );
}

/** Makes a command ask the running agent, which fails with `NoAgentError` when none runs. */
export function askAgent(
  command: AnyCommand,
  ports: CliPorts,
  ask: Action<ControlClient, Promise<void>>,
): void {
  runWithOptions(command, ports, async ({ stateDir }, args, options) => {
    using client = agentClient(stateDir, ports, { json: options.json });
    await ask(client, args, options);
  });
}

/** @returns who asks the agent of this state directory, and tells a person at a terminal of an answer that takes long */
export function agentClient(
  stateDir: string,
  ports: Pick<CliPorts, "terminal">,
  { json, boundMs }: { readonly json?: unknown; readonly boundMs?: number } = {},
): ControlClient {
  const notice = new SlowNotice(ports, { json });
  return new ControlClient(stateDir, { notice, ...boundMs !== undefined && { boundMs } });
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

/** Ends what lasts. */
export interface StopSignal extends Disposable {
  /** Aborted when the process is asked to stop, or nobody reads what it prints. */
  readonly signal: AbortSignal;
  readonly stopped: Promise<void>;
  /** Whether it was asked to stop. */
  readonly isInterrupted: boolean;
}

/**
 * Tells, until it is disposed of, that the process is asked to stop.
 * @param options.endsWithReader whether it tells as well that nobody reads the output any more: whoever only prints what
 *   comes would find out at the next line, and that may be never
 */
export function stopSignal(
  { process }: CliPorts,
  options: { readonly endsWithReader?: boolean } = {},
): StopSignal {
  const abort = new AbortController();
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  abort.signal.addEventListener("abort", () => resolve());
  let isInterrupted = false;
  const forget = process.onStopSignal(() => {
    isInterrupted = true;
    abort.abort();
  });
  const forgetReader = options.endsWithReader ? process.onReaderGone(() => abort.abort()) : () => {};
  return {
    signal: abort.signal,
    stopped,
    get isInterrupted() {
      return isInterrupted;
    },
    [Symbol.dispose]() {
      forget();
      forgetReader();
    },
  };
}

/** Writes a value as JSON. */
export function printJson(ports: CliPorts, value: unknown): void {
  ports.terminal.out(`${printableJson(value, 2)}\n`);
}

/**
 * Makes a command that only holds others refuse any other word. Comes after they are made, because they inherit its
 * settings as they are then.
 */
export function refuseOthers(group: AnyCommand): void {
  // What says which agent is meant may stand before the name of the command.
  withState(group, { isHidden: true });
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

export { type AnyCommand, commandNamed, exampleHint, refuseUnknown } from "./command_tree.ts";
export { Command };
