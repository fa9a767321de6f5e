/**
 * `weft config` and what of it is about a node, whether it runs or not: `show`, `set`, `unset`.
 * @module
 */

import type { SettingChange, SettingReport, SettingValue } from "../../../api/mod.ts";
import { showUnprintable, WeftError } from "../../../base/mod.ts";
import { FIELD_ENTRIES } from "../../../config/mod.ts";
import { absolutePath } from "../../absolute_path.ts";
import { type ControlClient, NoAgentError } from "../../control_client.ts";
import { CommandError } from "../../failure.ts";
import { tableText } from "../../output/mod.ts";
import {
  agentClient,
  type AnyCommand,
  type CommandContext,
  printJson,
  refuseOthers,
  runWithOptions,
  saidSettings,
} from "../../weft_command.ts";
import { addConfigFileCommands } from "./file_commands.ts";

const ORDER =
  "\n\nFlags of a start win over the environment (WEFT_PORT), that over what earlier starts were told, that over\n" +
  "the file of --config, which every start reads again, that over the defaults. What a start says is kept for\n" +
  "the next. A variable that is set and empty forgets what an earlier environment said.";

/** Adds `weft config` with its commands. */
export function addConfigCommands(program: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  const group: AnyCommand = program.command("config").description("how this node is told to run")
    .addHelpText("after", "\nExample:\n  $ weft config show");

  const show: AnyCommand = group.command("show").description("list every setting, and where it comes from")
    .option("--json", "as JSON")
    .addHelpText("after", `\nExample:\n  $ weft config show${ORDER}`) as AnyCommand;
  runWithOptions(show, ports, async ({ stateDir }, _, { json }) => {
    const reports = await asked(stateDir, (client) => client.ask("settings"), async () => {
      const onProblem = (problem: string) => ports.terminal.err(`weft: ${showUnprintable(problem)}\n`);
      return (await ports.loadAgent()).storedSettings(await saidSettings(show, ports), onProblem);
    }, json);
    if (json === true) return printJson(ports, reports);
    // Lists may be long, so the value stands last.
    ports.terminal.out(tableText(["SETTING", "FROM", "VALUE"], reports.map(row), ports.terminal));
  });

  runWithOptions(
    group.command("set").description("keep a setting for the next start")
      .argument("<name>", "as `weft config show` lists it")
      .argument("<value...>", "each of a list by itself")
      .addHelpText(
        "after",
        "\nExample:\n  # weft config set port 5555\n  # weft config set endpoint 192.0.2.1:5555 '[2001:db8::1]:5555'",
      ),
    ports,
    async ({ stateDir }, [name = "", ...texts]) => {
      // The next start may be in another directory.
      const value = name === "config" ? texts.map((text) => absolutePath(text)) : texts;
      await change(stateDir, { name, value });
    },
  );
  runWithOptions(
    group.command("unset").description("forget a setting from the next start on")
      .argument("<name>", "as `weft config show` lists it")
      .addHelpText("after", "\nExample:\n  # weft config unset port"),
    ports,
    async ({ stateDir }, [name = ""]) => await change(stateDir, { name }),
  );
  addConfigFileCommands(group, context);
  refuseOthers(group);

  async function change(stateDir: string, change: SettingChange): Promise<void> {
    const { name, value } = change;
    let isRunning = true;
    const hasChanged = await asked(stateDir, (client) => client.ask("changeSetting", change), async () => {
      isRunning = false;
      return (await ports.loadAgent()).changeStoredSetting(stateDir, change);
    });
    const said = value === undefined ? "is not kept any more" : `is kept as ${value.join(", ")}`;
    const already = value === undefined ? "was not kept" : `is kept as ${value.join(", ")} already`;
    const isFollowed = FIELD_ENTRIES.some(([, field]) =>
      [field.flag, field.plural].includes(name) && field.isReloadable
    );
    const running = isFollowed
      ? "`weft reload` or the next start uses it"
      : "it takes effect at the next start";
    const when = `; ${isRunning ? running : "the next start uses it"}`;
    const end = !hasChanged ? "" : value === undefined && !isRunning ? "" : when;
    ports.terminal.out(`${name} ${hasChanged ? said : already}${end}\n`);
  }

  /** The state is the running agent's, if there is one. */
  async function asked<T>(
    stateDir: string,
    ask: (client: ControlClient) => Promise<T>,
    read: () => Promise<T>,
    json?: unknown,
  ): Promise<T> {
    using client = agentClient(stateDir, ports, { json });
    try {
      return await ask(client);
    } catch (error) {
      if (!(error instanceof NoAgentError)) throw error;
    }
    try {
      return await read();
    } catch (cause) {
      if (!(cause instanceof WeftError) || cause.code !== "NotInitialized") throw cause;
      throw new CommandError(
        `Cannot tell the settings: there is no node in the state directory ${stateDir}`,
        {
          hint: "`weft --leader` or `weft --join TOKEN` makes one; or name another with --state.",
          cause,
        },
      );
    }
  }
}

function row({ name, value, source, at, next }: SettingReport): readonly string[] {
  const later = next === undefined ? "" : `; ${valueText(next)} at the next start`;
  return [name, at === undefined ? source : `${source} ${at}`, valueText(value) + later];
}

function valueText(value: SettingValue): string {
  return [value ?? "-"].flat().join(", ") || "-";
}
