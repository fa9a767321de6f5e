/**
 * The program `weft`: its commands, and what becomes of their failures.
 * @module
 */

import { CommanderError, Option } from "@commander-js/extra-typings";
import { addCommands, addStartOptions, COMMAND_ADDERS, withoutWgQuick } from "./commands/mod.ts";
import { reportFailure, UsageError } from "./failure.ts";
import type { CliPorts } from "./ports.ts";
import { OutputClosedError } from "./terminal.ts";
import { addAliases, commandNamed, exampleHint, pathOf, unknownHint } from "./command_tree.ts";
import { walk } from "./completion/mod.ts";
import { groupCommands, HELP_LAYOUT } from "./help_groups.ts";
import { optionHint, optionWithoutValue } from "./unknown_option.ts";
import { type AnyCommand, Command, type CommandContext, refuseUnknown } from "./weft_command.ts";

/**
 * Runs one command line.
 * @param args without the name of the program
 * @returns the exit code: 0, 1 when something failed, 2 when the command line was wrong
 */
export async function main(args: readonly string[], ports: CliPorts): Promise<number> {
  const context: CommandContext = { ports, exitCode: 0 };
  const program = makeProgramFor(args, context);
  try {
    const meant = withoutWgQuick(args, ports.process.environment, program);
    refuseMissingValue(program, args);
    await program.parseAsync(meant, { from: "user" });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (error instanceof OutputClosedError) return 0;
    // What was meant by a line that can't be read may be any command.
    const failure = error instanceof CommanderError ? usageError(error, args, makeProgram(context)) : error;
    return reportFailure(ports.terminal, failure, {
      debug: Boolean(ports.process.environment.WEFT_DEBUG),
      usage: exampleHint(walk(program, args).command),
    });
  }
}

/** @throws UsageError when an option stands where the value of another should */
function refuseMissingValue(program: AnyCommand, args: readonly string[]): void {
  const { command } = walk(program, args);
  const option = optionWithoutValue(command, args);
  if (option === undefined || args[0] === "complete") return;
  throw new UsageError(`Missing value: ${option.flags}`, { hint: exampleHint(command, option.long) });
}

const HELP_FLAGS: ReadonlySet<string> = new Set(["-h", "--help"]);

/** @returns the program with the commands that the line may be about: to make all takes longer than most of them run */
function makeProgramFor(args: readonly string[], context: CommandContext): AnyCommand {
  const [word = ""] = args;
  const add = COMMAND_ADDERS.get(word) ?? (/^--(leader|join)\b/.test(word) ? addStartOptions : undefined);
  // Help tells of all commands, and a shell asks for what may be typed.
  if (add === undefined || word === "complete" || args.some((arg) => HELP_FLAGS.has(arg))) {
    return makeProgram(context);
  }
  const program = emptyProgram(context);
  add(program, context);
  addAliases(program);
  // A start has no such word; it may be a command, or nearly one.
  return add === addStartOptions && walk(program, args).operands.length > 0 ? makeProgram(context) : program;
}

/** @returns the program with all its commands */
export function makeProgram(context: CommandContext): AnyCommand {
  const program = emptyProgram(context);
  addCommands(program, context);
  addHelpCommand(program);
  // Last, because commands inherit its settings as they are when they are made.
  addStartOptions(program, context);
  addAliases(program);
  groupCommands(program);
  return program;
}

function emptyProgram({ ports: { terminal, version } }: CommandContext): AnyCommand {
  const program: AnyCommand = new Command("weft") as AnyCommand;
  program
    .description("Turns machines into one private network.")
    .usage("[command] [options]")
    .version(version, "-V, --version", "print the version")
    // As many other programs have it.
    .addOption(new Option("-v", "print the version").hideHelp())
    .on("option:v", () => {
      terminal.out(`${version}\n`);
      throw new CommanderError(0, "commander.version", version);
    })
    .helpOption("-h, --help", "show help, with an example")
    .helpCommand(false)
    .allowExcessArguments(false)
    .enablePositionalOptions()
    .showSuggestionAfterError(false)
    .exitOverride()
    .configureHelp(HELP_LAYOUT)
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      // Failures are reported in one form, at one place.
      writeErr: () => {},
      getOutHelpWidth: () => Math.min(terminal.columns ?? 100, 110),
      getOutHasColors: () => terminal.hasColours,
    })
    .addHelpText("after", "\nExamples:\n  # weft --leader\n  # weft --join weft1-…\n  $ weft status --watch")
    // Otherwise the help of the group would be shown, and the word be passed over.
    .addHelpText("beforeAll", ({ command }) => {
      refuseUnknownWord(command as AnyCommand);
      return "";
    });
  return program;
}

/** Refuses the first word behind a group of commands that is none of them, when the group's help is asked for. */
function refuseUnknownWord(group: AnyCommand): void {
  const [word] = group.args;
  const isGroup = group.commands.length > 0 && group.registeredArguments.length === 0;
  if (!isGroup || word === undefined || word.startsWith("-")) return;
  if (commandNamed(group, word) === undefined) refuseUnknown(group, word);
}

/** Adds `weft help`, which knows commands of commands too. */
function addHelpCommand(program: AnyCommand): void {
  const help = program.command("help").argument("[command...]").description("show the help of a command");
  help.addHelpText("after", "\nExample:\n  $ weft help token create").action(() => {
    let command = program;
    for (const word of help.args) {
      command = commandNamed(command, word) ?? refuseUnknown(command, word);
    }
    command.outputHelp();
  });
}

const START_HINT =
  "`weft --leader` starts a network, `weft --join TOKEN` joins one; either resumes, as `weft up` does.";

/** What commander refuses, in the words of all other failures. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/^unknown option '(.*)'$/, "Unknown option: $1"],
  [/^missing required argument '(.*)'$/, "Missing argument: <$1>"],
  [/^required option '(.*)' not specified$/, "Missing option: $1"],
  [/^option '(.*)' argument missing$/, "Missing value: $1"],
  [/^option '(.*)' cannot be used with option '(.*)'$/, "Cannot use both $1 and $2"],
  [
    /^option '(\S+).*' argument '(.*)' is invalid\. Allowed choices are (.*)\.$/,
    "Cannot use $1 $2: it is $3",
  ],
  [/^too many arguments.* but got \d+: (.*)\.$/, "Too many arguments: $1"],
];

/** A word too many may be a command that is none, or somebody who is meant. */
function excessHint(command: AnyCommand, word: string): string | undefined {
  if (pathOf(command) === "weft status") return "`weft peer show NAME` tells all of a member.";
  return command.commands.length === 0 ? undefined : unknownHint(command, word);
}

/** Commander's sentence, and what to do about it. */
function usageError(error: CommanderError, args: readonly string[], program: AnyCommand): UsageError {
  const [first = ""] = error.message.replace(/^error: /, "").split("\n");
  const [pattern, text] = REFUSALS.find(([pattern]) => pattern.test(first)) ?? [/^/, ""];
  const { command } = walk(program, args);
  const [, unknown] = /^unknown option '(.*)'$/s.exec(first) ?? [];
  const [word = ""] = args;
  if (unknown !== undefined && /^[^-]/.test(word) && commandNamed(program, word) === undefined) {
    // No command was found that could have the option.
    return new UsageError(`Unknown command: weft ${word.slice(0, 60)}`, {
      hint: unknownHint(program, word),
      cause: error,
    });
  }
  const [, excess] = /^too many arguments.* but got \d+: ([^,]*)/s.exec(first) ?? [];
  return new UsageError(first.replace(pattern, text), {
    hint: (unknown === undefined ? undefined : optionHint(program, command, unknown)) ??
      (excess === undefined ? undefined : excessHint(command, excess)) ??
      (/ cannot be used with .*--(leader|join)/.test(first) ? START_HINT : undefined) ??
      exampleHint(command, /--[\w-]+/.exec(first)?.[0]),
    cause: error,
  });
}
