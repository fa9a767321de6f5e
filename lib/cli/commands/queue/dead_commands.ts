/**
 * `weft queue dead …`: messages that were tried as often as they may be.
 * @module
 */

import { printableJson } from "../../../base/mod.ts";
import { UsageError } from "../../failure.ts";
import { counted, tableText } from "../../output/mod.ts";
import { type AnyCommand, type CommandContext, printJson, refuseOthers } from "../../weft_command.ts";
import { runWithData } from "../data/mod.ts";

const TITLES = [">NUMBER", ">ATTEMPTS", "ERROR", "MESSAGE"];
const SHOWN_CHARACTERS = 60;
const QUEUE = ["<queue>", "as `weft queue list` shows it"] as const;
const NUMBERS = ["[numbers...]", "as `weft queue dead list` shows them"] as const;

/** Adds the commands. */
export function addDeadCommands(parent: AnyCommand, context: CommandContext): void {
  const group: AnyCommand = parent.command("dead")
    .description("messages that were tried as often as they may be")
    .addHelpText("after", "\nExample:\n  $ weft queue dead list mails");
  addList(group, context);
  addEnd(group, context, "retry", "let dead letters be delivered again, as if for the first time");
  addEnd(group, context, "discard", "forget dead letters");
  refuseOthers(group);
}

function addList(group: AnyCommand, { ports }: CommandContext): void {
  runWithData(
    group.command("list").description("list dead letters, with what their last worker has said")
      .argument(...QUEUE)
      .option("--json", "as JSON, a message a line")
      .addHelpText("after", "\nExample:\n  $ weft queue dead list mails --json | jq .error"),
    ports,
    async ({ client }, [name = ""], { json }) => {
      const rows: string[][] = [];
      for await (const letter of client.existingQueue(name).deadLetters()) {
        if (json === true) ports.terminal.out(`${printableJson(letter)}\n`);
        else {
          const { number, attempts, error, value } = letter;
          rows.push([`${number}`, `${attempts}`, ...[error, value].map(shown)]);
        }
      }
      if (json === true) return;
      ports.terminal.out(rows.length === 0 ? "No dead letters.\n" : tableText(TITLES, rows, ports.terminal));
    },
  );
}

function addEnd(
  group: AnyCommand,
  { ports }: CommandContext,
  action: "retry" | "discard",
  description: string,
): void {
  runWithData(
    group.command(action).description(description)
      .argument(...QUEUE)
      .argument(...NUMBERS)
      .option("--all", "all that there are")
      .option("--json", "say as JSON how many")
      .addHelpText("after", `\nExample:\n  $ weft queue dead ${action} mails --all`),
    ports,
    async ({ client }, [name = "", ...given], { all, json }) => {
      const numbers = given.flat().map(Number);
      if (
        numbers.some((number) => !Number.isSafeInteger(number)) || (numbers.length > 0) === (all === true)
      ) {
        throw new UsageError(`Cannot ${action} dead letters without knowing which`, {
          hint: "Write their numbers behind the queue, or --all.",
        });
      }
      const done = await client.existingQueue(name)[action](all === true ? undefined : numbers);
      if (json === true) return printJson(ports, { [action === "retry" ? "retried" : "discarded"]: done });
      ports.terminal.out(`${action === "retry" ? "Retried" : "Discarded"} ${counted(done, "message")}\n`);
    },
  );
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? value.replaceAll("\n", " ") : printableJson(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}
