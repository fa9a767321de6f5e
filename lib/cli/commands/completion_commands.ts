/**
 * `weft completions SHELL`, and `weft complete SHELL`, which the scripts of shells run.
 * @module
 */

import { Argument } from "@commander-js/extra-typings";
import {
  answerText,
  completionScript,
  expected,
  isShell,
  KnownValues,
  readTyped,
  SHELLS,
} from "../completion/mod.ts";
import { UsageError } from "../failure.ts";
import { type AnyCommand, type CommandContext, stateDirOf } from "../weft_command.ts";

/** Adds the commands. */
export function addCompletionCommands(program: AnyCommand, { ports }: CommandContext): void {
  const completions: AnyCommand = program.command("completions")
    .description(`print completions for a shell: ${SHELLS.join(", ")}`)
    // The refusal is of one form with those of other arguments.
    .addArgument(Object.assign(new Argument("<shell>"), { argChoices: [...SHELLS] }))
    .addHelpText(
      "after",
      "\nExamples:\n  # weft completions bash > /etc/bash_completion.d/weft\n" +
        "  $ weft completions zsh > ~/.zfunc/_weft\n" +
        "  $ weft completions fish > ~/.config/fish/completions/weft.fish",
    ) as AnyCommand;
  completions.action(() => {
    const [shell = ""] = completions.args;
    if (isShell(shell)) return ports.terminal.out(completionScript(shell));
    throw new UsageError(`No completions for the shell ${shell.slice(0, 60)}`, {
      hint: `There are some for ${SHELLS.join(", ")}.`,
    });
  });

  const complete: AnyCommand = program.command("complete", { hidden: true })
    .description("answer what may come next; the words come on standard input, each ended by NUL")
    .argument("<shell>")
    .addHelpText("after", "\nExample:\n  $ printf 'weft\\0sta\\0' | weft complete zsh") as AnyCommand;
  complete.action(async () => {
    const [shell = ""] = complete.args;
    // A shell that asks has no use for what went wrong.
    const input = await ports.process.readText("-").catch(() => "");
    if (!isShell(shell)) return;
    const typed = readTyped(shell, input);
    const answer = await expected(
      program,
      typed,
      (settings) => new KnownValues(() => stateDirOf(settings, ports)),
    );
    ports.terminal.out(answerText(shell, answer, typed));
  });
}
