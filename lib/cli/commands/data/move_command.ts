/**
 * `weft data move`: a collection goes from one engine to the other.
 * @module
 */

import type { EngineName, MoveStatus } from "../../../data/mod.ts";
import { UsageError } from "../../failure.ts";
import { type AnyCommand, type CommandContext, printJson } from "../../weft_command.ts";
import { runWithData } from "./attached_data.ts";

/** Adds the command. */
export function addMove(group: AnyCommand, { ports }: CommandContext): void {
  const { terminal } = ports;
  runWithData(
    group.command("move").description("move a collection of this node to another engine, while it is in use")
      .argument("<collection>", "as `weft data list` shows it")
      .option(
        "--to <engine>",
        "embedded: this node's own disk; nats: the servers of `--data` or `weft data up`",
      )
      .option("--abort", "have one that is on its way stay where it is")
      .option("--json", "as JSON")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft data move orders --to nats\n  $ weft data move orders --abort\n\n" +
          "Nothing is lost, and nothing is written twice: writes wait for 2 s at most, at the end. The move goes on\n" +
          "when this command is ended; `weft data show` says how far it is.",
      ),
    ports,
    async ({ client }, [name = ""], { to, abort, json }) => {
      if ((to === undefined) === (abort === undefined)) {
        throw new UsageError("Cannot move it without knowing where to", {
          hint: "Write --to nats, --to embedded or --abort.",
        });
      }
      if (abort === true) {
        const aborted = await client.abortMove(name);
        if (json === true) return printJson(ports, { aborted });
        return terminal.out(aborted ? `${name} stays where it is\n` : `${name} was not on its way\n`);
      }
      if (to !== "embedded" && to !== "nats") {
        throw new UsageError(`Cannot move it to ${String(to)}`, { hint: "It is embedded or nats." });
      }
      let last: string | undefined;
      const onProgress = (status: MoveStatus) => {
        const text = moveText(status);
        if (terminal.isInteractive && json !== true && text !== last) terminal.err(`${last = text}\n`);
      };
      await client.move(name, to, { onProgress });
      if (json === true) return printJson(ports, { collection: name, engine: to });
      terminal.out(`${name} is kept by ${engineText(to)}\n`);
    },
  );
}

/** @returns what keeps a collection */
export function engineText(engine: EngineName): string {
  return engine === "nats" ? "the servers of NATS" : "the node's own disk";
}

/** @returns how far a move is */
export function moveText({ to, phase, copied, count }: MoveStatus): string {
  return `${phase}, ${copied} of ${count} copied to ${engineText(to)}`;
}
