/**
 * The program `weft`: its commands, and what becomes of their failures.
 * @module
 */

import { CommanderError } from "@commander-js/extra-typings";
import { addCommands, addStartOptions, withoutWgQuick } from "./commands/mod.ts";
import { reportFailure, UsageError } from "./failure.ts";
import type { CliPorts } from "./ports.ts";
import { OutputClosedError } from "./terminal.ts";
import { type AnyCommand, Command, type CommandContext, refuseUnknown } from "./weft_command.ts";

/**
 * Runs one command line.
 * @param args without the name of the program
 * @returns the exit code: 0, 1 when something failed, 2 when the command line was wrong
 */
export async function main(args: readonly string[], ports: CliPorts): Promise<number> {
  const context: CommandContext = { ports, exitCode: 0 };
  const program = makeProgram(context);
  try {
    const meant = withoutWgQuick(args, ports.process.environment, program);
    await program.parseAsync(meant, { from: "user" });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (error instanceof OutputClosedError) return 0;
    const failure = error instanceof CommanderError ? usageError(error, args, program) : error;
    return reportFailure(ports.terminal, failure, { debug: Boolean(ports.process.environment.WEFT_DEBUG) });
  }
}

/** @returns the program with all its commands */
export function makeProgram(context: CommandContext): AnyCommand {
  const { terminal, version } = context.ports;
  const program: AnyCommand = new Command("weft") as AnyCommand;
  program
    .description("Turns machines into one private network.")
    .usage("[command] [options]")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "show help, with an example")
    .helpCommand(false)
    .allowExcessArguments(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      // Failures are reported in one form, at one place.
      writeErr: () => {},
      getOutHelpWidth: () => Math.min(terminal.columns ?? 100, 110),
      getOutHasColors: () => terminal.hasColours,
    })
    .addHelpText("after", "\nExamples:\n  # weft --leader\n  # weft --join weft1-…\n  $ weft status --watch");
  addCommands(program, context);
  addHelpCommand(program);
  // Last, because commands inherit its settings as they are when they are made.
  addStartOptions(program, context);
  return program;
}

/** Adds `weft help`, which knows commands of commands too. */
function addHelpCommand(program: AnyCommand): void {
  const help = program.command("help").argument("[command...]").description("show the help of a command");
  help.addHelpText("after", "\nExample:\n  $ weft help token create").action(() => {
    let command = program;
    for (const word of help.args) {
      const next = command.commands.find((each) => each.name() === word);
      if (next === undefined) refuseUnknown(command, word);
      command = next as AnyCommand;
    }
    command.outputHelp();
  });
}

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

/** Commander's sentence, with its suggestion as the hint. */
function usageError(error: CommanderError, args: readonly string[], program: AnyCommand): UsageError {
  const [first = "", ...more] = error.message.replace(/^error: /, "").split("\n");
  const meant = /\(Did you mean (?:one of )?(.*?)\?\)/.exec(more.join(" "))?.[1];
  const [pattern, text] = REFUSALS.find(([pattern]) => pattern.test(first)) ?? [/^/, ""];
  return new UsageError(first.replace(pattern, text), {
    hint: meant ? `Did you mean ${meant}?` : `See \`${commandPath(args, program)} --help\`.`,
    cause: error,
  });
}

/** @returns the command that a line is about, as far as its words are commands */
function commandPath(args: readonly string[], program: AnyCommand): string {
  const path = ["weft"];
  let command = program;
  for (const word of args) {
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) continue;
    path.push(word);
    command = next as AnyCommand;
  }
  return path.join(" ");
}
