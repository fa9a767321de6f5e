/**
 * `weft leader …` and `weft rotate-key`: who signs, and under which key a node goes on.
 * @module
 */

import type { LeaderReport } from "../../api/mod.ts";
import { type Cell, formatSpan, paintedCell, tableLines } from "../output/mod.ts";
import type { Terminal } from "../terminal.ts";
import { addRecoveryCommands } from "./backup/mod.ts";
import {
  type AnyCommand,
  askAgent,
  askAndPrint,
  type CommandContext,
  printJson,
  refuseOthers,
} from "../weft_command.ts";

const TITLES = ["NAME", "ADDRESS", "STATE", ">HEARD", "GIVES OUT"];

/** Adds `weft leader list`, `promote`, `demote`, `export` and `recover`. */
export function addLeaderCommands(program: AnyCommand, { ports }: CommandContext): void {
  const group: AnyCommand = program.command("leader").description(
    "who lets machines in and signs for the network",
  )
    .addHelpText("after", "\nExample:\n  $ weft leader promote web-1");

  askAndPrint(
    group.command("list").description("list the leaders as this node sees them")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft leader list"),
    ports,
    (client) => client.ask("leaders"),
    (leaders) => leadersText(leaders, ports.terminal),
  );
  askAndPrint(
    group.command("promote").description(
      "make a member a leader: it gets the network's key and half of the addresses",
    )
      .argument("<node>", "its name, id, key or address")
      .addHelpText("after", "\nExample:\n  $ weft leader promote web-1"),
    ports,
    (client, [node = ""]) => client.ask("promoteLeader", node),
    ({ name }) => `Promoted ${name}\n`,
  );
  askAndPrint(
    group.command("demote").description("make a leader an ordinary member; another one gets its addresses")
      .argument("<node>", "its name, id, key or address")
      .addHelpText("after", "\nExample:\n  $ weft leader demote web-1"),
    ports,
    (client, [node = ""]) => client.ask("demoteLeader", node),
    ({ name }) => `Demoted ${name}\n`,
  );

  addRecoveryCommands(group, ports);
  refuseOthers(group);
}

/** Adds `weft rotate-key`. */
export function addRotateCommand(program: AnyCommand, { ports }: CommandContext): void {
  askAgent(
    program.command("rotate-key").description("give this node new keys; its name and addresses stay")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft rotate-key"),
    ports,
    async (client, _, { json }) => {
      const { node: { name }, peers } = await client.ask("status");
      const made = await client.ask("rotateKey");
      if (json === true) return printJson(ports, made);
      ports.terminal.out(`This node's key is ${made.publicKey} now\n`);
      const { node } = await client.ask("status");
      if (node.role === "leader") {
        ports.terminal.out("Tokens that name its old key let in by other leaders only; make new ones.\n");
      }
      // They know this node by the key that it had.
      for (const device of peers.filter(({ hub }) => hub === name)) {
        ports.terminal.out(
          `${device.name} does not know its key: \`weft peer hub ${device.name} ${name}\` on a leader prints what it needs\n`,
        );
      }
    },
  );
}

/** @returns the table, with its line feeds */
export function leadersText(leaders: readonly LeaderReport[], terminal: Terminal): string {
  if (leaders.length === 0) return "This node knows no leader.\n";
  const rows = leaders.map(({ name, self, addresses, lastHeardMs, slices, ...leader }) => [
    self ? `${name} (this node)` : name,
    addresses[0] ?? "",
    stateCell(leader, terminal),
    self ? "" : lastHeardMs === null ? "never" : `${formatSpan(lastHeardMs)} ago`,
    slices === undefined ? "" : slices.join(", ") || "nothing",
  ]);
  return tableLines(TITLES, rows).map((line) => `${line}\n`).join("");
}

function stateCell({ alive, elected }: Pick<LeaderReport, "alive" | "elected">, terminal: Terminal): Cell {
  const text = elected ? "elected" : alive ? "alive" : "away";
  return paintedCell(terminal, elected ? "strong" : alive ? "good" : "bad", text);
}
