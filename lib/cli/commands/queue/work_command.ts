/**
 * `weft queue work`: handles messages by a command of the shell, or prints them.
 * @module
 */

import { printableJson, showUnprintable } from "../../../base/mod.ts";
import { CommandError } from "../../failure.ts";
import { type AnyCommand, type CommandContext, readNumber, stopSignal } from "../../weft_command.ts";
import { runWithData } from "../data/mod.ts";
import { execMessage } from "./exec_handler.ts";

/** Adds the command. */
export function addWork(group: AnyCommand, { ports }: CommandContext): void {
  const { terminal } = ports;
  runWithData(
    group.command("work").description("handle messages as they come, until Ctrl-C")
      .argument("<queue>", "as `weft queue list` shows it")
      .option("--exec <command>", "run it for each, with the message as JSON on its standard input")
      .option("--concurrency <number>", "how many at the same time (default: 1)")
      .option("-c, --count <number>", "end after so many")
      .option("--json", "as JSON, a message a line")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft queue work mails --exec 'jq -r .to'\n" +
          "  $ weft queue work mails --count 1 --json\n\n" +
          "A message is done when the command ends with 0, or when it was printed. Else it comes again after a while,\n" +
          "until it was tried as often as it may be: `weft queue dead list` shows those. $WEFT_MESSAGE is its number,\n" +
          "$WEFT_ATTEMPT which attempt it is.",
      ),
    ports,
    async ({ client, notice }, [name = ""], { exec, concurrency, count, json }) => {
      const most = readNumber("--count", count, { least: 1, hint: "For example --count 5." });
      const atOnce = readNumber("--concurrency", concurrency, {
        least: 1,
        most: 256,
        hint: "For example --concurrency 4.",
      }) ?? 1;
      using stop = stopSignal(ports, { endsWithReader: true });
      let begun = 0;
      const queue = client.existingQueue(name);
      // Who mistypes its name hears of it.
      await queue.describe();
      notice.end();
      if (terminal.isInteractive) terminal.err(`Working on ${name}; Ctrl-C ends it.\n`);
      const enough = new AbortController();
      const worker = queue.work(async (message) => {
        if (most !== undefined && ++begun >= most) enough.abort();
        const { value, number, attempt } = message;
        if (typeof exec === "string") return await execMessage(exec, message, terminal);
        terminal.out(
          json === true ? `${printableJson({ number, attempt, value })}\n` : `${printableJson(value)}\n`,
        );
      }, {
        // With more at a time more than that may have begun.
        concurrency: most === undefined ? atOnce : Math.min(atOnce, most),
        signal: AbortSignal.any([stop.signal, enough.signal]),
        onError: (error) =>
          terminal.err(`${showUnprintable(error instanceof Error ? error.message : String(error))}\n`),
      });
      await worker.ended.catch((error) => {
        throw new CommandError(`Cannot work on ${name}: ${error.message}`, {
          hint: error.hint ?? "`weft queue list` shows all, and who owns them.",
          cause: error,
        });
      });
    },
  );
}
