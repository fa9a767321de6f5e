/**
 * `weft exit …`: sending everything through one member.
 * @module
 */

import type { ExitReport, ExitRequest, RouteReport } from "../../../api/mod.ts";
import { tableText } from "../../output/mod.ts";
import type { Terminal } from "../../terminal.ts";
import {
  type AnyCommand,
  askAndPrint,
  type CommandContext,
  defined,
  refuseOthers,
} from "../../weft_command.ts";

const TITLES = ["NODE", "LEADS", "STATE", "HERE"];
/** What an exit leads to: everything of either family. */
const EVERYTHING = ["0.0.0.0/0", "::/0"] as const;

/** Adds `weft exit offer`, `use`, `off` and `list`. */
export function addExitCommands(program: AnyCommand, { ports }: CommandContext): void {
  const group: AnyCommand = program.command("exit").description("send everything through one member")
    .addHelpText("after", "\nExample:\n  $ weft exit use web-1");

  askAndPrint(
    group.command("offer").description(
      "offer to lead members out to everywhere; a leader approves it at once",
    )
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft exit offer"),
    ports,
    async (client) => {
      const offered: RouteReport[] = [];
      for (const network of EVERYTHING) offered.push(await client.ask("addRoute", { network }));
      return offered;
    },
    (offered) => offered.map(offeredText).join(""),
  );
  askAndPrint(
    group.command("use").description("send everything through a member; while it is away, nothing gets out")
      .argument("<node>", "an exit, as `weft exit list` shows it")
      .option("--block-lan", "reach networks beside this host no more either")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft exit use web-1"),
    ports,
    (client, [node = ""], { blockLan }) =>
      client.ask(
        "useExit",
        defined<ExitRequest>({ node, blocksLan: blockLan === true ? true : undefined }),
      ),
    exitText,
  );
  askAndPrint(
    group.command("off").description("send everything as it was before")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft exit off"),
    ports,
    (client) => client.ask("leaveExit"),
    exitText,
  );
  askAndPrint(
    group.command("list").description("list the exits, and which one is used here")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft exit list"),
    ports,
    async (client) => ({
      exits: (await client.ask("listRoutes")).filter(({ isExit }) => isExit),
      used: await client.ask("exitStatus"),
    }),
    ({ exits, used }) => exitsText(exits, used, ports.terminal),
  );
  refuseOthers(group);
}

/** @returns the exits, and through whom everything goes */
export function exitsText(exits: readonly RouteReport[], used: ExitReport, terminal: Terminal): string {
  if (exits.length === 0) return `No exits. \`weft exit offer\` makes this node one.\n${usedText(used)}`;
  const rows = exits.map(({ node, network, state, use }) => {
    const here = use === "here" ? "this node" : use === "carries" ? "used" : "-";
    return [node, network, state, here];
  });
  return `${tableText(TITLES, rows, terminal)}${usedText(used)}`;
}

function usedText(used: ExitReport): string {
  return used.node === null ? "" : exitText(used);
}

/** @returns what has come of a choice */
export function exitText({ node, families, blocksLan, problem }: ExitReport): string {
  if (node === null) return "Everything goes as it did without weft\n";
  if (problem !== undefined) {
    return `warning: nothing gets out: ${problem}\nhint: \`weft exit off\` sends everything as before.\n`;
  }
  const missing = ([4, 6] as const).filter((family) => !families.includes(family));
  const lacks = missing.length === 0 ? "" : `; IPv${missing.join(" and IPv")} gets out nowhere`;
  const lan = blocksLan ? "; networks beside this host are not reached" : "";
  return `Everything goes through ${node}${lacks}${lan}; while it is away, nothing gets out\n`;
}

function offeredText({ network, node, state, problem }: RouteReport): string {
  const warning = problem === undefined ? "" : `warning: ${problem}\n`;
  return state === "approved"
    ? `${node} leads members to ${network}\n${warning}`
    : `Offered ${network}: a leader runs \`weft route approve ${network} ${node}\`\n`;
}
