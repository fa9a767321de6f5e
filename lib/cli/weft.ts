/**
 * The program `weft`: its commands, and what becomes of their failures.
 * @module
 */

import { CommanderError } from "@commander-js/extra-typings";
import { addAskCommands } from "./ask_commands.ts";
import { reportFailure, UsageError } from "./failure.ts";
import { addHostCommands } from "./host_commands.ts";
import { addPeerCommands, addTokenCommands } from "./member_commands.ts";
import type { CliPorts } from "./ports.ts";
import { addStartOptions, addUpCommand } from "./start_commands.ts";
import { type AnyCommand, Command, type CommandContext } from "./weft_command.ts";

/**
 * Runs one command line.
 * @param args without the name of the program
 * @returns the exit code: 0, 1 when something failed, 2 when the command line was wrong
 */
export async function main(args: readonly string[], ports: CliPorts): Promise<number> {
  const context: CommandContext = { ports, exitCode: 0 };
  try {
    await makeProgram(context).parseAsync(args, { from: "user" });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failure = error instanceof CommanderError ? usageError(error) : error;
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
    .helpOption("--help", "show help, with an example")
    .helpCommand("help [command]", "show the help of a command")
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
  addUpCommand(program, context);
  addAskCommands(program, context);
  addTokenCommands(program, context);
  addPeerCommands(program, context);
  addHostCommands(program, context);
  // Last, because commands inherit its settings as they are when they are made.
  addStartOptions(program, context);
  return program;
}

/** Commander's sentence, with its suggestion as the hint. */
function usageError(error: CommanderError): UsageError {
  const [first = "", ...more] = error.message.split("\n");
  const meant = /\(Did you mean (?:one of )?(.*?)\?\)/.exec(more.join(" "))?.[1];
  return new UsageError(first.replace(/^error: /, ""), {
    hint: meant ? `Did you mean ${meant}?` : "See `weft --help`, or --help after the name of a command.",
    cause: error,
  });
}
