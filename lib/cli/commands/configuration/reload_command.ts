/**
 * `weft reload`: has a running agent follow what has changed of its settings.
 * @module
 */

import type { ReloadReport, SettingValue } from "../../../api/mod.ts";
import { type AnyCommand, askAgent, type CommandContext, printJson } from "../../weft_command.ts";

/** Adds the command. */
export function addReloadCommand(program: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  askAgent(
    program.command("reload").description(
      "have the agent read its settings again, and follow what can change while it runs",
    )
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExample:\n  # weft config set log-level debug && weft reload\n\n" +
          "The agent reads its configuration file and what is kept again, as the next start would; SIGHUP does the\n" +
          "same. What needs a restart is named, and nothing of it changes before.",
      ),
    ports,
    async (client, _, { json }) => {
      const report = await client.ask("reload");
      if (json === true) printJson(ports, report);
      else ports.terminal.out(reloadText(report));
      if (report.failed.length > 0) context.exitCode = 1;
    },
  );
}

/** @returns what has changed, what has not, and why, a line each */
export function reloadText({ changed, pending, failed }: ReloadReport): string {
  if (changed.length + pending.length + failed.length === 0) return "Nothing has changed\n";
  return [
    ...changed.map(({ name, value }) => `${name} is ${valueText(value)} now`),
    ...failed.flatMap(({ names, problem, hint }) => [
      `${names.join(", ")} ${names.length === 1 ? "stays as it was" : "stay as they were"}: ${problem}`,
      ...hint === undefined ? [] : [`hint: ${hint}`],
    ]),
    ...pending.length === 0
      ? []
      : [`needs a restart: ${
        pending.map(({ name, value, next }) => `${name} ${valueText(value)} -> ${valueText(next)}`).join("; ")
      }`],
  ].map((line) => `${line}\n`).join("");
}

function valueText(value: SettingValue): string {
  return [value ?? "unset"].flat().join(", ") || "unset";
}
