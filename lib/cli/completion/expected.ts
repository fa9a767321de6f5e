/**
 * What a line of commands expects next, from the tree of commands.
 * @module
 */

import type { Argument, Option } from "@commander-js/extra-typings";
import { type AnyCommand, commandNamed, pathOf } from "../command_tree.ts";
import { AgentFlag } from "../weft_command.ts";

/** What `weft dns add` takes. */
const RECORD_TYPES: readonly string[] = ["A", "AAAA", "CNAME", "TXT", "SRV", "MX", "PTR"];

/** The drivers of overlay networks. */
const DRIVERS: readonly string[] = ["vxlan", "geneve", "gre", "nvgre", "mpls-udp", "vlan"];

/** A word that may come next. */
export interface Candidate {
  readonly word: string;
  /** Empty for none. */
  readonly description: string;
}

/** What may come next; where paths are meant the shell knows better. */
export interface Expected {
  readonly candidates: readonly Candidate[];
  readonly paths?: "files" | "directories";
}

/** What the agent knows: for each kind, and what stands before, the words. */
export interface Values {
  /** @param before the arguments that stand before it */
  of(kind: ValueKind, before: readonly string[]): Promise<readonly Candidate[]>;
}

/** Kinds of what only an agent knows. */
export type ValueKind =
  | "members"
  | "waiting"
  | "tokens"
  | "services"
  | "actions"
  | "topics"
  | "names"
  | "addedNames"
  | "labels"
  | "networks"
  | "endpoints"
  | "endpointNames"
  | "revisions"
  | "routes"
  | "exits";

/** What a value is called in the help, and what it is then, whichever command has it. */
const BY_VALUE_NAME: Readonly<Record<string, ValueKind | "files" | "directories">> = {
  peer: "members",
  node: "members",
  member: "members",
  device: "members",
  file: "files",
  directory: "directories",
  topic: "topics",
  pattern: "topics",
};

/** Where that is not enough: the command, and the argument or option. */
const BY_PLACE: Readonly<Record<string, ValueKind | readonly string[]>> = {
  "weft peer approve peer": "waiting",
  "weft peer refuse peer": "waiting",
  "weft token revoke id": "tokens",
  "weft service show path": "services",
  "weft service pause path": "services",
  "weft service resume path": "services",
  "weft call path": "actions",
  "weft label labels": "labels",
  "weft network show name": "networks",
  "weft network change name": "networks",
  "weft network delete name": "networks",
  "weft network create --type": DRIVERS,
  "weft endpoint add network": "networks",
  "weft endpoint list network": "networks",
  "weft endpoint remove endpoint": "endpoints",
  "weft endpoint remove name": "endpointNames",
  "weft endpoint move endpoint": "endpoints",
  "weft endpoint move name": "endpointNames",
  "weft policy explain source": "members",
  "weft policy explain destination": "members",
  "weft policy explain --network": "networks",
  "weft policy rollback revision": "revisions",
  "weft policy diff --revision": "revisions",
  "weft exit use node": "exits",
  "weft route approve network": "routes",
  "weft route reject network": "routes",
  "weft route remove network": "routes",
  "weft dns add type": RECORD_TYPES,
  "weft dns remove name": "addedNames",
  "weft dns remove type": RECORD_TYPES,
  "weft dns query name": "names",
  "weft dns query type": RECORD_TYPES,
};

/** Options that mean the same wherever they are. */
const BY_OPTION: Readonly<Record<string, ValueKind>> = {
  "--node": "members",
  "--hub": "members",
  "--via": "members",
  "--offer <path>": "services",
};

/** What a walk along the words of a line has found. */
export interface Place {
  readonly command: AnyCommand;
  readonly operands: readonly string[];
  /** The option whose value comes next. */
  readonly pending: Option | undefined;
  readonly given: ReadonlySet<Option>;
  /** Whether `--` has ended the options. */
  readonly hasEnded: boolean;
  /** `--state` and `--config`, wherever they stand. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * @param program the tree of commands
 * @param typed.words those before the cursor's, after the name of the program
 * @param openValues is asked for what an agent knows, with the directory and the file that the line names for it
 * @returns what may come next
 */
export async function expected(
  program: AnyCommand,
  { words, current }: { readonly words: readonly string[]; readonly current: string },
  openValues: (settings: Readonly<Record<string, string>>) => Values,
): Promise<Expected> {
  const place = walk(program, words);
  const { command, operands, pending, hasEnded } = place;
  const valuesOf = async (what: What): Promise<Expected> => {
    if (what === "files" || what === "directories") return { candidates: [], paths: what };
    if (typeof what !== "string") return { candidates: what.map((word) => ({ word, description: "" })) };
    return { candidates: await openValues(place.settings).of(what, operands) };
  };
  if (pending !== undefined) return await valuesOf(meaningOf(command, pending));
  const [, flag, value] = hasEnded ? [] : /^(--[^=]+)=(.*)$/s.exec(current) ?? [];
  if (flag !== undefined && value !== undefined) {
    const option = optionOf(command, flag);
    const { candidates, ...rest } = await valuesOf(option === undefined ? [] : meaningOf(command, option));
    return { ...rest, candidates: candidates.map((one) => ({ ...one, word: `${flag}=${one.word}` })) };
  }
  if (!hasEnded && current.startsWith("-")) return { candidates: optionsAt(place) };
  if (command.name() === "help") return { candidates: commandsOf(operands.reduce(below, program)) };
  const commands = operands.length === 0 ? commandsOf(command) : [];
  const argument = command.registeredArguments[operands.length] ?? lastVariadic(command);
  const said = argument === undefined ? { candidates: [] } : await valuesOf(meaningOf(command, argument));
  if (argument === undefined && commands.length === 0 && !hasEnded) return { candidates: optionsAt(place) };
  return { ...said, candidates: [...commands, ...said.candidates] };
}

/** A kind of values, paths, or the words themselves. */
type What = ValueKind | "files" | "directories" | readonly string[];

function meaningOf(command: AnyCommand, taken: Option | Argument): What {
  const choices = taken instanceof AgentFlag ? taken.values : taken.argChoices;
  if (choices !== undefined && choices.length > 0) return choices;
  const isOption = "flags" in taken;
  const valueName = isOption ? /<([^>]+)>/.exec(taken.flags)?.[1] ?? "" : taken.name();
  const place = BY_PLACE[`${pathOf(command)} ${isOption ? taken.long : valueName}`];
  const option = isOption
    ? BY_OPTION[`${taken.long} <${valueName}>`] ?? BY_OPTION[taken.long ?? ""]
    : undefined;
  return place ?? option ?? BY_VALUE_NAME[valueName] ?? [];
}

/** Follows the words of a line. */
export function walk(program: AnyCommand, words: readonly string[]): Place {
  let command = program;
  let pending: Option | undefined;
  let hasEnded = false;
  const operands: string[] = [];
  const given = new Set<Option>();
  const settings: Record<string, string> = {};
  const take = (option: Option, value: string) => {
    if (option.long === "--state" || option.long === "--config") settings[option.attributeName()] = value;
  };
  for (const word of words) {
    if (pending !== undefined) {
      take(pending, word);
      pending = undefined;
    } else if (hasEnded || word === "-" || !word.startsWith("-")) {
      const next = operands.length === 0 && !hasEnded ? commandNamed(command, word) : undefined;
      if (next === undefined) operands.push(word);
      else command = next;
    } else if (word === "--") hasEnded = true;
    else {
      const [, flag = word, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
      const option = optionOf(command, flag);
      if (option === undefined) continue;
      given.add(option);
      const attached = value ?? (flag.startsWith("--") || flag.length === 2 ? undefined : flag.slice(2));
      if (!option.required) continue;
      if (attached === undefined) pending = option;
      else take(option, attached);
    }
  }
  return { command, operands, pending, given, hasEnded, settings };
}

/** @returns the option that a word is, of the short ones also with a value behind */
export function optionOf(command: AnyCommand, word: string): Option | undefined {
  const isLong = word.startsWith("--");
  return command.options.find(({ long, short }) => isLong ? long === word : short === word.slice(0, 2));
}

/** Hidden ones are known, and not offered. */
function optionsAt({ command, given }: Place): readonly Candidate[] {
  return command.createHelp().visibleOptions(command as never)
    .filter((option) => !given.has(option) || /may be repeated/.test(option.description))
    .map((option) => ({ word: option.long ?? option.short ?? "", description: option.description }));
}

function commandsOf(command: AnyCommand): readonly Candidate[] {
  return command.createHelp().visibleCommands(command as never)
    .map((each) => ({ word: each.name(), description: each.description() }));
}

function below(command: AnyCommand, word: string): AnyCommand {
  return commandNamed(command, word) ?? command;
}

function lastVariadic({ registeredArguments }: AnyCommand): Argument | undefined {
  const last = registeredArguments.at(-1);
  return last?.variadic ? last : undefined;
}
