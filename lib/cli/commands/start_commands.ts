/**
 * `weft --leader`, `weft --join TOKEN`, `weft up`: commands that run an agent until they are told to stop.
 * @module
 */

import { shellWord } from "../../base/mod.ts";
import { Option } from "@commander-js/extra-typings";
import { FIELD_ENTRIES, type OptionName, TEST_OPTIONS } from "../../config/mod.ts";
import { UsageError } from "../failure.ts";
import { groupOptions } from "../help_groups.ts";
import { openLog } from "../log.ts";
import type { CliPorts } from "../ports.ts";
import { runAgent, type StartRole } from "../run_agent.ts";
import {
  addFlag,
  type AnyCommand,
  type CommandContext,
  readFile,
  refuseUnknown,
  saidSettings,
  withState,
} from "../weft_command.ts";

/** Makes the program itself start an agent with `--leader` or `--join`. */
export function addStartOptions(program: AnyCommand, context: CommandContext): void {
  program
    .addOption(new Option("--leader", "start a network, or resume it").conflicts(["join", "joinFile"]))
    .addOption(
      new Option(
        "--join <token>",
        "join a network, or resume; - asks for the token, or reads it from standard input",
      )
        .conflicts("joinFile"),
    )
    .option("--join-file <file>", "the same with a token that is in a file");
  withAgentOptions(program)
    .allowExcessArguments()
    .action(async () => {
      const [word] = program.args;
      if (word !== undefined && program.opts().leader === true) {
        throw new UsageError(`Cannot use ${word.slice(0, 60)} here: --leader takes no value`, {
          hint: "`weft --leader --name NAME` names the node.",
        });
      }
      if (word !== undefined) refuseUnknown(program, word);
      const role = await roleOf(program, context.ports);
      if (role === undefined) {
        program.outputHelp();
        return;
      }
      context.exitCode = await start(program, role, context.ports);
    });
}

/** Adds `weft up`. */
export function addUpCommand(program: AnyCommand, context: CommandContext): void {
  const command: AnyCommand = program.command("up")
    .description("resume from the state directory, whatever the role")
    .addHelpText(
      "after",
      "\nExample:\n  $ weft up --state /var/lib/weft\n\n" +
        "Every start does as the last one was told; `weft config show` shows that. What is said again, replaces it.",
    );
  withAgentOptions(command, ["cidr"]).action(async () => {
    context.exitCode = await start(command, { kind: "up" }, context.ports);
  });
}

/** Adds the flags of everything that an agent can be told; those that tests set have none. */
function withAgentOptions(command: AnyCommand, leftOut: readonly OptionName[] = []): AnyCommand {
  const others: readonly OptionName[] = ["stateDir", ...TEST_OPTIONS, ...leftOut];
  for (const [name] of FIELD_ENTRIES) if (!others.includes(name)) addFlag(command, name);
  groupOptions(command);
  return withState(command);
}

async function roleOf(program: AnyCommand, ports: CliPorts): Promise<StartRole | undefined> {
  const { leader, join, joinFile } = program.opts();
  if (leader === true) return { kind: "leader" };
  // Mails break long lines. In an argument a token of several lines would not be hidden as a whole.
  if (typeof joinFile === "string") {
    return joining((await readTokenFile(joinFile, ports)).trim().replace(/\s*\n\s*/g, ""));
  }
  if (join === "-") return joining(await ports.process.readSecret("Token: "));
  return typeof join === "string" ? joining(join) : undefined;
}

/** Others who write a token's file choose the network that this machine joins; those who read it can join that one. */
async function readTokenFile(path: string, ports: CliPorts): Promise<string> {
  const text = await readFile(path, ports, "the token");
  const access = await ports.process.othersMay(path).catch(() => undefined);
  const hint = `\`chmod 600 ${shellWord(path)}\` leaves it to its owner.`;
  if (access === "write") {
    throw new UsageError(`Cannot use the token in ${path}: every user of this machine can change it`, {
      hint,
    });
  }
  if (access === "read") {
    ports.terminal.err(`weft: Other users of this machine can read ${path}\nhint: ${hint}\n`);
  }
  return text;
}

/** What stands before a token where somebody has kept the whole command that the leader printed. */
const COMMAND = /^(?:sudo )?\S*weft --join[\s=]+/;

/** Only the form is checked here. The text is not repeated: it may nearly be a good token. */
function joining(text: string): StartRole {
  const token = text.trim().replace(COMMAND, "");
  if (/^weft1-[A-Za-z0-9_-]+$/.test(token)) return { kind: "join", token };
  if (token === "") {
    throw new UsageError("Cannot join: the token is empty", {
      hint:
        "A variable of the shell may have no value, or a file nothing in it; `weft token create` makes a token.",
    });
  }
  throw new UsageError("Cannot join: that is no join token", {
    hint: /^\S+\s/.test(token)
      ? "There is a space or a line end in it: a token is one word that begins with weft1-."
      : "A token begins with weft1- and stands in the command that the leader prints.",
  });
}

async function start(command: AnyCommand, role: StartRole, ports: CliPorts): Promise<number> {
  const said = await saidSettings(command, ports);
  const { logLevel, logCategories, logFormat } = said.own;
  using log = openLog({
    level: logLevel,
    categories: logCategories,
    format: logFormat,
    isJournal: ports.process.isJournal,
    held: !said.says("logLevel") && !said.says("logCategories"),
    write: ports.terminal.err,
  });
  return await runAgent(ports, { role, said, log });
}
